// SPDX-License-Identifier: Apache-2.0
#include "hypersketch/memory.hpp"

#include "arrays.hpp"

namespace hypersketch::bindings {
namespace {

Array<std::uint8_t> zeros(uint64_t n_bytes) {
  require(n_bytes <= uint64_t{1} << 60, "This is more memory than any machine has.");
  auto* memory = new ClearedMemory(static_cast<size_t>(n_bytes));
  const py::capsule owner(memory, [](void* p) { delete static_cast<ClearedMemory*>(p); });
  return Array<std::uint8_t>(static_cast<py::ssize_t>(n_bytes), static_cast<std::uint8_t*>(memory->data()), owner);
}

}  // namespace

void bind_memory(py::module_& module) {
  module.def("zeros", &zeros, py::arg("n_bytes"),
             "Cleared bytes aligned to cache lines, in huge pages where they are many and the system has them.");
}

}  // namespace hypersketch::bindings
