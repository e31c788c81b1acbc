// SPDX-License-Identifier: Apache-2.0
// A Bloom filter whose keys keep to one block (layout.hpp), and the words that a thread takes from a batch.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "hypersketch/key_batch.hpp"
#include "hypersketch/layout.hpp"

namespace hypersketch {

enum class BlockLayout { kSplitBlock, kCacheLine };

inline constexpr size_t kCachedBytes = size_t{4} << 20;  // a larger filter is worth prefetching
inline constexpr size_t kTaken = 4096;                   // keys from which an owner takes its own at a time

class BlockFilter {
 public:
  BlockFilter(BlockLayout layout, std::span<uint64_t> words, size_t n_hashes, uint64_t seed)
      : state_(words),
        n_hashes_(n_hashes),
        seed_(seed),
        is_split_(layout == BlockLayout::kSplitBlock),
        operations_(is_split_ ? kernels().split_block : kernels().cache_line) {}

  std::span<uint64_t> state() const { return state_; }
  const BlockKernels& operations() const { return operations_; }
  uint64_t n_blocks() const { return state_.size() / (is_split_ ? kSplitWords : kLineWords); }

  // The view for keys, for hashes, or for words that are already made. Parquet's filter takes hashes as words.
  BlockView view(KeyBatch keys) const {
    BlockView made = view_of_words();
    made.hash = !keys.hashed;
    made.start = !(is_split_ && seed_ == 0);
    return made;
  }
  BlockView view_of_words() const {
    return {state_.data(),
            n_blocks(),
            n_hashes_,
            seed_word(seed_, Purpose::kBloom),
            false,
            false,
            state_.size_bytes() > kCachedBytes};
  }

  // Makes the words of `count` keys from `first` on.
  void words(KeyBatch keys, size_t first, size_t count, uint64_t* out) const {
    const uint64_t* hashes = keys.hashes(first, count, out);
    if (view(keys).start)
      kernels().stream_starts(hashes, count, seed_word(seed_, Purpose::kBloom), out);
    else if (hashes != out)
      std::copy(hashes, hashes + count, out);
  }

  // The same filter in other memory.
  BlockFilter over(std::span<uint64_t> words) const {
    BlockFilter other = *this;
    other.state_ = words;
    return other;
  }

 private:
  std::span<uint64_t> state_;
  size_t n_hashes_;
  uint64_t seed_;
  bool is_split_;
  BlockKernels operations_;
};

// The words of those keys of a batch whose blocks belong to one of several owners, in the batch's order, by pieces.
class OwnedWords {
 public:
  OwnedWords(const BlockFilter& filter, KeyBatch keys, size_t owner, size_t owners)
      : filter_(filter),
        keys_(keys),
        is_alone_(owners == 1),
        begin_(filter.n_blocks() * owner / owners),
        end_(filter.n_blocks() * (owner + 1) / owners),
        made_(kTaken),
        own_(is_alone_ ? 0 : kTaken + 8),
        indices_(is_alone_ ? 0 : kTaken + 8) {}

  // Goes to the next piece; false behind the last.
  bool next() {
    base_ = end_of_piece_;
    if (base_ == keys_.size()) return false;
    const size_t n = std::min(kTaken, keys_.size() - base_);
    end_of_piece_ += n;
    filter_.words(keys_, base_, n, made_.data());
    size_ = is_alone_ ? n
                      : kernels().select_blocks(made_.data(), n, filter_.n_blocks(), begin_, end_, own_.data(),
                                                indices_.data());
    return true;
  }

  const uint64_t* words() const { return is_alone_ ? made_.data() : own_.data(); }
  size_t size() const { return size_; }                        // at most kTaken
  size_t base() const { return base_; }                        // key base() + indices()[i] has the word words()[i]
  const uint32_t* indices() const { return indices_.data(); }  // only with several owners

 private:
  const BlockFilter& filter_;
  KeyBatch keys_;
  bool is_alone_;
  uint64_t begin_, end_;
  std::vector<uint64_t> made_, own_;
  std::vector<uint32_t> indices_;
  size_t base_ = 0, end_of_piece_ = 0, size_ = 0;
};

}  // namespace hypersketch
