// SPDX-License-Identifier: Apache-2.0
// What this machine does at most for a state that is touched at random places: the floor of the loops that
// bench/run.py times. Compiled for the machine it runs on; one thread, pinned by the caller.
//
// Without arguments it measures the whole grid and prints a JSON array. With "-" it answers requests, one a line,
//   <access> <size> <pages> <method>
// by one JSON object a line, so that a caller can take turns between its own loops and these:
//   access   read32 read64 update32 update64 (random units of that many bytes), increment (one random int32),
//            increments-uniform, increments-zipf, increments-signed (kDepth int32 a key, one in every row of a
//            table: for uniform keys, for Zipf's law, and for it with a sign each),
//            stream-read stream-copy (sequential; counted in bytes),
//            hamming (XOR and popcount of all bytes with four vectors in registers; counted in bytes compared)
//   size     bytes of the state; for increments-* the columns of one row
//   pages    small (4 KiB) or huge (2 MiB)
//   method   prefetch or plain. Addresses are always computed a batch ahead of their use; prefetch asks for them too.
//
// Addresses come from a multiplicative mix of a counter, so no index array is read and the accesses are independent.
// Only those under Zipf's law read columns that were computed beforehand.
#include <sys/mman.h>
#if defined(__AVX512VPOPCNTDQ__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using std::size_t;
using std::uint32_t;
using std::uint64_t;

constexpr size_t kBatch = 64;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kDepth = 5;
constexpr size_t kChunk = 1 << 17;     // keys that go through one row before the next row: a row then stays in a cache
constexpr size_t kColumnsAhead = 160;  // increments between a prefetch and its use
constexpr size_t kZipfKeys = size_t{1} << 20;
constexpr uint64_t kGamma = 0x9E3779B97F4A7C15ULL;

// Reading through a volatile sink keeps loops that only read from being removed.
volatile uint64_t sink;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

uint64_t mix(uint64_t x) {
  x *= kGamma;
  x ^= x >> 32;
  return x * 0xD6E8FEB86659FD93ULL;
}

