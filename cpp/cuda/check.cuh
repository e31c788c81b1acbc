// SPDX-License-Identifier: Apache-2.0
// Every CUDA call goes through `check`.
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "launch.hpp"

namespace hypersketch::cuda {

inline void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // so that the next call does not report it again
  throw Error(std::string(what) + " failed: " + cudaGetErrorString(status) + ".");
}

}  // namespace hypersketch::cuda
