// SPDX-License-Identifier: Apache-2.0
// What the GPU half offers to the bindings: plain C++, so that pybind11 never passes through nvcc.
//
// Pointers are to memory of the place's device unless they are called host memory. Calls return when their work is
// enqueued on the place's stream; those that return a number wait for it. All of them throw Error or OutOfMemory, and
// take what memory they need before they change anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "hypersketch/views.hpp"

namespace hypersketch::cuda {

// A call that failed, in words for the user.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct OutOfMemory : Error {
  using Error::Error;
};

// ---- device.cu

struct Device {
  std::string name;
  int major;  // compute capability
  int minor;
  size_t memory;  // bytes
  int processors;
};

// The GPUs of this machine in the order of their indices. Throws Error where none can be used.
std::vector<Device> devices();

// One sentence on why no GPU can be used; empty where one can.
std::string why_not();

// Where a call runs. A stream is CUDA's handle of it as an integer; 0 is the default one.
struct Place {
  int device;
  std::uintptr_t stream;
};

// ---- memory.cu

// Device memory of a state or a result, and which stream used it last. A call on another stream waits for that one.
class Memory {
 public:
  Memory(int device, size_t n_bytes);
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory();  // waits for the device

  int device() const { return device_; }
  size_t size() const { return size_; }
  void* data() const { return data_; }

  // Call these around what a stream does with the memory.
  void before(std::uintptr_t stream);
  void after(std::uintptr_t stream);

 private:
  int device_;
  size_t size_;
  void* data_ = nullptr;
  void* event_ = nullptr;  // the end of the last use
  std::uintptr_t stream_ = 0;
};

void clear(Place place, void* data, size_t n_bytes);
void copy(Place place, void* to, const void* from, size_t n_bytes);  // `from` may be on another device
void copy_to_host(Place place, void* to_host, const void* from, size_t n_bytes);
void copy_from_host(Place place, void* to, const void* from_host, size_t n_bytes);
void synchronize(Place place);
// Makes a stream of the device wait for all that was enqueued on another.
void follow(int device, std::uintptr_t stream, std::uintptr_t other);

// Whether the pointer is to memory of a device, and of which one; -1 for host memory.
int device_of(const void* pointer);

// ---- staging.cu

// A batch of host memory on its way through the device, piece by piece, while the piece before is worked on.
// `n_in` bytes go in and `n_out` come back for every key; either may be null with 0 bytes.
struct HostBatch {
  const void* in;
  size_t n_in;
  const void* more_in;  // a second array, of weights
  size_t n_more_in;
  void* out;
  size_t n_out;
  size_t n;
};

// What happens to one piece: `n` keys from key `first` on.
struct Piece {
  const void* in;
  const void* more_in;
  void* out;
  size_t first;
  size_t n;
};

class Work {
 public:
  virtual void operator()(Place place, Piece piece) = 0;

 protected:
  ~Work() = default;
};

// Calls `work` for the pieces in their order, all on the place's stream; returns when all answers are in host memory.
// `threads` copy into and out of the staging buffers.
void stage(Place place, HostBatch batch, Work& work, size_t threads);

// ---- hash.cu

// Integers of 1, 2, 4 or 8 bytes, `stride` bytes apart.
struct IntegerArray {
  const void* data;
  size_t n;
  std::ptrdiff_t stride;
  int n_bytes;
  bool is_signed;
};

// out[i] = XXH64 of integer i widened to 64 bits.
void hash_integers(Place place, IntegerArray keys, uint64_t seed, uint64_t* out);

// String i is bytes [offsets[i], offsets[i + 1]), as in Arrow. `Offset` is int32_t or int64_t.
template <class Offset>
struct StringArray {
  const Offset* offsets;  // n + 1 of them
  const unsigned char* bytes;
  size_t n_bytes;
  size_t n;
};

// Throws std::invalid_argument, and waits, when offsets do not rise within the bytes.
template <class Offset>
void hash_strings(Place place, StringArray<Offset> keys, uint64_t seed, uint64_t* out);

// ---- bloom.cu

enum class BloomLayout { kSplitBlock, kCacheLine, kClassic };

struct BloomFilter {
  uint64_t* words;
  uint64_t n_bits;  // whole blocks in the blocked layouts
  size_t n_hashes;
  uint64_t seed;
  BloomLayout layout;
};

// Hashes of keys, or 64-bit integers that are hashed on the way.
struct Keys {
  const uint64_t* words;
  size_t n;
  bool hashed;
};

