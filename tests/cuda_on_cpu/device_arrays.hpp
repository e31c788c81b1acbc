// SPDX-License-Identifier: Apache-2.0
// Arrays of an emulated device, and the two ends of a test of kernels.
#pragma once

#include <vector>

#include "launch.hpp"

namespace hypersketch::cuda {

inline constexpr Place kPlace{0, 0};

template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t n) : memory_(kPlace.device, n * sizeof(T)), n_(n) {}
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    copy_from_host(kPlace, data(), values.data(), n_ * sizeof(T));
  }
  T* data() const { return static_cast<T*>(memory_.data()); }
  std::vector<T> values() const {
    std::vector<T> values(n_);
    copy_to_host(kPlace, values.data(), data(), n_ * sizeof(T));
    return values;
  }

 private:
  Memory memory_;
  size_t n_;
};

}  // namespace hypersketch::cuda
