// SPDX-License-Identifier: Apache-2.0
// Records of a block of bytes: where lines and words lie, what each hashes to, which of them are written, and
// exactly which were seen before. A record is a span of the block, never an object.
// Bottleneck: memory; a block is read about four times, from the caches where it is small.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "hypersketch/bits.hpp"
#include "hypersketch/parallel.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch {

using std::int64_t;
using Bytes = std::span<const unsigned char>;

// Record i is data[starts[i], ends[i]).
struct SpanView {
  const unsigned char* data;
  const int64_t* starts;
  const int64_t* ends;
  size_t n;

  const unsigned char* begin_of(size_t i) const { return data + starts[i]; }
  size_t size_of(size_t i) const { return static_cast<size_t>(ends[i] - starts[i]); }
};

inline size_t count_byte(Bytes data, unsigned char byte) {
  return static_cast<size_t>(std::count(data.begin(), data.end(), byte));
}

// The complete lines of a block: stops[i] is behind line i's LF, ends[i] before its LF or CR LF. Both arrays hold as
// many elements as the block has LFs. Returns the number of lines.
inline size_t split_lines(Bytes data, int64_t* ends, int64_t* stops) {
  const unsigned char* const first = data.data();
  const unsigned char* const last = first + data.size();
  size_t n = 0;
  for (const unsigned char* start = first; start != last;) {
    const auto* newline =
        static_cast<const unsigned char*>(std::memchr(start, '\n', static_cast<size_t>(last - start)));
    if (newline == nullptr) break;
    ends[n] = newline - first - (newline > start && newline[-1] == '\r' ? 1 : 0);
    start = newline + 1;
    stops[n++] = start - first;
  }
  return n;
}

// Where a byte comes next; remembered, so that a block is searched for it only once.
class NextByte {
 public:
  NextByte(Bytes data, unsigned char byte) : last_(data.data() + data.size()), byte_(byte), place_(data.data()) {
    search(data.data());
  }

  // The first one at or behind `from`, which never goes back; the end of the block if there is none.
  const unsigned char* at(const unsigned char* from) {
    if (place_ < from) search(from);
    return place_;
  }

 private:
  void search(const unsigned char* from) {
    const auto* found =
        from == last_ ? nullptr
                      : static_cast<const unsigned char*>(std::memchr(from, byte_, static_cast<size_t>(last_ - from)));
    place_ = found == nullptr ? last_ : found;
  }

  const unsigned char* last_;
  unsigned char byte_;
  const unsigned char* place_;
};

struct RowScan {
  size_t n;       // complete rows
  int64_t stray;  // the first CR outside quotes that is not the end of a CR LF; -1 if there is none
};

// The complete rows of CSV, as `split_lines` gives lines. A double quote opens a quoted field where the field begins
// and nowhere else; inside, two of them are one and an LF ends nothing; behind the closing one, quotes are plain bytes
// again. A CR at the end of the block is stray only `at_end`, for an LF may follow.
inline RowScan split_rows(Bytes data, unsigned char delimiter, bool at_end, int64_t* ends, int64_t* stops) {
  const unsigned char* const first = data.data();
  const unsigned char* const last = first + data.size();
  NextByte newlines(data, '\n'), quotes(data, '"'), returns(data, '\r');
  RowScan scan{0, -1};
  // The rows are known up to `start`, and `from` is outside quotes.
  for (const unsigned char *start = first, *from = first; from != last;) {
    const unsigned char* const line = newlines.at(from);
    const unsigned char* quote = quotes.at(from);
    while (quote < line && quote != start && quote[-1] != delimiter) quote = quotes.at(quote + 1);
    const unsigned char* const plain = std::min(quote, line);  // outside quotes up to here
    for (const unsigned char* back = returns.at(from); back < plain; back = returns.at(back + 1)) {
      if (back + 1 == line && (line != last || !at_end)) continue;
      scan.stray = back - first;
      return scan;
    }
    if (quote < line) {
      for (from = quotes.at(quote + 1); from + 1 < last && from[1] == '"'; from = quotes.at(from + 2)) {
      }
      if (from == last) break;  // the field goes on in the next block
      ++from;
      continue;
    }
    if (line == last) break;
    ends[scan.n] = line - first - (line > start && line[-1] == '\r' ? 1 : 0);
    from = start = line + 1;
    stops[scan.n++] = start - first;
  }
  return scan;
}

