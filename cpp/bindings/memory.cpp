// SPDX-License-Identifier: Apache-2.0
// Memory for states: aligned to cache lines, so that no block of a filter lies on two of them, and in huge pages
// when large, so that a random access costs no walk through the page tables.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "arrays.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace hypersketch::bindings {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kPage = 4096, kHugePage = size_t{2} << 20;

size_t round_up(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

struct Memory {
  void* data;
  size_t mapped;  // bytes to unmap, or 0 for memory of the allocator

  void release() const {
#if defined(__linux__)
    if (mapped > 0) munmap(data, mapped);
#endif
    if (mapped == 0) std::free(data);
  }
};

#if defined(__linux__)
// Cleared by the system when a page is first touched. What a huge page cannot be aligned to is given back.
Memory mapped(size_t n_bytes) {
  const size_t size = round_up(n_bytes, kPage);
  void* const whole = mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (whole == MAP_FAILED) throw std::bad_alloc();
  const auto start = reinterpret_cast<std::uintptr_t>(whole);
  const size_t before = round_up(start, kHugePage) - start;
  char* const data = static_cast<char*>(whole) + before;
  if (before > 0) munmap(whole, before);
  if (before < kHugePage) munmap(data + size, kHugePage - before);
  madvise(data, size, MADV_HUGEPAGE);  // a wish: systems without huge pages refuse it
  return {data, size};
}
#endif

Memory cleared(size_t n_bytes) {
#if defined(__linux__)
  if (n_bytes >= 2 * kHugePage) return mapped(n_bytes);
#endif
  const size_t size = std::max(kLine, round_up(n_bytes, kLine));
  void* const data = std::aligned_alloc(kLine, size);
  if (data == nullptr) throw std::bad_alloc();
  return {std::memset(data, 0, size), 0};
}

Array<std::uint8_t> zeros(uint64_t n_bytes) {
  require(n_bytes <= uint64_t{1} << 60, "This is more memory than any machine has.");
  auto* memory = new Memory(cleared(static_cast<size_t>(n_bytes)));
  const py::capsule owner(memory, [](void* p) {
    static_cast<Memory*>(p)->release();
    delete static_cast<Memory*>(p);
  });
  return Array<std::uint8_t>(static_cast<py::ssize_t>(n_bytes), static_cast<std::uint8_t*>(memory->data), owner);
}

}  // namespace

void bind_memory(py::module_& module) {
  module.def("zeros", &zeros, py::arg("n_bytes"),
             "Cleared bytes aligned to cache lines, in huge pages where they are many and the system has them.");
}

}  // namespace hypersketch::bindings
