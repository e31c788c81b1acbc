// SPDX-License-Identifier: Apache-2.0
// Cleared memory for large states: aligned to cache lines, so that no block of a filter lies on two of them, and in
// huge pages when large, so that a random access costs no walk through the page tables.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace hypersketch {

class ClearedMemory {
 public:
  explicit ClearedMemory(size_t n_bytes) {
    if (n_bytes >= 2 * kHugePage && map(n_bytes)) return;
    const size_t size = std::max(kLine, round_up(n_bytes, kLine));
    data_ = std::aligned_alloc(kLine, size);
    if (data_ == nullptr) throw std::bad_alloc();
    std::memset(data_, 0, size);
  }
  ClearedMemory(const ClearedMemory&) = delete;
  ClearedMemory& operator=(const ClearedMemory&) = delete;
  ~ClearedMemory() {
#if defined(__linux__)
    if (mapped_ > 0) munmap(data_, mapped_);
#endif
    if (mapped_ == 0) std::free(data_);
  }

  void* data() const { return data_; }

 private:
  static constexpr size_t kLine = 64, kPage = 4096, kHugePage = size_t{2} << 20;

  static size_t round_up(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

  // Cleared by the system when a page is first touched. What a huge page cannot be aligned to is given back.
  bool map([[maybe_unused]] size_t n_bytes) {
#if defined(__linux__)
    const size_t size = round_up(n_bytes, kPage);
    void* const whole = mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (whole == MAP_FAILED) throw std::bad_alloc();
    const auto start = reinterpret_cast<std::uintptr_t>(whole);
    const size_t before = round_up(start, kHugePage) - start;
    char* const data = static_cast<char*>(whole) + before;
    if (before > 0) munmap(whole, before);
    if (before < kHugePage) munmap(data + size, kHugePage - before);
    madvise(data, size, MADV_HUGEPAGE);  // a wish: systems without huge pages refuse it
    data_ = data;
    mapped_ = size;
    return true;
#else
    return false;
#endif
  }

  void* data_ = nullptr;
  size_t mapped_ = 0;  // bytes to unmap, or 0 for memory of the allocator
};

}  // namespace hypersketch
