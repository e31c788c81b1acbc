// SPDX-License-Identifier: Apache-2.0
// Every door a key comes through: integer arrays, Python lists, fixed-width NumPy strings, Arrow columns.
#include <string_view>

#include "arrays.hpp"
#include "arrow.hpp"
#include "hypersketch/hash.hpp"
#include "hypersketch/parallel.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch::bindings {
namespace {

constexpr size_t kHashGrain = size_t{1} << 15;

// A NumPy array that owns the vector's memory.
Hashes to_array(std::vector<uint64_t>&& hashes) {
  auto* owner = new std::vector<uint64_t>(std::move(hashes));
  py::capsule base(owner, [](void* p) { delete static_cast<std::vector<uint64_t>*>(p); });
  return Hashes(static_cast<py::ssize_t>(owner->size()), owner->data(), base);
}

void hash_integers(const Hashes& keys, uint64_t seed, Hashes out, size_t threads) {
  const auto input = read(keys);
  const auto result = write(out);
  require_size(result, input.size(), "out");
  py::gil_scoped_release release;
  parallel_for(input.size(), kHashGrain, threads, [&](size_t begin, size_t end) {
    kernels().hash_u64(input.data() + begin, end - begin, seed, result.data() + begin);
  });
}

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

uint64_t integer_bits(PyObject* item) {
  const py::object number = py::reinterpret_steal<py::object>(PyNumber_Index(item));
  if (!number) throw py::error_already_set();
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  if (overflow == 0) return static_cast<uint64_t>(value);
  if (overflow > 0) {
    const unsigned long long large = PyLong_AsUnsignedLongLong(number.ptr());
    if (!PyErr_Occurred()) return large;
    PyErr_Clear();
  }
  throw std::invalid_argument("An integer key must be in [-2**63, 2**64). Got " + std::string(py::str(number)) +
                              " instead.");
}

uint64_t string_hash(PyObject* item, uint64_t seed) {
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(item, &size);
  if (text == nullptr) throw py::error_already_set();
  return xxh64_bytes(reinterpret_cast<const unsigned char*>(text), static_cast<size_t>(size), seed);
}

uint64_t bytes_hash(PyObject* item, uint64_t seed) {
  return xxh64_bytes(reinterpret_cast<const unsigned char*>(PyBytes_AS_STRING(item)),
                     static_cast<size_t>(PyBytes_GET_SIZE(item)), seed);
}

// One type a list: 1 and "1" in one batch is far more often a mistake than a wish.
Hashes hash_list(const py::typing::List<py::object>& keys, uint64_t seed) {
  const py::tuple items =
      py::reinterpret_steal<py::tuple>(PyList_AsTuple(keys.ptr()));  // nobody can change a tuple meanwhile
  if (!items) throw py::error_already_set();
  const size_t n = items.size();
  std::vector<uint64_t> out(n);
  if (n == 0) return to_array(std::move(out));
  const KeyType type = type_of(PyTuple_GET_ITEM(items.ptr(), 0));
  for (size_t i = 0; i < n; ++i) {
    PyObject* item = PyTuple_GET_ITEM(items.ptr(), static_cast<Py_ssize_t>(i));
    if (const KeyType found = type_of(item); found != type)
      throw py::type_error(std::string("Keys of one batch must be of one type. Got ") + name_of(type) + " and " +
                           name_of(found) + ".");
    out[i] = type == KeyType::kInteger  ? integer_bits(item)
             : type == KeyType::kString ? string_hash(item, seed)
                                        : bytes_hash(item, seed);
  }
  if (type == KeyType::kInteger) kernels().hash_u64(out.data(), n, seed, out.data());
  return to_array(std::move(out));
}

// NumPy 'S': an element ends at its last byte that is not NUL.
Hashes hash_fixed(const Array<std::uint8_t>& buffer, uint64_t seed) {
  const size_t n = extent(buffer, 0, 2), width = extent(buffer, 1, 2);
  std::vector<uint64_t> out(n);
  const std::uint8_t* data = buffer.data();
  {
    py::gil_scoped_release release;
    for (size_t i = 0; i < n; ++i, data += width) {
      size_t size = width;
      while (size > 0 && data[size - 1] == 0) --size;
      out[i] = xxh64_bytes(data, size, seed);
    }
  }
  return to_array(std::move(out));
}

size_t encode_utf8(std::uint32_t c, unsigned char* out) {
  const auto tail = [c](int shift) { return static_cast<unsigned char>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) return out[0] = static_cast<unsigned char>(c), 1;
  if (c < 0x800) return out[0] = static_cast<unsigned char>(0xC0 | (c >> 6)), out[1] = tail(0), 2;
  if ((c >= 0xD800 && c < 0xE000) || c > 0x10FFFF)
    throw std::invalid_argument("A string key holds a code point that has no UTF-8 form (a lone surrogate).");
  if (c < 0x10000) return out[0] = static_cast<unsigned char>(0xE0 | (c >> 12)), out[1] = tail(6), out[2] = tail(0), 3;
  return out[0] = static_cast<unsigned char>(0xF0 | (c >> 18)), out[1] = tail(12), out[2] = tail(6), out[3] = tail(0),
         4;
}

// NumPy 'U': UTF-32 code points, padded with NULs at the end.
Hashes hash_ucs4(const Array<std::uint32_t>& buffer, uint64_t seed) {
  const size_t n = extent(buffer, 0, 2), width = extent(buffer, 1, 2);
  std::vector<uint64_t> out(n);
  const std::uint32_t* data = buffer.data();
  {
    py::gil_scoped_release release;
    std::vector<unsigned char> utf8(4 * width + 1);
    for (size_t i = 0; i < n; ++i, data += width) {
      size_t length = width, size = 0;
      while (length > 0 && data[length - 1] == 0) --length;
      for (size_t c = 0; c < length; ++c) size += encode_utf8(data[c], utf8.data() + size);
      out[i] = xxh64_bytes(utf8.data(), size, seed);
    }
  }
  return to_array(std::move(out));
}

uint64_t hash_buffer(const py::buffer& buffer, uint64_t seed) {
  const py::buffer_info info = buffer.request();
  require(PyBuffer_IsContiguous(info.view(), 'C') != 0, "The buffer must be contiguous.");
  py::gil_scoped_release release;
  return xxh64_bytes(static_cast<const unsigned char*>(info.ptr), static_cast<size_t>(info.size * info.itemsize), seed);
}

template <class T>
T& from_capsule(const py::capsule& capsule, const char* name) {
  void* pointer = PyCapsule_GetPointer(capsule.ptr(), name);
  if (pointer == nullptr) throw py::error_already_set();
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

using Out = std::optional<Hashes>;

// Where the next `length` hashes go: the caller's array from `done` on, or a new one (NumPy's own memory, which is not
// cleared first and asks for huge pages).
Hashes target_of(const Out& out, size_t done, size_t length) {
  if (!out) return Hashes(static_cast<py::ssize_t>(length));
  Hashes whole = *out;
  const auto given = write(whole);
  if (done + length > given.size()) throw std::invalid_argument("out has fewer elements than there are keys.");
  return Hashes(static_cast<py::ssize_t>(length), given.data() + done, whole);
}

void require_full(const Out& out, size_t done) {
  if (out && done != static_cast<size_t>(out->size()))
    throw std::invalid_argument("out has " + std::to_string(out->size()) + " elements but there are " +
                                std::to_string(done) + " keys.");
}

Hashes hash_chunk(const ArrowSchema& type, const ArrowArray& values, uint64_t seed, size_t threads, Hashes target) {
  uint64_t* data = target.mutable_data();
  py::gil_scoped_release release;
  hash_arrow(type, values, seed, threads, data);
  return target;
}

Hashes hash_arrow_array(const py::capsule& schema, const py::capsule& array, uint64_t seed, size_t threads,
                        const Out& out) {
  const auto& values = from_capsule<ArrowArray>(array, "arrow_array");
  const auto length = static_cast<size_t>(values.length);
  require_full(out, length);
  const Hashes hashes =
      hash_chunk(from_capsule<ArrowSchema>(schema, "arrow_schema"), values, seed, threads, target_of(out, 0, length));
  return out ? *out : hashes;
}

void require_stream(int code, ArrowArrayStream& stream) {
  if (code == 0) return;
  const char* text = stream.get_last_error(&stream);
  throw std::runtime_error(std::string("The Arrow stream failed: ") + (text != nullptr ? text : "no reason given"));
}

Hashes hash_arrow_stream(const py::capsule& capsule, uint64_t seed, size_t threads, const Out& out) {
  auto& stream = from_capsule<ArrowArrayStream>(capsule, "arrow_array_stream");
  Released<ArrowSchema> schema;
  require_stream(stream.get_schema(&stream, &schema.value), stream);
  py::list chunks;
  size_t done = 0;
  for (;;) {
    Released<ArrowArray> chunk;
    require_stream(stream.get_next(&stream, &chunk.value), stream);
    if (chunk.value.release == nullptr) break;
    const auto length = static_cast<size_t>(chunk.value.length);
    chunks.append(hash_chunk(schema.value, chunk.value, seed, threads, target_of(out, done, length)));
    done += length;
  }
  require_full(out, done);
  if (out) return *out;
  if (chunks.size() == 1) return chunks[0].cast<Hashes>();
  if (chunks.empty()) return Hashes(0);
  return py::module_::import("numpy").attr("concatenate")(chunks).cast<Hashes>();
}

}  // namespace

void bind_keys(py::module_& module) {
  module.def("hash_u64", &hash_integers, py::arg("keys").noconvert(), py::arg("seed"), py::arg("out").noconvert(),
             py::arg("threads"), "XXH64 of integers.");
  module.def("hash_list", &hash_list, py::arg("keys"), py::arg("seed"), "XXH64 of a list of int, str or bytes.");
  module.def("hash_fixed", &hash_fixed, py::arg("buffer").noconvert(), py::arg("seed"),
             "XXH64 of NUL-padded byte strings.");
  module.def("hash_ucs4", &hash_ucs4, py::arg("buffer").noconvert(), py::arg("seed"),
             "XXH64 of NUL-padded UTF-32 strings as UTF-8.");
  module.def("hash_bytes", &hash_buffer, py::arg("buffer"), py::arg("seed"), "XXH64 of a buffer.");
  module.def("hash_arrow_array", &hash_arrow_array, py::arg("schema"), py::arg("array"), py::arg("seed"),
             py::arg("threads"), py::arg("out").noconvert().none(true), "XXH64 of an Arrow array's elements.");
  module.def("hash_arrow_stream", &hash_arrow_stream, py::arg("stream"), py::arg("seed"), py::arg("threads"),
             py::arg("out").noconvert().none(true), "XXH64 of the elements of a stream of Arrow arrays.");
}

}  // namespace hypersketch::bindings