// Memory of one kind of page, touched once so that no page fault is timed.
class Buffer {
 public:
  Buffer(size_t bytes, bool huge) : length_((bytes + kHugePage - 1) / kHugePage * kHugePage + kHugePage) {
    memory_ = mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    madvise(memory_, length_, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    const auto address = reinterpret_cast<std::uintptr_t>(memory_);
    data_ = static_cast<unsigned char*>(memory_) + (kHugePage - address % kHugePage) % kHugePage;
    std::memset(data_, 0, bytes);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { munmap(memory_, length_); }
  unsigned char* data() { return data_; }

 private:
  size_t length_;
  void* memory_;
  unsigned char* data_;
};

template <size_t kBytes>
struct Unit {
  typedef uint64_t Lanes __attribute__((vector_size(kBytes)));
};

template <size_t kBytes>
struct Read {
  using Place = typename Unit<kBytes>::Lanes;
  static constexpr int kWrites = 0;
  Place sum{};
  void operator()(const Place* place, uint64_t) { sum += *place; }
  uint64_t result() const { return sum[0] + sum[kBytes / 8 - 1]; }
};

template <size_t kBytes>
struct Update {
  using Place = typename Unit<kBytes>::Lanes;
  static constexpr int kWrites = 1;
  void operator()(Place* place, uint64_t word) { *place |= Place{} + word; }
  uint64_t result() const { return 0; }
};

struct Increment {
  using Place = uint32_t;
  static constexpr int kWrites = 1;
  void operator()(Place* place, uint64_t word) { *place += static_cast<uint32_t>(word & 2) - 1; }
  uint64_t result() const { return 0; }
};

// A batch of addresses, and the words they came from.
struct Batch {
  uint64_t places[kBatch];
  uint64_t words[kBatch];

  void draw(uint64_t counter, uint64_t n_places) {
    for (size_t j = 0; j < kBatch; ++j) {
      words[j] = mix(counter + j);
      places[j] = ((words[j] >> 32) * n_places) >> 32;
    }
  }
};

template <bool kPrefetch, int kWrites, class Place>
void prefetch(const Place* state, const uint64_t* places) {
  if constexpr (kPrefetch)
    for (size_t j = 0; j < kBatch; ++j) __builtin_prefetch(state + places[j], kWrites, 3);
}

// Seconds of `count` accesses: batch i + 1 is addressed (and prefetched) before batch i is touched.
template <class Access, bool kPrefetch>
double random_accesses(unsigned char* memory, size_t bytes, uint64_t counter, size_t count) {
  using Place = typename Access::Place;
  auto* state = reinterpret_cast<Place*>(memory);
  const uint64_t n_places = bytes / sizeof(Place);
  Access access;
  Batch batches[2];
  const double start = now();
  batches[0].draw(counter, n_places);
  prefetch<kPrefetch, Access::kWrites>(state, batches[0].places);
  for (size_t done = 0, turn = 0; done < count; done += kBatch, turn ^= 1) {
    Batch& next = batches[turn ^ 1];
    next.draw(counter + done + kBatch, n_places);
    prefetch<kPrefetch, Access::kWrites>(state, next.places);
    const Batch& mine = batches[turn];
    for (size_t j = 0; j < kBatch; ++j) access(state + mine.places[j], mine.words[j]);
  }
  sink = access.result();
  return now() - start;
}

double stream_read(const unsigned char* memory, size_t bytes) {
  using Line = Unit<64>::Lanes;
  const auto* lines = reinterpret_cast<const Line*>(memory);
  Line sums[8] = {};
  const double start = now();
  for (size_t i = 0; i + 8 <= bytes / sizeof(Line); i += 8)
    for (size_t j = 0; j < 8; ++j) sums[j] += lines[i + j];
  Line sum{};
  for (const Line& one : sums) sum += one;
  sink = sum[0] + sum[7];
  return now() - start;
}

// The sums of bits that differ, each word of memory held against four words in registers.
double hamming(const unsigned char* memory, size_t bytes) {
  const auto* words = reinterpret_cast<const uint64_t*>(memory);
  const double start = now();
#if defined(__AVX512VPOPCNTDQ__)
  __m512i sums[4] = {}, asked[4];
  for (size_t q = 0; q < 4; ++q) asked[q] = _mm512_set1_epi64(static_cast<long long>(mix(q + 1)));
  for (size_t i = 0; i + 8 <= bytes / 8; i += 8)
    for (size_t q = 0; q < 4; ++q)
      sums[q] += _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_load_si512(words + i), asked[q]));
  const __m512i sum = sums[0] + sums[1] + sums[2] + sums[3];
  sink = static_cast<uint64_t>(sum[0] + sum[7]);
#else
  uint64_t sums[4] = {};
  for (size_t i = 0; i < bytes / 8; ++i)
    for (size_t q = 0; q < 4; ++q) sums[q] += static_cast<uint64_t>(__builtin_popcountll(words[i] ^ mix(q + 1)));
  sink = sums[0] + sums[1] + sums[2] + sums[3];
#endif
  return now() - start;
}

double stream_copy(unsigned char* to, const unsigned char* from, size_t bytes) {
  const double start = now();
  std::memcpy(to, from, bytes);
  sink = to[bytes / 2];
  return now() - start;
}

// Increments of one row for one chunk of keys, straight from their columns: a copy in between would halve the rate.
// With signs the top bit of a column tells whether to add or to subtract.
template <bool kSigned, bool kPrefetch>
void increment_row(uint32_t* row, const uint32_t* columns) {
  constexpr uint32_t kColumn = kSigned ? ~uint32_t{0} >> 1 : ~uint32_t{0};
  const auto prefetch_at = [&](size_t j) {
    __builtin_prefetch(row + (columns[j < kChunk ? j : kChunk - 1] & kColumn), 1, 3);
  };
  if constexpr (kPrefetch)
    for (size_t j = 0; j < kColumnsAhead; ++j) prefetch_at(j);
  for (size_t first = 0; first < kChunk; first += 8) {
    if constexpr (kPrefetch)
      for (size_t j = 0; j < 8; ++j) prefetch_at(first + kColumnsAhead + j);
    for (size_t j = 0; j < 8; ++j) {
      const uint32_t column = columns[first + j];
      row[column & kColumn] += kSigned ? 1 - (column >> 31) * 2 : 1;
    }
  }
}

// Columns of keys under a Zipf law of exponent 1.1 over 10^6 ranks, chunk by chunk and row by row in a chunk. Ranks
// are drawn from the law's continuous form, by inversion.
std::vector<uint32_t> zipf_columns(uint64_t n_columns, bool with_signs) {
  const uint64_t signs = with_signs ? uint64_t{1} << 31 : 0;
  constexpr double kExponent = 1.1, kRanks = 1e6;
  std::vector<uint32_t> columns(kZipfKeys * kDepth);
  for (size_t i = 0; i < kZipfKeys; ++i) {
    const double uniform = static_cast<double>(mix(i + 1) >> 11) * 0x1p-53;
    const double tail = 1 - uniform * (1 - std::pow(kRanks, 1 - kExponent));
    const auto rank = static_cast<uint64_t>(std::pow(tail, 1 / (1 - kExponent)));
    for (size_t r = 0; r < kDepth; ++r) {
      const uint64_t word = mix(rank * kDepth + r), column = ((word >> 32) * n_columns) >> 32;
      columns[(i / kChunk * kDepth + r) * kChunk + i % kChunk] = static_cast<uint32_t>(column | (word & signs));
    }
  }
  return columns;
}

