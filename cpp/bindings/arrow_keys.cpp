// SPDX-License-Identifier: Apache-2.0
// Arrow columns as keys: hashed whole, or read batch by batch out of streams of tables.
#include <memory>
#include <string_view>

#include "arrays.hpp"
#include "arrow_capsules.hpp"

namespace hypersketch::bindings {
namespace {

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

Hashes hash_chunk(const ArrowSchema& type, const ArrowArray& values, uint64_t seed, size_t threads, Nulls nulls,
                  Hashes target) {
  uint64_t* data = target.mutable_data();
  size_t n = 0;
  {
    py::gil_scoped_release release;
    n = hash_arrow(type, values, seed, threads, nulls, data);
  }
  return n == static_cast<size_t>(target.size()) ? target : Hashes(static_cast<py::ssize_t>(n), data, target);
}

Hashes hash_arrow_array(const py::capsule& schema, const py::capsule& array, uint64_t seed, size_t threads,
                        const Out& out, bool skip_nulls) {
  const auto& values = from_capsule<ArrowArray>(array, "arrow_array");
  const auto length = static_cast<size_t>(values.length);
  require_full(out, length);
  const Hashes hashes = hash_chunk(from_capsule<ArrowSchema>(schema, "arrow_schema"), values, seed, threads,
                                   skip_nulls ? Nulls::kSkip : Nulls::kRefuse, target_of(out, 0, length));
  return out ? *out : hashes;
}

Hashes hash_arrow_stream(const py::capsule& capsule, uint64_t seed, size_t threads, const Out& out, bool skip_nulls) {
  auto& stream = from_capsule<ArrowArrayStream>(capsule, "arrow_array_stream");
  Released<ArrowSchema> schema;
  require_stream(stream.get_schema(&stream, &schema.value), stream);
  py::list chunks;
  size_t done = 0;
  for (;;) {
    Released<ArrowArray> chunk;
    if (!next_chunk(stream, chunk)) break;
    const auto length = static_cast<size_t>(chunk.value.length);
    chunks.append(hash_chunk(schema.value, chunk.value, seed, threads, skip_nulls ? Nulls::kSkip : Nulls::kRefuse,
                             target_of(out, done, length)));
    done += length;
  }
  require_full(out, done);
  if (out) return *out;
  if (chunks.size() == 1) return chunks[0].cast<Hashes>();
  if (chunks.empty()) return Hashes(0);
  return py::module_::import("numpy").attr("concatenate")(chunks).cast<Hashes>();
}

// Takes an Arrow structure out of its capsule, which is empty from then on.
template <class T>
std::shared_ptr<Released<T>> take(const py::capsule& capsule, const char* name) {
  auto& there = from_capsule<T>(capsule, name);
  require(there.release != nullptr, "The Arrow capsule was used before.");
  auto taken = std::make_shared<Released<T>>();
  taken->value = there;
  there.release = nullptr;
  return taken;
}

// A capsule with a view of an Arrow structure, whose memory lives as long as the owner.
template <class T>
py::capsule exported(const T& view, const std::shared_ptr<void>& owner, const char* name) {
  auto copy = std::make_unique<T>(view);
  copy->private_data = new std::shared_ptr<void>(owner);
  copy->release = [](T* self) {
    delete static_cast<std::shared_ptr<void>*>(self->private_data);
    self->release = nullptr;
  };
  return py::capsule(copy.release(), name, [](PyObject* capsule) {
    auto* kept = static_cast<T*>(PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule)));
    if (kept->release != nullptr) kept->release(kept);
    delete kept;
  });
}

// A column of one batch: something that hash_keys takes.
class ArrowColumn {
 public:
  ArrowColumn(std::shared_ptr<Released<ArrowSchema>> schema, std::shared_ptr<Released<ArrowArray>> batch,
              std::optional<size_t> index)
      : schema_owner_(std::move(schema)),
        owner_(std::move(batch)),
        schema_(index ? *schema_owner_->value.children[*index] : schema_owner_->value),
        array_(index ? child(owner_->value, *index) : owner_->value) {}

  size_t size() const { return static_cast<size_t>(array_.length); }

  py::object item(size_t i) const {
    if (i >= size()) throw py::index_error("The column ends before that place.");
    return arrow_item(schema_, array_, i);
  }

  // Places of the items that are not null.
  Hashes places() const {
    std::vector<uint64_t> valid;
    for (size_t i = 0; i < size(); ++i)
      if (!is_null_item(schema_, array_, i)) valid.push_back(i);
    return Hashes(static_cast<py::ssize_t>(valid.size()), valid.data());
  }

