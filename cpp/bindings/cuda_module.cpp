// SPDX-License-Identifier: Apache-2.0
// _cuda, the optional GPU half. `_core` never loads it; hypersketch.cuda does when asked.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include "launch.hpp"

namespace py = pybind11;

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

PYBIND11_MODULE(_cuda, module, py::mod_gil_not_used()) {
  using namespace hypersketch;
  module.doc() = "GPU kernels of hypersketch.";
  py::register_exception<cuda::Error>(module, "Error", PyExc_RuntimeError);
  module.def("why_not", &cuda::why_not, py::call_guard<py::gil_scoped_release>(),
             "One sentence on why no GPU can be used, or an empty one.");
  module.def("devices", &bindings::devices, "Name, compute capability, bytes and multiprocessors of every GPU.");
}
