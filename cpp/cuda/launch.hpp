// SPDX-License-Identifier: Apache-2.0
// What the GPU half offers to the bindings: plain C++, so that pybind11 never passes through nvcc.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace hypersketch::cuda {

struct Device {
  std::string name;
  int major;  // compute capability
  int minor;
  std::size_t memory;  // bytes
  int processors;
};

// A call that failed, in words for the user.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The GPUs of this machine in the order of their indices. Throws Error where none can be used.
std::vector<Device> devices();

// One sentence on why no GPU can be used; empty where one can.
std::string why_not();

}  // namespace hypersketch::cuda