template <bool kSigned, bool kPrefetch>
double increments_zipf(uint32_t* table, size_t n_columns, const std::vector<uint32_t>& columns, size_t count) {
  const double start = now();
  for (size_t done = 0; done < count; done += kChunk)
    for (size_t r = 0; r < kDepth; ++r)
      increment_row<kSigned, kPrefetch>(table + r * n_columns, columns.data() + (done * kDepth + r * kChunk));
  return now() - start;
}

template <bool kPrefetch>
double increments_uniform(uint32_t* table, size_t n_columns, uint64_t counter, size_t count) {
  std::vector<uint32_t> columns(kChunk);
  const double start = now();
  for (size_t done = 0; done < count; done += kChunk)
    for (size_t r = 0; r < kDepth; ++r) {
      const uint64_t first = counter + (done * kDepth + r * kChunk);
      for (size_t j = 0; j < kChunk; ++j)
        columns[j] = static_cast<uint32_t>(((mix(first + j) >> 32) * n_columns) >> 32);
      increment_row<false, kPrefetch>(table + r * n_columns, columns.data());
    }
  return now() - start;
}

struct Request {
  std::string access;
  size_t size = 0;
  std::string pages;
  std::string method;
};

struct Answer {
  size_t count;  // accesses, keys or bytes
  double seconds;
};

// Keeps the memory of the latest request, so that asking again for the same costs no new pages.
class Machine {
 public:
  Answer measure(const Request& request) {
    if (request.size == 0 || request.size > (size_t{1} << 40)) throw std::invalid_argument("size out of range");
    if (request.pages != "small" && request.pages != "huge") throw std::invalid_argument("pages: small or huge");
    if (request.method == "prefetch") return measure_by<true>(request);
    if (request.method == "plain") return measure_by<false>(request);
    throw std::invalid_argument("method: prefetch or plain");
  }

 private:
  template <bool kPrefetch>
  Answer measure_by(const Request& request) {
    if (request.access == "read32") return random<Read<32>, kPrefetch>(request);
    if (request.access == "read64") return random<Read<64>, kPrefetch>(request);
    if (request.access == "update32") return random<Update<32>, kPrefetch>(request);
    if (request.access == "update64") return random<Update<64>, kPrefetch>(request);
    if (request.access == "increment") return random<Increment, kPrefetch>(request);
    if (request.access.starts_with("increments-")) return increments<kPrefetch>(request);
    if (request.access == "hamming") return compare(request);
    return stream(request);
  }

  Answer compare(const Request& request) {
    const unsigned char* memory = buffer(first_, request.size, request);
    Answer answer{0, 0};
    for (double seconds = hamming(memory, request.size); answer.count < (size_t{1} << 32);
         seconds = hamming(memory, request.size)) {
      answer.seconds += seconds;
      answer.count += 4 * request.size;
    }
    return answer;
  }

  template <class Access, bool kPrefetch>
  Answer random(const Request& request) {
    if (request.size < sizeof(typename Access::Place)) throw std::invalid_argument("size below one access");
    unsigned char* memory = buffer(first_, request.size, request);
    const size_t count = request.size > (size_t{8} << 20) ? size_t{1} << 22 : size_t{1} << 23;
    random_accesses<Access, kPrefetch>(memory, request.size, advance(count), count / 8);
    return {count, random_accesses<Access, kPrefetch>(memory, request.size, advance(count), count)};
  }

  template <bool kPrefetch>
  Answer increments(const Request& request) {
    const size_t bytes = kDepth * request.size * sizeof(uint32_t);
    auto* table = reinterpret_cast<uint32_t*>(buffer(first_, bytes, request));
    const size_t count = kZipfKeys;
    if (request.access == "increments-uniform") {
      increments_uniform<kPrefetch>(table, request.size, advance(count * kDepth), count / 8);
      return {count, increments_uniform<kPrefetch>(table, request.size, advance(count * kDepth), count)};
    }
    if (request.access == "increments-zipf") return zipf<false, kPrefetch>(table, request.size, count);
    return zipf<true, kPrefetch>(table, request.size, count);
  }

