// SPDX-License-Identifier: Apache-2.0
// _cuda, the optional GPU half. `_core` never loads it; hypersketch.cuda does when asked.
#include "cuda_arrays.hpp"

namespace hypersketch::bindings {
namespace {

using Descriptions =
    py::typing::List<py::typing::Tuple<py::str, py::typing::Tuple<py::int_, py::int_>, py::int_, py::int_>>;

Descriptions devices() {
  std::vector<cuda::Device> found;
  {
    const py::gil_scoped_release release;  // the first call starts the driver, which takes a while
    found = cuda::devices();
  }
  Descriptions list;
  for (const auto& device : found)
    list.append(
        py::make_tuple(device.name, py::make_tuple(device.major, device.minor), device.memory, device.processors));
  return list;
}

}  // namespace
}  // namespace hypersketch::bindings

PYBIND11_MODULE(_cuda, module, pybind11::mod_gil_not_used()) {
  using namespace hypersketch;
  module.doc() = "GPU kernels of hypersketch.";
  pybind11::register_exception<cuda::Error>(module, "Error", PyExc_RuntimeError);
  pybind11::register_exception<cuda::OutOfMemory>(module, "OutOfMemory", PyExc_MemoryError);
  module.def("why_not", &cuda::why_not, pybind11::call_guard<pybind11::gil_scoped_release>(),
             "One sentence on why no GPU can be used, or an empty one.");
  module.def("devices", &bindings::devices, "Name, compute capability, bytes and multiprocessors of every GPU.");
  bindings::bind_cuda_memory(module);
  bindings::bind_cuda_dlpack(module);
  bindings::bind_cuda_keys(module);
  bindings::bind_cuda_bloom(module);
  bindings::bind_cuda_counting(module);
  bindings::bind_cuda_sketch(module);
  bindings::bind_cuda_projection(module);
  bindings::bind_cuda_hypervectors(module);
  bindings::bind_cuda_scores(module);
  bindings::bind_cuda_spectra(module);
  bindings::bind_cuda_ternary(module);
  bindings::bind_cuda_counted(module);
  bindings::bind_cuda_counted_rows(module);
  bindings::bind_cuda_learning(module);
  bindings::bind_cuda_resonator(module);
  bindings::bind_cuda_search(module);
  bindings::bind_cuda_hadamard(module);
  bindings::bind_cuda_retrieval(module);
  bindings::bind_cuda_recall(module);
  bindings::bind_cuda_locations(module);
  bindings::bind_cuda_synapses(module);
  bindings::bind_cuda_nearest(module);
  bindings::bind_cuda_pairs(module);
  bindings::bind_cuda_triples(module);
  bindings::bind_cuda_codes(module);
}
