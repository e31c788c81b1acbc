// SPDX-License-Identifier: Apache-2.0
// Launches: what CUDA refuses is refused, and what a GPU could not read ends the process here.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <type_traits>

#include "block.hpp"
#include "memory_api.hpp"

namespace cuda_on_cpu {

// The most dynamic shared memory that each kernel was granted. Used with the timeline's lock held.
inline std::map<const void*, size_t> granted_shared_bytes;

inline cudaError_t check_launch(const void* kernel, unsigned blocks, unsigned threads, size_t shared_bytes) {
  if (blocks == 0 || blocks > 0x7FFFFFFF || threads == 0 || threads > kMostThreads)
    return cudaErrorInvalidConfiguration;
  if (shared_bytes <= kSharedBytes) return cudaSuccess;
  const auto granted = granted_shared_bytes.find(kernel);
  return granted == granted_shared_bytes.end() || granted->second < shared_bytes ? cudaErrorInvalidValue : cudaSuccess;
}

// Pointers must be of this device or pinned. Inside structures pointers look like numbers, so that only those are
// noticed which are of another device.
template <class T>
void check_argument(const T& argument, int device) {
  if constexpr (std::is_pointer_v<T>) {
    const Allocation found = allocations.around(argument);
    if (argument != nullptr && found.bytes == 0)
      stop("a kernel is given %p, which no GPU can use: host memory, or freed", static_cast<const void*>(argument));
    if (found.device >= 0 && found.device != device)
      stop("a kernel on device %d is given %p, which is on device %d", device, static_cast<const void*>(argument),
           found.device);
  } else if constexpr (std::is_class_v<T> && alignof(T) >= sizeof(void*)) {
    const void* words[sizeof(T) / sizeof(void*)];
    std::memcpy(words, &argument, sizeof words);
    for (const void* word : words)
      if (allocations.around(word).device >= 0) check_argument(word, device);
  }
}

// Enqueues body() for each thread of the grid.
template <class Body>
void run_on(const void* kernel, unsigned blocks, unsigned threads, size_t shared_bytes, cudaStream_t handle,
            const Body& body) {
  with(handle, [=](const StreamHandle& stream) {
    if (stream->device != current_device) return cudaErrorInvalidResourceHandle;
    const cudaError_t refused = check_launch(kernel, blocks, threads, shared_bytes);
    if (refused != cudaSuccess) return refused;
    timeline().enqueue(stream, [=] {
      run_grid(blocks, threads, shared_bytes, [](const void* one) { (*static_cast<const Body*>(one))(); }, &body);
    });
    return cudaSuccess;
  });
}

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), unsigned blocks, unsigned threads, size_t shared_bytes, cudaStream_t stream,
            const Arguments&... arguments) {
  (check_argument(arguments, current_device), ...);
  run_on(reinterpret_cast<const void*>(kernel), blocks, threads, shared_bytes, stream, [=] { kernel(arguments...); });
}

// Runs body() once for each thread of the grid, now, whatever its pointers point to.
template <class Body>
void run(unsigned blocks, unsigned threads, size_t shared_bytes, const Body& body) {
  run_on(nullptr, blocks, threads, shared_bytes, nullptr, body);
  cudaStreamSynchronize(nullptr);
}

}  // namespace cuda_on_cpu

template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel* kernel, cudaFuncAttribute attribute, int value) {
  using namespace cuda_on_cpu;
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  const size_t bytes = static_cast<size_t>(value);
  if (value < 0 || bytes > kMostSharedBytes) return result(cudaErrorInvalidValue);
  const std::lock_guard lock(timeline().lock);
  granted_shared_bytes[reinterpret_cast<const void*>(kernel)] = bytes;
  return cudaSuccess;
}