  template <bool kSigned, bool kPrefetch>
  Answer zipf(uint32_t* table, size_t n_columns, size_t count) {
    if (zipf_size_ != n_columns || zipf_signed_ != kSigned) {
      zipf_ = zipf_columns(n_columns, kSigned);
      zipf_size_ = n_columns;
      zipf_signed_ = kSigned;
    }
    increments_zipf<kSigned, kPrefetch>(table, n_columns, zipf_, count / 8);
    return {count, increments_zipf<kSigned, kPrefetch>(table, n_columns, zipf_, count)};
  }

  Answer stream(const Request& request) {
    const bool copies = request.access == "stream-copy";
    if (!copies && request.access != "stream-read") throw std::invalid_argument("unknown access");
    const unsigned char* from = buffer(first_, request.size, request);
    unsigned char* to = copies ? buffer(second_, request.size, request) : nullptr;
    const auto pass = [&] { return copies ? stream_copy(to, from, request.size) : stream_read(from, request.size); };
    pass();
    Answer answer{0, 0};
    while (answer.count < (size_t{1} << 28)) {
      answer.seconds += pass();
      answer.count += request.size;
    }
    return answer;
  }

  struct Kept {
    std::unique_ptr<Buffer> memory;
    size_t bytes = 0;
    std::string pages;
  };

  unsigned char* buffer(Kept& kept, size_t bytes, const Request& request) {
    if (kept.bytes != bytes || kept.pages != request.pages) {
      kept.memory.reset();
      kept.memory = std::make_unique<Buffer>(bytes, request.pages == "huge");
      kept.bytes = bytes;
      kept.pages = request.pages;
    }
    return kept.memory->data();
  }

  uint64_t advance(uint64_t count) { return std::exchange(counter_, counter_ + count + kBatch); }

  Kept first_, second_;
  std::vector<uint32_t> zipf_;
  size_t zipf_size_ = 0;
  bool zipf_signed_ = false;
  uint64_t counter_ = 1;
};

void print(const Request& request, const Answer& answer) {
  std::printf(R"({"access": "%s", "size": %zu, "pages": "%s", "method": "%s", "count": %zu, "seconds": %.9g, )",
              request.access.c_str(), request.size, request.pages.c_str(), request.method.c_str(), answer.count,
              answer.seconds);
  std::printf(R"("rate": %.6g})", static_cast<double>(answer.count) / answer.seconds);
}

void serve() {
  Machine machine;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    Request request;
    words >> request.access >> request.size >> request.pages >> request.method;
    try {
      print(request, machine.measure(request));
    } catch (const std::exception& error) {
      std::printf(R"({"error": "%s"})", error.what());
    }
    std::printf("\n");
    std::fflush(stdout);
  }
}

std::vector<Request> grid() {
  std::vector<Request> requests;
  for (const char* pages : {"small", "huge"}) {
    for (const size_t size : {size_t{1} << 20, size_t{4} << 20, size_t{64} << 20, size_t{1} << 30}) {
      for (const char* access : {"read32", "read64", "update32", "update64", "increment"})
        for (const char* method : {"plain", "prefetch"}) requests.push_back({access, size, pages, method});
      for (const char* access : {"stream-read", "stream-copy"}) requests.push_back({access, size, pages, "plain"});
    }
    for (const int exponent : {16, 18, 20})
      for (const char* access : {"increments-uniform", "increments-zipf", "increments-signed"})
        for (const char* method : {"plain", "prefetch"})
          requests.push_back({access, size_t{1} << exponent, pages, method});
  }
  return requests;
}

void measure_grid() {
  constexpr size_t kRepeats = 5;
  Machine machine;
  const char* separator = "[\n";
  for (const Request& request : grid()) {
    std::vector<Answer> answers;
    for (size_t i = 0; i < kRepeats; ++i) answers.push_back(machine.measure(request));
    std::nth_element(answers.begin(), answers.begin() + kRepeats / 2, answers.end(),
                     [](const Answer& a, const Answer& b) { return a.seconds < b.seconds; });
    std::printf("%s  ", separator);
    print(request, answers[kRepeats / 2]);
    std::fflush(stdout);
    separator = ",\n";
  }
  std::printf("\n]\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) {
    measure_grid();
  } else if (argc == 2 && std::string(argv[1]) == "-") {
    serve();
  } else {
    std::fprintf(stderr, "usage: %s [-]\n", argv[0]);
    return 2;
  }
}
