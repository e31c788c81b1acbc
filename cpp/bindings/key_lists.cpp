// SPDX-License-Identifier: Apache-2.0
// Python lists of keys. Bottleneck: the objects lie anywhere, so each is a line of memory to wait for; they are
// prefetched, and only then hashed, many strings at a time.
#include <string_view>

#include "arrays.hpp"
#include "hypersketch/hash.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch::bindings {
namespace {

constexpr size_t kAhead = 32;  // objects under way from memory
constexpr size_t kBlock = 64;  // strings a call of the kernel

using Items = std::span<PyObject* const>;

enum class KeyType { kInteger, kString, kBytes };

// Integers are what offers __index__, but for truth values and for arrays of one element.
bool is_integer(PyObject* item) {
  if (PyLong_Check(item)) return !PyBool_Check(item);
  const std::string_view type = Py_TYPE(item)->tp_name;
  return PyIndex_Check(item) && !type.starts_with("numpy.bool") && type != "numpy.ndarray";
}

KeyType type_of(PyObject* item) {
  if (PyUnicode_Check(item)) return KeyType::kString;
  if (PyBytes_Check(item)) return KeyType::kBytes;
  if (is_integer(item)) return KeyType::kInteger;
  throw py::type_error(std::string("A key must be an int, str or bytes. Got ") + Py_TYPE(item)->tp_name + " instead.");
}

const char* name_of(KeyType type) {
  return type == KeyType::kString ? "str" : type == KeyType::kBytes ? "bytes" : "int";
}

// One type a list: 1 and "1" in one batch is far more often a mistake than a wish.
[[noreturn]] void refuse_mixed(KeyType first, PyObject* item) {
  const KeyType found = type_of(item);
  throw py::type_error(std::string("Keys of one batch must be of one type. Got ") + name_of(first) + " and " +
                       name_of(found) + ".");
}

// The header of an object that comes soon; `lines` of 64 bytes from there, as a string's characters follow its header.
void prefetch(Items items, size_t i, size_t lines) {
  if (i + kAhead >= items.size()) return;
  for (size_t line = 0; line < lines; ++line)
    __builtin_prefetch(reinterpret_cast<const char*>(items[i + kAhead]) + 64 * line);
}

std::string_view bytes_of_string(PyObject* item) {
  if (PyUnicode_IS_COMPACT_ASCII(item))
    return {static_cast<const char*>(PyUnicode_DATA(item)), static_cast<size_t>(PyUnicode_GET_LENGTH(item))};
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(item, &size);
  if (text == nullptr) throw py::error_already_set();
  return {text, static_cast<size_t>(size)};
}

std::string_view bytes_of(KeyType type, PyObject* item) {
  if (type == KeyType::kString && PyUnicode_Check(item)) return bytes_of_string(item);
  if (type == KeyType::kBytes && PyBytes_Check(item))
    return {PyBytes_AS_STRING(item), static_cast<size_t>(PyBytes_GET_SIZE(item))};
  refuse_mixed(type, item);
}

void hash_strings(KeyType type, Items items, uint64_t seed, uint64_t* out) {
  const unsigned char* pointers[kBlock];
  size_t sizes[kBlock];
  for (size_t first = 0; first < items.size(); first += kBlock) {
    const size_t n = std::min(kBlock, items.size() - first);
    for (size_t i = 0; i < n; ++i) {
      prefetch(items, first + i, 2);
      const std::string_view bytes = bytes_of(type, items[first + i]);
      pointers[i] = reinterpret_cast<const unsigned char*>(bytes.data());
      sizes[i] = bytes.size();
    }
    kernels().hash_strings(pointers, sizes, n, seed, out + first);
  }
}

[[noreturn]] void refuse_size(PyObject* number) {
  throw std::invalid_argument("An integer key must be in [-2**63, 2**64). Got " +
                              std::string(py::str(py::handle(number))) + " instead.");
}

// The 64 bits of an exact int.
uint64_t bits_of_int(PyObject* number) {
#if PY_VERSION_HEX >= 0x030C0000 && !defined(PYPY_VERSION)
  const auto* digits = reinterpret_cast<const PyLongObject*>(number);
  if (PyUnstable_Long_IsCompact(digits)) return static_cast<uint64_t>(PyUnstable_Long_CompactValue(digits));
#endif
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
  if (overflow == 0) return static_cast<uint64_t>(value);
  if (overflow < 0) refuse_size(number);
  const unsigned long long large = PyLong_AsUnsignedLongLong(number);
  if (!PyErr_Occurred()) return large;
  PyErr_Clear();
  refuse_size(number);
}

// Writes the bits of leading items that are plain ints, without running any Python code; returns how many they are.
size_t plain_integers(Items items, uint64_t* out) {
  for (size_t i = 0; i < items.size(); ++i) {
    prefetch(items, i, 1);
    if (!PyLong_CheckExact(items[i])) return i;
    out[i] = bits_of_int(items[i]);
  }
  return items.size();
}

void any_integers(Items items, uint64_t* out) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (PyUnicode_Check(items[i]) || PyBytes_Check(items[i]) || !is_integer(items[i]))
      refuse_mixed(KeyType::kInteger, items[i]);
    const py::object number = py::reinterpret_steal<py::object>(PyNumber_Index(items[i]));
    if (!number) throw py::error_already_set();
    out[i] = bits_of_int(number.ptr());
  }
}

Items items_of(PyObject* sequence) {
  return {PySequence_Fast_ITEMS(sequence), static_cast<size_t>(PySequence_Fast_GET_SIZE(sequence))};
}

// A tuple of the list's items, which nobody can change while they are used.
py::object frozen(PyObject* list) {
  auto tuple = py::reinterpret_steal<py::object>(PyList_AsTuple(list));
  if (!tuple) throw py::error_already_set();
  return tuple;
}

// Strings and plain ints are read where the list keeps them: nothing here runs Python code while the lock of the
// interpreter is held. An __index__ may do anything to the list, and without that lock so may other threads.
Hashes hash_list(const py::typing::List<py::object>& keys, uint64_t seed) {
#ifdef Py_GIL_DISABLED
  const py::object owner = frozen(keys.ptr());
#else
  py::object owner = keys;
#endif
  Items items = items_of(owner.ptr());
  Hashes hashes(static_cast<py::ssize_t>(items.size()));
  if (items.empty()) return hashes;
  uint64_t* out = hashes.mutable_data();
  const KeyType type = type_of(items[0]);
  if (type != KeyType::kInteger) {
    hash_strings(type, items, seed, out);
    return hashes;
  }
  if (const size_t done = plain_integers(items, out); done < items.size()) {
    const py::object others = frozen(owner.ptr());
    any_integers(items_of(others.ptr()).subspan(done), out + done);
  }
  kernels().hash_u64(out, static_cast<size_t>(hashes.size()), seed, out);
  return hashes;
}

}  // namespace

void bind_key_lists(py::module_& module) {
  module.def("hash_list", &hash_list, py::arg("keys"), py::arg("seed"), "XXH64 of a list of int, str or bytes.");
}

}  // namespace hypersketch::bindings