  py::typing::Tuple<py::capsule, py::capsule> capsules(const py::object&) const {
    return py::make_tuple(exported(schema_, schema_owner_, "arrow_schema"), exported(array_, owner_, "arrow_array"));
  }

 private:
  // A table may be a part of longer columns: the child is cut as its parent is.
  static ArrowArray child(const ArrowArray& table, size_t index) {
    if (has_nulls(table)) throw std::invalid_argument("The 'batches' parameter must have no rows that are null.");
    ArrowArray column = *table.children[index];
    if (table.offset != 0 || column.length != table.length) column.null_count = -1;
    column.offset += table.offset;
    column.length = table.length;
    return column;
  }

  std::shared_ptr<Released<ArrowSchema>> schema_owner_;
  std::shared_ptr<Released<ArrowArray>> owner_;
  ArrowSchema schema_;
  ArrowArray array_;
};

// Reads the batches of a stream, or the one batch of an array, one at a time.
class ArrowReader {
 public:
  explicit ArrowReader(const py::capsule& stream) : stream_(take<ArrowArrayStream>(stream, "arrow_array_stream")) {
    auto schema = std::make_shared<Released<ArrowSchema>>();
    require_stream(stream_->value.get_schema(&stream_->value, &schema->value), stream_->value);
    schema_ = std::move(schema);
  }
  ArrowReader(const py::capsule& schema, const py::capsule& array)
      : schema_(take<ArrowSchema>(schema, "arrow_schema")), array_(take<ArrowArray>(array, "arrow_array")) {}

  std::optional<std::vector<std::string>> columns() const {
    const ArrowSchema& schema = schema_->value;
    if (std::string_view(schema.format) != "+s") return std::nullopt;
    std::vector<std::string> names;
    for (std::int64_t i = 0; i < schema.n_children; ++i)
      names.emplace_back(schema.children[i]->name != nullptr ? schema.children[i]->name : "");
    return names;
  }

  void choose(std::optional<size_t> index) {
    const auto names = columns();
    require(index.has_value() == names.has_value() && (!index || *index < names->size()), "There is no such column.");
    index_ = index;
  }

  ArrowColumn next() {
    auto batch = std::move(array_);
    if (stream_) {
      batch = std::make_shared<Released<ArrowArray>>();
      if (!next_chunk(stream_->value, *batch)) batch.reset();
    }
    if (!batch) throw py::stop_iteration();
    return ArrowColumn(schema_, std::move(batch), index_);
  }

 private:
  std::shared_ptr<Released<ArrowArrayStream>> stream_;
  std::shared_ptr<Released<ArrowSchema>> schema_;
  std::shared_ptr<Released<ArrowArray>> array_;
  std::optional<size_t> index_;
};

}  // namespace

void bind_arrow_keys(py::module_& module) {
  module.def("hash_arrow_array", &hash_arrow_array, py::arg("schema"), py::arg("array"), py::arg("seed"),
             py::arg("threads"), py::arg("out").noconvert().none(true), py::arg("skip_nulls"),
             "XXH64 of an Arrow array's elements.");
  module.def("hash_arrow_stream", &hash_arrow_stream, py::arg("stream"), py::arg("seed"), py::arg("threads"),
             py::arg("out").noconvert().none(true), py::arg("skip_nulls"),
             "XXH64 of the elements of a stream of Arrow arrays.");
  py::class_<ArrowColumn>(module, "ArrowColumn", "A column of one batch, as hash_keys takes it.")
      .def("__len__", &ArrowColumn::size)
      .def("item", &ArrowColumn::item, py::arg("i"), "Item i as an int, str or bytes; None for a null.")
      .def("places", &ArrowColumn::places, "Places of the items that are not null.")
      .def("__arrow_c_array__", &ArrowColumn::capsules, py::arg("requested_schema") = py::none());
  py::class_<ArrowReader>(module, "ArrowReader", "The batches of an Arrow stream, one at a time.")
      .def(py::init<const py::capsule&>(), py::arg("stream"))
      .def(py::init<const py::capsule&, const py::capsule&>(), py::arg("schema"), py::arg("array"))
      .def_property_readonly("columns", &ArrowReader::columns, "Names of the columns; None when it is no table.")
      .def("choose", &ArrowReader::choose, py::arg("index"), "Choose the column that the batches are made of.")
      .def("__iter__", [](py::object self) { return self; })
      .def("__next__", &ArrowReader::next);
}

}  // namespace hypersketch::bindings
