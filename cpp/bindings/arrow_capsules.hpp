// SPDX-License-Identifier: Apache-2.0
// Arrow structures as they travel between Python packages: in capsules (the Arrow PyCapsule interface).
#pragma once

#include <pybind11/pybind11.h>

#include <stdexcept>
#include <string>
#include <utility>

#include "arrow.hpp"

namespace hypersketch::bindings {

template <class T>
T& from_capsule(const pybind11::capsule& capsule, const char* name) {
  void* pointer = PyCapsule_GetPointer(capsule.ptr(), name);
  if (pointer == nullptr) throw pybind11::error_already_set();
  return *static_cast<T*>(pointer);
}

// Releases an Arrow structure that was handed to us, however the scope ends.
template <class T>
struct Released {
  T value{};
  Released() = default;
  Released(const Released&) = delete;
  Released& operator=(const Released&) = delete;
  ~Released() {
    if (value.release != nullptr) value.release(&value);
  }
};

inline void require_stream(int code, ArrowArrayStream& stream) {
  if (code == 0) return;
  const char* text = stream.get_last_error(&stream);
  throw std::runtime_error(std::string("The Arrow stream failed: ") + (text != nullptr ? text : "no reason given"));
}

// Fetches the next chunk; false at the end. The stream may compute it in threads that need Python.
inline bool next_chunk(ArrowArrayStream& stream, Released<ArrowArray>& chunk) {
  int code = 0;
  {
    pybind11::gil_scoped_release release;
    code = stream.get_next(&stream, &chunk.value);
  }
  require_stream(code, stream);
  return chunk.value.release != nullptr;
}

}  // namespace hypersketch::bindings
