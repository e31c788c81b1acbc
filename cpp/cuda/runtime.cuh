// SPDX-License-Identifier: Apache-2.0
// What every .cu file needs of CUDA: checked calls, the place's device, launches and scratch memory. All launches go
// through `launch`, so that the tests can run the same kernels on a processor (tests/cuda_on_cpu).
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <string>

#include "launch.hpp"

namespace hypersketch::cuda {

inline cudaStream_t stream_of(Place place) { return reinterpret_cast<cudaStream_t>(place.stream); }

// Errors after which every call of this process fails.
inline bool is_lost(cudaError_t status) {
  switch (status) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorECCUncorrectable:
    case cudaErrorDevicesUnavailable:
    case cudaErrorAssert:
      return true;
    default:
      return false;
  }
}

[[noreturn]] inline void fail(cudaError_t status, const std::string& what) {
  cudaGetLastError();  // so that the next call does not report it again
  const std::string text = what + " failed: " + cudaGetErrorString(status) + ".";
  if (status == cudaErrorMemoryAllocation) throw OutOfMemory(text);
  if (is_lost(status))
    throw Error(text + " The GPU is lost to this process: what it held is gone, and only a new process can use it.");
  throw Error(text);
}

inline void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) fail(status, what);
}

// Makes a device the current one, and afterwards the one that was.
class OnDevice {
 public:
  explicit OnDevice(int device) {
    check(cudaGetDevice(&before_), "Asking for the current GPU");
    if (device != before_) check(cudaSetDevice(device), "Choosing a GPU");
    changed_ = device != before_;
  }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  ~OnDevice() {
    if (changed_) cudaSetDevice(before_);
  }

 private:
  int before_ = 0;
  bool changed_ = false;
};

inline int device_attribute(int device, cudaDeviceAttr attribute) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, attribute, device), "Asking for a GPU's properties");
  return value;
}

// memory.cu: memory of the place's device in the order of its stream.
void* take_scratch(Place place, size_t n_bytes);
void give_scratch(Place place, void* data) noexcept;

// Device memory for the length of a call.
template <class T>
class Scratch {
 public:
  Scratch(Place place, size_t n)
      : place_(place), data_(n == 0 ? nullptr : static_cast<T*>(take_scratch(place, n * sizeof(T)))) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    if (data_ != nullptr) give_scratch(place_, data_);
  }
  T* data() const { return data_; }

 private:
  Place place_;
  T* data_;
};

// A word that kernels set where they find what should not be there. Where nothing can be, it is null, and nobody waits.
class Alarm {
 public:
  explicit Alarm(Place place, bool can_ring = true) : place_(place), rung_(place, can_ring ? 1 : 0) {
    if (rung_.data() != nullptr) clear(place, rung_.data(), sizeof(unsigned));
  }
  unsigned* data() const { return rung_.data(); }
  bool silent() const {
    if (rung_.data() == nullptr) return true;
    unsigned rung = 0;
    copy_to_host(place_, &rung, rung_.data(), sizeof rung);
    return rung == 0;
  }

 private:
  Place place_;
  Scratch<unsigned> rung_;
};

inline constexpr unsigned kThreads = 256;  // of a block, where nothing else is said

inline constexpr unsigned kWarp = 32;
inline constexpr unsigned kWholeWarp = 0xFFFFFFFFU;

struct Grid {
  unsigned blocks;
  unsigned threads = kThreads;
  size_t shared_bytes = 0;
};

// Enough blocks for n elements, `each` a thread; kernels with a loop over the grid may be given fewer.
inline Grid grid_for(size_t n, size_t each = 1, unsigned threads = kThreads) {
  const size_t blocks = (n + each * threads - 1) / (each * threads);
  return {static_cast<unsigned>(std::min<size_t>(blocks, 0x7FFFFFFF)), threads};
}

template <class... Parameters, class... Arguments>
void launch([[maybe_unused]] Place place, Grid grid, void (*kernel)(Parameters...), Arguments... arguments) {
  if (grid.blocks == 0) return;
#if defined(__CUDACC__)
  kernel<<<grid.blocks, grid.threads, grid.shared_bytes, stream_of(place)>>>(arguments...);
#else
  cuda_on_cpu::launch(kernel, grid.blocks, grid.threads, grid.shared_bytes, stream_of(place), arguments...);
#endif
  check(cudaGetLastError(), "Starting a GPU kernel");
}

// The sum over a warp, for all lanes: of halves, quarters and so on, whatever their order.
template <class T>
__device__ __forceinline__ T sum_of_warp(T value) {
  for (unsigned half = kWarp / 2; half > 0; half /= 2)
    value += __shfl_xor_sync(kWholeWarp, value, static_cast<int>(half));
  return value;
}

// The sum over a block, for all threads, which must all call it: warp by warp.
inline __device__ double sum_of_block(double mine) {
  __shared__ double sums[kWarp];
  mine = sum_of_warp(mine);
  __syncthreads();
  if (threadIdx.x % kWarp == 0) sums[threadIdx.x / kWarp] = mine;
  __syncthreads();
  double total = 0;
  for (unsigned warp = 0; warp < blockDim.x / kWarp; ++warp) total += sums[warp];
  return total;
}

// Thread t of a block of kThreads learns how many of the counts before and up to its own there are, in counts[t]. All
// threads must call it.
inline __device__ void add_up(unsigned* counts) {
  for (unsigned step = 1; step < kThreads; step *= 2) {
    const unsigned before = threadIdx.x >= step ? counts[threadIdx.x - step] : 0;
    __syncthreads();
    counts[threadIdx.x] += before;
    __syncthreads();
  }
}

__device__ __forceinline__ size_t thread_index() { return size_t{blockIdx.x} * blockDim.x + threadIdx.x; }

// The block's shared memory whose size its launch gave.
template <class T>
__device__ __forceinline__ T* shared_memory() {
#if defined(__CUDACC__)
  extern __shared__ __align__(16) unsigned char block_memory[];
  return reinterpret_cast<T*>(block_memory);
#else
  return static_cast<T*>(cuda_on_cpu::shared_memory());
#endif
}

}  // namespace hypersketch::cuda
