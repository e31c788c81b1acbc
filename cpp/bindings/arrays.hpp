// SPDX-License-Identifier: Apache-2.0
// The only code that turns NumPy arrays into spans. Arrays arrive with the exact dtype and C-contiguous
// (arguments are bound with noconvert); sizes are checked here, meaning is checked in Python.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include "hypersketch/config.hpp"

namespace hypersketch::bindings {

namespace py = pybind11;

template <class T>
using Array = py::array_t<T, py::array::c_style>;
using Hashes = Array<uint64_t>;
using Scores = Array<std::int64_t>;
using Weights = std::optional<Array<std::int64_t>>;

inline void require(bool condition, const char* message) {
  if (!condition) throw std::invalid_argument(message);
}

template <class T>
std::span<const T> read(const Array<T>& array) {
  return {array.data(), static_cast<size_t>(array.size())};
}

// Throws ValueError for a read-only array (a memory-mapped state, for example).
template <class T>
std::span<T> write(Array<T>& array) {
  if (!array.writeable())
    throw std::invalid_argument("This state is read-only (it is memory-mapped). Copy it before changing it.");
  return {array.mutable_data(), static_cast<size_t>(array.size())};
}

template <class T>
size_t extent(const Array<T>& array, int axis, int ndim) {
  if (array.ndim() != ndim) throw std::invalid_argument("An array of " + std::to_string(ndim) + " axes was expected.");
  return static_cast<size_t>(array.shape(axis));
}

template <class T>
void require_size(std::span<T> span, size_t size, const char* name) {
  if (span.size() != size)
    throw std::invalid_argument(std::string(name) + " must have " + std::to_string(size) + " elements. Got " +
                                std::to_string(span.size()) + " instead.");
}

// Null when absent; otherwise `n` weights that fit a counter.
inline const std::int64_t* read_weights(const Weights& weights, size_t n) {
  if (!weights) return nullptr;
  const auto values = read(*weights);
  require_size(values, n, "weights");
  for (const std::int64_t w : values)
    require(w >= -INT64_C(0x7FFFFFFF) && w <= INT64_C(0x7FFFFFFF), "Weights must be smaller than 2**31 in magnitude.");
  return values.data();
}

}  // namespace hypersketch::bindings
