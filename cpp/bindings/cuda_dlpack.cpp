// SPDX-License-Identifier: Apache-2.0
// DLPack (dmlc.github.io/dlpack, version 0.8 of its ABI, which every later reader takes): arrays of a GPU come in and
// go out without a copy.
#include <vector>

#include "cuda_arrays.hpp"

namespace hypersketch::bindings {
namespace {

struct DLDevice {
  std::int32_t device_type;
  std::int32_t device_id;
};

struct DLDataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};

struct DLTensor {
  void* data;
  DLDevice device;
  std::int32_t ndim;
  DLDataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;
  uint64_t byte_offset;
};

struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor*);
};

constexpr std::int32_t kOnGpu = 2;
constexpr const char* kUnused = "dltensor";
constexpr const char* kUsed = "used_dltensor";

// ---- out

struct Exported {
  DLManagedTensor tensor;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;
  py::object owner;
};

void delete_exported(DLManagedTensor* tensor) {
  const py::gil_scoped_acquire acquire;
  delete static_cast<Exported*>(tensor->manager_ctx);
}

void delete_unused(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, kUnused)) return;  // somebody took it
  auto* const tensor = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, kUnused));
  tensor->deleter(tensor);
}

// A capsule of rows one after the other; `owner` lives as long as it does.
py::capsule to_dlpack(const Span& span, const std::vector<std::int64_t>& shape, std::uint8_t code, std::uint8_t bits,
                      py::object owner) {
  auto made = std::make_unique<Exported>();
  made->shape = shape;
  made->strides.assign(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;) made->strides[axis - 1] = made->strides[axis] * shape[axis];
  made->owner = std::move(owner);
  const auto n_axes = static_cast<std::int32_t>(shape.size());
  made->tensor = {
      {span.data<void>(), {kOnGpu, span.device}, n_axes, {code, bits, 1}, made->shape.data(), made->strides.data(), 0},
      made.get(),
      &delete_exported};
  const py::capsule capsule(&made->tensor, kUnused, &delete_unused);
  made.release();
  return capsule;
}

// ---- in

// A tensor that somebody else made; given back when this is gone.
class Imported {
 public:
  explicit Imported(const py::capsule& capsule) {
    require(PyCapsule_IsValid(capsule.ptr(), kUnused) != 0, "The DLPack capsule was used before, or is none.");
    tensor_ = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), kUnused));
    PyCapsule_SetName(capsule.ptr(), kUsed);
  }
  Imported(const Imported&) = delete;
  Imported& operator=(const Imported&) = delete;
  ~Imported() {
    if (tensor_->deleter != nullptr) tensor_->deleter(tensor_);
  }

  std::uintptr_t pointer() const {
    return reinterpret_cast<std::uintptr_t>(tensor_->dl_tensor.data) + tensor_->dl_tensor.byte_offset;
  }
  py::typing::Tuple<py::int_, py::int_> device() const {
    return py::make_tuple(tensor_->dl_tensor.device.device_type, tensor_->dl_tensor.device.device_id);
  }
  py::typing::Tuple<py::int_, py::int_, py::int_> dtype() const {
    const DLDataType type = tensor_->dl_tensor.dtype;
    return py::make_tuple(type.code, type.bits, type.lanes);
  }
  std::vector<std::int64_t> shape() const {
    return {tensor_->dl_tensor.shape, tensor_->dl_tensor.shape + tensor_->dl_tensor.ndim};
  }
  // In elements; None for rows one after the other.
  std::optional<std::vector<std::int64_t>> strides() const {
    const DLTensor& tensor = tensor_->dl_tensor;
    if (tensor.strides == nullptr) return std::nullopt;
    return std::vector<std::int64_t>(tensor.strides, tensor.strides + tensor.ndim);
  }

 private:
  DLManagedTensor* tensor_;
};

}  // namespace

void bind_cuda_dlpack(py::module_& module) {
  module.def("to_dlpack", &to_dlpack, py::arg("span"), py::arg("shape"), py::arg("code"), py::arg("bits"),
             py::arg("owner"), "A DLPack capsule of elements whose owner stays alive with it.");
  py::class_<Imported>(module, "Imported", "A DLPack tensor that somebody else made.")
      .def(py::init<const py::capsule&>(), py::arg("capsule"))
      .def_property_readonly("pointer", &Imported::pointer)
      .def_property_readonly("device", &Imported::device)
      .def_property_readonly("dtype", &Imported::dtype)
      .def_property_readonly("shape", &Imported::shape)
      .def_property_readonly("strides", &Imported::strides);
}

}  // namespace hypersketch::bindings
