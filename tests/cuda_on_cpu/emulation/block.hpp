// SPDX-License-Identifier: Apache-2.0
// Grids: blocks one after the other, the threads of a block as fibres that change places only where they wait.
//
// A fibre takes up one thread after the other for as long as none waits, so that kernels without barriers and warp
// functions run as plain loops, and those with warp functions only need the stacks of one warp.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <source_location>
#include <vector>

#include "errors.hpp"
#include "fibres.hpp"
#include "vector_types.hpp"

inline constexpr int warpSize = 32;
inline uint3 threadIdx{}, blockIdx{};
inline dim3 blockDim{}, gridDim{};

namespace cuda_on_cpu {

using Place = std::source_location;

// Threads that meet: those of a block, or of a warp. Words go round in two sets, since whoever arrives at the next
// meeting may write while others still read those of the last one.
struct Meeting {
  static constexpr unsigned kWarp = 32;
  std::vector<unsigned> waiting;
  const char* function = nullptr;
  Place place;
  unsigned round = 0;
  std::uint64_t words[2][kWarp] = {};  // of a warp: one a lane; of a block: a count and a flag
};

class Block {
 public:
  static Block& current() {
    static thread_local Block block;
    return block;
  }

  Block() = default;
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() {
    const Unseen unseen;
    fibres_.clear();
  }

  void run(unsigned index, unsigned threads, void (*body)(const void*), const void* argument, bool reversed) {
    const Unseen unseen;
    index_ = index, threads_ = threads, body_ = body, argument_ = argument, reversed_ = reversed;
    started_ = ended_ = 0;
    warps_.resize((threads + Meeting::kWarp - 1) / Meeting::kWarp);
    for (Barrier& barrier : barriers_) barrier = {};
    begin_history();
    go_on(main_);
    if (finished_.size() > kMostActors) end_history();
  }

  // What comes now comes after all that the threads of blocks before did.
  void end_history() {
    if (!kFindsRaces) return;
    hear(&ends_);
    for (const Actor actor : finished_) forget(actor);
    finished_.clear();
  }

  Meeting& whole() { return whole_; }
  Meeting& warp() { return warps_[threadIdx.x / Meeting::kWarp]; }

  // Waits until `size` threads have come to the meeting from the same place. Where it orders memory, what they did
  // before comes before what any of them does afterwards.
  void meet(Meeting& meeting, unsigned size, bool orders, const char* function, const Place& place) {
    const Unseen unseen;
    char* const token = token_of(meeting, meeting.round);
    if (orders) tell(token);
    come_to(meeting, size, function, place);
    if (orders) hear(token);
  }

  // Comes to barrier `id` of `size` threads, and waits there or not.
  void come(unsigned id, unsigned size, bool waits, const Place& place) {
    const Unseen unseen;
    if (id >= kBarriers || size % Meeting::kWarp != 0) stop("there is no barrier %u of %u threads", id, size);
    char* const token = history_.data() + kSpacing * (2 + 2 * warps_.size() + id);
    tell(token);
    come_to(barriers_[id], size, waits, place);
    if (waits) hear(token);
  }

 private:
  static constexpr unsigned kBarriers = 16;
  static constexpr size_t kSpacing = 16;  // of words that ThreadSanitizer keeps histories for
  static constexpr size_t kMostActors = size_t{1} << 11;
  static constexpr size_t kDeepest = size_t{1} << 14;  // bytes of a thread's variables

  struct Barrier {
    std::vector<unsigned> waiting;
    unsigned arrived = 0;
    Place place;
  };

  // Fresh memory, of which nothing was heard before.
  void begin_history() {
    if (!kFindsRaces) return;
    forget_static_memory();
    std::vector<char>(kSpacing * (2 + 2 * warps_.size() + kBarriers)).swap(history_);
    actors_.resize(threads_);
    for (Actor& actor : actors_) finished_.push_back(actor = new_actor());
  }

  char* token_of(const Meeting& meeting, unsigned round) {
    const size_t number = &meeting == &whole_ ? 0 : 1 + static_cast<size_t>(&meeting - warps_.data());
    return history_.data() + kSpacing * (2 * number + round % 2);
  }

  void come_to(Meeting& meeting, unsigned size, const char* function, const Place& place) {
    if (meeting.waiting.empty()) {
      meeting.function = function, meeting.place = place;
    } else if (meeting.function != function || meeting.place.line() != place.line() ||
               meeting.place.column() != place.column() ||
               std::strcmp(meeting.place.file_name(), place.file_name()) != 0) {
      stop("thread %u of block %u is at %s (%s:%u) while thread %u waits at %s (%s:%u)", threadIdx.x, index_, function,
           place.file_name(), place.line(), meeting.waiting[0], meeting.function, meeting.place.file_name(),
           meeting.place.line());
    }
    if (meeting.waiting.size() + 1 == size) {
      for (const unsigned thread : meeting.waiting) ready_.push_back(thread);
      meeting.waiting.clear();
      ++meeting.round;
      return;
    }
    wait_in(meeting.waiting);
  }

  void come_to(Barrier& barrier, unsigned size, bool waits, const Place& place) {
    barrier.place = place;
    if (barrier.arrived + 1 == size) {
      for (const unsigned thread : barrier.waiting) ready_.push_back(thread);
      barrier.waiting.clear();
      barrier.arrived = 0;
      return;
    }
    ++barrier.arrived;
    if (waits) wait_in(barrier.waiting);
  }

  // Lets others go on until somebody moves this thread from the list to those that are ready.
  void wait_in(std::vector<unsigned>& waiting) {
    const unsigned thread = threadIdx.x;
    waiting.push_back(thread);
    if (fibre_of_.size() < threads_) fibre_of_.resize(threads_);
    fibre_of_[thread] = fibre_;
    Fibre* const own = fibre_;
    go_on(own->context());
    fibre_ = own;
    threadIdx.x = thread;
  }

