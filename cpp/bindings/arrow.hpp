// SPDX-License-Identifier: Apache-2.0
// Hashing Arrow columns through the Arrow C data interface: no pyarrow, no Python object a key.
// The three structures are the ABI published at arrow.apache.org/docs/format/CDataInterface.html.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  std::int64_t flags;
  std::int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  std::int64_t length;
  std::int64_t null_count;
  std::int64_t offset;
  std::int64_t n_buffers;
  std::int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};

struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema* out);
  int (*get_next)(ArrowArrayStream*, ArrowArray* out);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};

namespace hypersketch::bindings {

enum class Nulls { kRefuse, kSkip };

// Whether an element is null.
bool has_nulls(const ArrowArray& array);

// Element i as a Python int, str or bytes; None for a null.
bool is_null_item(const ArrowSchema& schema, const ArrowArray& array, std::size_t i);
pybind11::object arrow_item(const ArrowSchema& schema, const ArrowArray& array, std::size_t i);

// Writes the XXH64 of each of the array.length elements to `out`, leaving out nulls where they are skipped; returns how
// many it wrote. Needs no Python lock. Throws pybind11::type_error for element types that cannot be keys and
// std::invalid_argument for nulls that are refused.
std::size_t hash_arrow(const ArrowSchema& schema, const ArrowArray& array, std::uint64_t seed, std::size_t threads,
                       Nulls nulls, std::uint64_t* out);

}  // namespace hypersketch::bindings