// White space of the C locale.
inline constexpr std::array<bool, 256> kSpace = [] {
  std::array<bool, 256> table{};
  for (const char c : {' ', '\t', '\n', '\v', '\f', '\r'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

inline size_t count_words(Bytes data) {
  size_t n = 0;
  bool space = true;
  for (const unsigned char byte : data) {
    n += space && !kSpace[byte] ? 1 : 0;
    space = kSpace[byte];
  }
  return n;
}

// What lies between white space; the arrays hold count_words(data) elements.
inline void split_words(Bytes data, int64_t* starts, int64_t* ends) {
  size_t n = 0;
  bool space = true;
  for (size_t i = 0; i < data.size(); ++i) {
    if (kSpace[data[i]] == space) continue;
    if (space)
      starts[n] = static_cast<int64_t>(i);
    else
      ends[n++] = static_cast<int64_t>(i);
    space = !space;
  }
  if (!space) ends[n] = static_cast<int64_t>(data.size());
}

// XXH64 of every record.
inline void hash_spans(SpanView spans, uint64_t seed, size_t threads, uint64_t* out) {
  constexpr size_t kGrain = size_t{1} << 14, kBlock = 128;
  parallel_for(spans.n, kGrain, threads, [&](size_t begin, size_t end) {
    const unsigned char* pointers[kBlock];
    size_t sizes[kBlock];
    for (size_t first = begin; first < end; first += kBlock) {
      const size_t n = std::min(kBlock, end - first);
      for (size_t i = 0; i < n; ++i) pointers[i] = spans.begin_of(first + i), sizes[i] = spans.size_of(first + i);
      kernels().hash_strings(pointers, sizes, n, seed, out + first);
    }
  });
}

// Moves the kept records (all of them where `keep` is null) to `out`, one behind the other, neighbours in one move.
// `out` may be the block itself, since no record moves upwards. Returns the number of bytes.
inline size_t pack_spans(SpanView spans, const bool* keep, unsigned char* out) {
  size_t done = 0;
  for (size_t i = 0; i < spans.n;) {
    if (keep != nullptr && !keep[i]) {
      ++i;
      continue;
    }
    const size_t first = i++;
    while (i < spans.n && (keep == nullptr || keep[i]) && spans.starts[i] == spans.ends[i - 1]) ++i;
    const auto size = static_cast<size_t>(spans.ends[i - 1] - spans.starts[first]);
    if (size != 0) std::memmove(out + done, spans.begin_of(first), size);
    done += size;
  }
  return done;
}

// An exact table of records by their hashes: open addressing, at most `limit` slots in use. A slot whose hash is set
// and whose place is 0 waits for the first record of that hash; place p > 0 means that the record's size (eight
// bytes) and bytes lie at p - 1 in the arena. Different records of one hash take a slot each.
struct ExactSlot {
  uint64_t hash;
  uint64_t place;
};

struct ExactTable {
  ExactSlot* slots;
  size_t n_slots;
  size_t used;
  size_t limit;
  unsigned char* arena;
  size_t arena_size;
  size_t filled;
};

inline constexpr size_t kExactAhead = 12;  // random accesses in flight

// 0 marks a free slot; that two hashes share a slot then costs a comparison.
inline uint64_t exact_key(uint64_t hash) { return hash == 0 ? 1 : hash; }

inline ExactSlot* exact_home(const ExactTable& table, uint64_t hash) {
  return table.slots + multiply_high(hash, table.n_slots);
}

inline ExactSlot* exact_next(const ExactTable& table, ExactSlot* slot) {
  return ++slot == table.slots + table.n_slots ? table.slots : slot;
}

inline void exact_prefetch(const ExactTable& table, std::span<const uint64_t> hashes, size_t i) {
  if (i + kExactAhead < hashes.size()) __builtin_prefetch(exact_home(table, exact_key(hashes[i + kExactAhead])), 1);
}

// Reserves a slot for every hash that has none. Returns how many hashes were done: fewer when the table is full.
inline size_t exact_reserve(ExactTable& table, std::span<const uint64_t> hashes) {
  for (size_t i = 0; i < hashes.size(); ++i) {
    exact_prefetch(table, hashes, i);
    const uint64_t key = exact_key(hashes[i]);
    ExactSlot* slot = exact_home(table, key);
    while (slot->hash != 0 && slot->hash != key) slot = exact_next(table, slot);
    if (slot->hash == key) continue;
    if (table.used == table.limit) return i;
    *slot = {key, 0};
    ++table.used;
  }
  return hashes.size();
}

// Puts all slots of an old table into a new, empty one.
inline void exact_move(std::span<const ExactSlot> old, ExactTable& table) {
  for (const ExactSlot& each : old) {
    if (each.hash == 0) continue;
    ExactSlot* slot = exact_home(table, each.hash);
    while (slot->hash != 0) slot = exact_next(table, slot);
    *slot = each;
  }
}

inline bool exact_equal(const ExactTable& table, const ExactSlot& slot, const unsigned char* bytes, size_t size) {
  const unsigned char* place = table.arena + slot.place - 1;
  uint64_t stored;
  std::memcpy(&stored, place, sizeof stored);
  return stored == size && (size == 0 || std::memcmp(place + sizeof stored, bytes, size) == 0);
}

enum class Seen { kNew, kAgain, kNoRoom };

inline Seen exact_store(ExactTable& table, ExactSlot* slot, uint64_t key, const unsigned char* bytes, size_t size) {
  const bool fresh = slot->hash == 0;
  if ((fresh && table.used == table.limit) || table.arena_size - table.filled < sizeof(uint64_t) + size)
    return Seen::kNoRoom;
  const auto stored = static_cast<uint64_t>(size);
  std::memcpy(table.arena + table.filled, &stored, sizeof stored);
  if (size != 0) std::memcpy(table.arena + table.filled + sizeof stored, bytes, size);  // no bytes may be null
  *slot = {key, table.filled + 1};
  table.filled += sizeof stored + size;
  table.used += fresh ? 1 : 0;
  return Seen::kNew;
}

// Looks a record up by its bytes and stores it if its hash is reserved and it was not there. A record whose hash is not
// reserved is new, and nothing is stored.
inline Seen exact_look(ExactTable& table, uint64_t hash, const unsigned char* bytes, size_t size) {
  const uint64_t key = exact_key(hash);
  bool reserved = false;
  for (ExactSlot* slot = exact_home(table, key);; slot = exact_next(table, slot)) {
    if (slot->hash == 0) return reserved ? exact_store(table, slot, key, bytes, size) : Seen::kNew;
    if (slot->hash != key) continue;
    if (slot->place == 0) return exact_store(table, slot, key, bytes, size);
    if (exact_equal(table, *slot, bytes, size)) return Seen::kAgain;
    reserved = true;
  }
}

// keep[i] = whether record i is the first of its bytes. Returns how many records were done: fewer when the table or
// the arena is full.
inline size_t exact_keep(ExactTable& table, SpanView spans, std::span<const uint64_t> hashes, bool* keep) {
  for (size_t i = 0; i < spans.n; ++i) {
    exact_prefetch(table, hashes, i);
    const Seen seen = exact_look(table, hashes[i], spans.begin_of(i), spans.size_of(i));
    if (seen == Seen::kNoRoom) return i;
    keep[i] = seen == Seen::kNew;
  }
  return spans.n;
}

}  // namespace hypersketch