  static void fibre_main() {
    arrived(nullptr);
    hide();
    Block& block = current();
    for (;;) block.take_up_threads();
  }

  // Runs threads to their ends until a waiting one can go on or the block is done, and parks the fibre.
  void take_up_threads() {
    Fibre* const own = fibre_;
    while (fibre_ = own, started_ < threads_) {
      threadIdx.x = reversed_ ? threads_ - 1 - started_ : started_;
      ++started_;
      run_thread();
      ++ended_;
      if (!ready_.empty()) break;
    }
    idle_.push_back(own);
    go_on(own->context());
  }

  void run_thread() {
    const Actor keeper = this_actor();
    if (kFindsRaces) {
      char here = 0;
      forget_memory(&here - kDeepest, kDeepest);  // where the last thread on this stack had its variables
      become(actors_[threadIdx.x]);
    }
    try {
      body_(argument_);
      tell(&ends_);
      become(keeper);
    } catch (...) {
      stop("an exception left thread %u of block %u", threadIdx.x, index_);
    }
  }

  // Leaves `from` for a thread that need no longer wait, for one that has not begun, or for the end of the block.
  void go_on(Context& from) {
    Fibre* next = nullptr;
    if (!ready_.empty()) {
      next = fibre_of_[ready_.back()];
      ready_.pop_back();
    } else if (started_ < threads_) {
      next = idle_fibre();
    } else if (ended_ < threads_) {
      refuse_to_hang();
    }
    if (next != nullptr) fibre_ = next;
    Context& to = next == nullptr ? main_ : next->context();
    if (&to != &from) switch_context(from, to);
  }

  Fibre* idle_fibre() {
    if (idle_.empty()) {
      fibres_.push_back(std::make_unique<Fibre>(&fibre_main));
      return fibres_.back().get();
    }
    Fibre* const fibre = idle_.back();
    idle_.pop_back();
    return fibre;
  }

  [[noreturn]] void refuse_to_hang() const {
    for (const Barrier& barrier : barriers_)
      if (!barrier.waiting.empty())
        stop("block %u would hang: %zu threads wait at a barrier (%s:%u) to which %u came", index_,
             barrier.waiting.size(), barrier.place.file_name(), barrier.place.line(), barrier.arrived);
    const Meeting* stuck = &whole_;
    for (const Meeting& warp : warps_)
      if (!warp.waiting.empty()) stuck = &warp;
    stop("block %u would hang: %zu threads wait at %s (%s:%u), first thread %u, and %u of %u have ended", index_,
         stuck->waiting.size(), stuck->function, stuck->place.file_name(), stuck->place.line(), stuck->waiting[0],
         ended_, threads_);
  }

  unsigned index_ = 0, threads_ = 0, started_ = 0, ended_ = 0;
  bool reversed_ = false;
  void (*body_)(const void*) = nullptr;
  const void* argument_ = nullptr;
  Meeting whole_;
  std::vector<Meeting> warps_;
  Barrier barriers_[kBarriers];
  Context main_;
  Fibre* fibre_ = nullptr;  // that runs now
  std::vector<std::unique_ptr<Fibre>> fibres_;
  std::vector<Fibre*> idle_;
  std::vector<Fibre*> fibre_of_;  // where a waiting thread goes on
  std::vector<unsigned> ready_;
  std::vector<Actor> actors_, finished_;  // of this block, and of those since the host has heard of them
  char ends_ = 0;
  std::vector<char> history_;  // a place for each round of each meeting, and each barrier
};

// The running block's dynamic shared memory: as many bytes as were asked for, so that AddressSanitizer sees overruns.
struct FreeShared {
  void operator()(void* data) const { std::free(data); }
};
inline std::unique_ptr<void, FreeShared> block_memory;
inline constexpr size_t kMostKept = size_t{1} << 28;  // bytes of blocks that have ended

inline void* shared_memory() {
  if (block_memory == nullptr) stop("a kernel uses dynamic shared memory, and its launch gave none");
  return block_memory.get();
}

// Shared memory of blocks that have no order must not be the same where races are looked for.
inline void give_shared_memory(size_t bytes) {
  static std::vector<std::unique_ptr<void, FreeShared>> before;
  if (kFindsRaces && block_memory != nullptr) before.push_back(std::move(block_memory));
  if (bytes == 0 || before.size() * bytes > kMostKept) {
    Block::current().end_history();
    before.clear();
  }
  if (bytes == 0) return block_memory.reset();
  if (block_memory == nullptr) {
    void* shared = nullptr;
    if (posix_memalign(&shared, 16, bytes) != 0) stop("no memory for shared memory");
    block_memory.reset(shared);
  }
  std::memset(block_memory.get(), kGarbage, bytes);
}

// One grid at a time: static shared memory and threadIdx are one for all. body(argument) is one thread.
inline void run_grid(unsigned blocks, unsigned threads, size_t shared_bytes, void (*body)(const void*),
                     const void* argument) {
  const Unseen unseen;
  const bool reversed = environment("CUDA_ON_CPU_REVERSED", 0) != 0;
  gridDim = dim3(blocks), blockDim = dim3(threads);
  for (unsigned i = 0; i < blocks; ++i) {
    blockIdx = {reversed ? blocks - 1 - i : i, 0, 0};
    threadIdx = {};
    if (shared_bytes > 0) give_shared_memory(shared_bytes);
    Block::current().run(blockIdx.x, threads, body, argument, reversed);
  }
  give_shared_memory(0);
}

}  // namespace cuda_on_cpu