void bloom_add(Place place, BloomFilter filter, Keys keys);
void bloom_contains(Place place, BloomFilter filter, Keys keys, bool* out);
// Bit i % 8 of byte i / 8 for key i; bits beyond the last key are zero.
void bloom_contains_packed(Place place, BloomFilter filter, Keys keys, unsigned char* out);
// Whether each key was there once the keys before it had been added. Returns how many were not.
uint64_t bloom_test_and_add(Place place, BloomFilter filter, Keys keys, bool* out);

void unite_bytes(Place place, unsigned char* bytes, const unsigned char* others, size_t n);
void unite(Place place, uint64_t* words, const uint64_t* others, size_t n);
void intersect(Place place, uint64_t* words, const uint64_t* others, size_t n);
uint64_t popcount(Place place, const uint64_t* words, size_t n);
// Bits set in either.
uint64_t popcount_or(Place place, const uint64_t* a, const uint64_t* b, size_t n);

// ---- counting_bloom.cu

// Counters of 4, 8, 16 or 32 bits one after the other, from the lowest bits of each word on. The memory ends with a
// whole word.
struct CountingFilter {
  std::uint32_t* words;
  uint64_t n_cells;
  int counter_bits;
  size_t n_hashes;
  uint64_t seed;
};

// Adds every key's weight, 1 when `weights` is null. Returns how many counters have become saturated.
uint64_t counting_add(Place place, CountingFilter filter, Keys keys, const std::int64_t* weights);
// Takes every key's weight, or nothing when a counter would fall below zero: false then.
bool counting_take(Place place, CountingFilter filter, Keys keys, const std::int64_t* weights);
// Whether each key was there once the keys before it had been added. Returns how many counters have become saturated.
uint64_t counting_test_and_add(Place place, CountingFilter filter, Keys keys, bool* out);
void counting_count(Place place, CountingFilter filter, Keys keys, std::int64_t* out);
// Counts above zero, as bools or bits.
void counting_contains(Place place, CountingFilter filter, Keys keys, bool* out);
void counting_contains_packed(Place place, CountingFilter filter, Keys keys, unsigned char* out);

enum class CounterChoice { kSum, kLargest, kSmallest };
// Puts the sum, or the larger or smaller one, of every two counters here. Returns how many have become saturated.
uint64_t counting_combine(Place place, CountingFilter filter, const std::uint32_t* others, CounterChoice choice);

struct CounterLook {
  uint64_t occupied;   // above zero here or there
  uint64_t saturated;  // here
};
CounterLook counting_look(Place place, CountingFilter filter, const std::uint32_t* others);

// ---- weights.cu; T is int64_t or double

template <class T>
struct WeightSummary {
  T least;
  T most;
  T sum;        // modulo 2^64 of integers, as the next
  T magnitude;  // the sum of absolute values
  bool all_real;
};

template <class T>
WeightSummary<T> summarize(Place place, const T* values, size_t n);

// ---- count_sketch.cu; Cell is int32_t, int64_t, float or double

// Adds to the cells modulo 2^bits; 1 each when `weights` is null.
template <class Cell>
void sketch_add(Place place, Cell* cells, RowParams params, Keys keys, const Weight<Cell>* weights);

// `Out` is double, or int64_t for integer cells where no mean of two rows is taken.
template <class Cell, class Out>
void sketch_estimate(Place place, const Cell* cells, RowParams params, Keys keys, Out* out);

template <class Cell>
void add_cells(Place place, Cell* cells, const Cell* others, size_t n);
template <class Cell>
void subtract_cells(Place place, Cell* cells, const Cell* others, size_t n);

template <class Cell>
struct Extremes {
  Cell least;
  Cell most;
};

// Of n >= 1 cells; NaN of a float is not looked for.
template <class Cell>
Extremes<Cell> extremes(Place place, const Cell* cells, size_t n);

// Exact while sums of products stay within 64 bits. Waits.
std::int64_t inner_product(Place place, const std::int32_t* a, const std::int32_t* b, size_t n);

// ---- projection.cu; T is float or double

// out = scale * rows * table for n rows, `stride` elements apart.
template <class T>
void project_dense(Place place, const T* rows, size_t n, size_t stride, SignTable table, T scale, T* out);

// The same for rows in compressed form; Index is int32_t or int64_t. Throws std::invalid_argument, and waits, when row
// starts or features lie outside the arrays.
template <class T, class Index>
struct CompressedRows {
  const Index* starts;  // n + 1 of them
  const Index* features;
  const T* values;
  size_t n;
  size_t n_values;
};

template <class T, class Index>
void project_csr(Place place, CompressedRows<T, Index> rows, SignTable table, T scale, T* out);

}  // namespace hypersketch::cuda
