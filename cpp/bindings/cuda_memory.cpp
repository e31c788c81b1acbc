// SPDX-License-Identifier: Apache-2.0
#include "cuda_arrays.hpp"

namespace hypersketch::bindings {
namespace {

using Bytes = Array<std::uint8_t>;

std::unique_ptr<State> zeros(int device, size_t n_bytes) {
  const py::gil_scoped_release release;
  auto state = std::make_unique<State>(device, n_bytes);
  const Use use(*state, 0);
  cuda::clear({device, 0}, state->memory.data(), n_bytes);
  return state;
}

std::unique_ptr<State> empty(int device, size_t n_bytes) {
  const py::gil_scoped_release release;
  return std::make_unique<State>(device, n_bytes);
}

std::unique_ptr<State> from_host(int device, const Bytes& bytes) {
  const auto source = read(bytes);
  const py::gil_scoped_release release;
  auto state = std::make_unique<State>(device, source.size());
  const Use use(*state, 0);
  cuda::copy_from_host({device, 0}, state->memory.data(), source.data(), source.size());
  return state;
}

void to_host(State& state, Bytes out, std::uintptr_t stream) {
  const auto target = write(out);
  require_size(target, state.memory.size(), "out");
  const py::gil_scoped_release release;
  const Use use(state, stream);
  cuda::copy_to_host({state.memory.device(), stream}, target.data(), state.memory.data(), target.size());
}

std::unique_ptr<State> copied(State& state, int device, std::uintptr_t stream) {
  const py::gil_scoped_release release;
  auto twin = std::make_unique<State>(device, state.memory.size());
  const Use use(state, stream);
  cuda::copy({state.memory.device(), stream}, twin->memory.data(), state.memory.data(), state.memory.size());
  cuda::synchronize({state.memory.device(), stream});  // the twin may be on another device, whose streams know nothing
  return twin;
}

void clear(State& state, std::uintptr_t stream) {
  const py::gil_scoped_release release;
  const Use use(state, stream);
  cuda::clear({state.memory.device(), stream}, state.memory.data(), state.memory.size());
}

Span span_of(const State& state, size_t n, std::uintptr_t stream) {
  return {reinterpret_cast<std::uintptr_t>(state.memory.data()), n, state.memory.device(), stream};
}

// Puts a stream behind all that was enqueued for the memory, for those who use it from outside.
void ready(State& state, std::uintptr_t stream) {
  const py::gil_scoped_release release;
  const Use use(state, stream);
}

void span_to_host(const Span& span, Bytes out) {
  const auto target = write(out);
  const py::gil_scoped_release release;
  cuda::copy_to_host(span.place(), target.data(), span.data<const void>(), target.size());
}

void span_from_host(const Span& span, const Bytes& bytes) {
  const auto source = read(bytes);
  const py::gil_scoped_release release;
  cuda::copy_from_host(span.place(), span.data<void>(), source.data(), source.size());
}

// Byte by byte, the union of two arrays of truth values or bits.
void either(const Span& answers, const Span& more) {
  require(answers.n == more.n && answers.device == more.device, "Both must be of one size, on one GPU.");
  const py::gil_scoped_release release;
  cuda::unite_bytes(answers.place(), answers.data<unsigned char>(), more.data<const unsigned char>(), answers.n);
}

}  // namespace

void bind_cuda_memory(py::module_& module) {
  py::class_<Span>(module, "Span", "Elements one after the other on a GPU, ready on a stream.")
      .def(py::init<std::uintptr_t, size_t, int, std::uintptr_t>(), py::arg("pointer"), py::arg("n"), py::arg("device"),
           py::arg("stream"))
      .def_readonly("pointer", &Span::pointer)
      .def_readonly("n", &Span::n)
      .def_readonly("device", &Span::device)
      .def_readonly("stream", &Span::stream)
      .def("from_host", &span_from_host, py::arg("data").noconvert(), "Fill it with as many bytes as there are.")
      .def("to_host", &span_to_host, py::arg("out").noconvert(), "Copy as many bytes as the target has.");
  py::class_<State>(module, "Memory", "Memory of a GPU.")
      .def_property_readonly("device", [](const State& state) { return state.memory.device(); })
      .def_property_readonly("nbytes", [](const State& state) { return state.memory.size(); })
      .def_property_readonly("pointer",
                             [](const State& state) { return reinterpret_cast<std::uintptr_t>(state.memory.data()); })
      .def("span", &span_of, py::arg("n"), py::arg("stream"), "Its first n elements.")
      .def("to_host", &to_host, py::arg("out").noconvert(), py::arg("stream"), "Copy all bytes.")
      .def("copied", &copied, py::arg("device"), py::arg("stream"), "A copy on the same or another GPU.")
      .def("clear", &clear, py::arg("stream"), "Set all bytes to zero.")
      .def("ready", &ready, py::arg("stream"), "Make a stream wait for all that was enqueued.");
  module.def("zeros", &zeros, py::arg("device"), py::arg("n_bytes"), "New memory of zeros.");
  module.def("empty", &empty, py::arg("device"), py::arg("n_bytes"), "New memory that holds anything.");
  module.def("from_host", &from_host, py::arg("device"), py::arg("data").noconvert(), "New memory with these bytes.");

  module.def(
      "device_of", [](std::uintptr_t pointer) { return cuda::device_of(reinterpret_cast<const void*>(pointer)); },
      py::arg("pointer"), "Index of the GPU whose memory this is; -1 for host memory.");
  module.def("either", &either, py::arg("answers"), py::arg("more"), "Set the bits of another array too.");
  module.def("follow", &cuda::follow, py::arg("device"), py::arg("stream"), py::arg("other"),
             py::call_guard<py::gil_scoped_release>(), "Make a stream wait for all that was enqueued on another.");
}

}  // namespace hypersketch::bindings
