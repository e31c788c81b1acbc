// SPDX-License-Identifier: Apache-2.0
// CUDA's calls about devices, functions, streams and events. Work is done at once, so waiting is only checking.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <set>

#include "errors.hpp"

struct cudaUUID_t {
  char bytes[16];
};

struct cudaDeviceProp {
  char name[256];
  cudaUUID_t uuid;
  size_t totalGlobalMem, sharedMemPerBlock, sharedMemPerBlockOptin, sharedMemPerMultiprocessor;
  int major, minor, multiProcessorCount, warpSize, maxThreadsPerBlock, maxThreadsPerMultiProcessor;
  int regsPerBlock, regsPerMultiprocessor, maxGridSize[3], maxThreadsDim[3], maxBlocksPerMultiProcessor;
  int l2CacheSize, persistingL2CacheMaxSize, accessPolicyMaxWindowSize, memoryPoolsSupported, asyncEngineCount;
  int concurrentKernels, unifiedAddressing, managedMemory, integrated, pciBusID, pciDeviceID, pciDomainID;
};

enum cudaDeviceAttr {
  cudaDevAttrMaxThreadsPerBlock = 1,
  cudaDevAttrMaxGridDimX = 5,
  cudaDevAttrMaxSharedMemoryPerBlock = 8,
  cudaDevAttrWarpSize = 10,
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrIntegrated = 18,
  cudaDevAttrCanMapHostMemory = 19,
  cudaDevAttrConcurrentKernels = 31,
  cudaDevAttrL2CacheSize = 38,
  cudaDevAttrMaxThreadsPerMultiProcessor = 39,
  cudaDevAttrAsyncEngineCount = 40,
  cudaDevAttrUnifiedAddressing = 41,
  cudaDevAttrComputeCapabilityMajor = 75,
  cudaDevAttrComputeCapabilityMinor = 76,
  cudaDevAttrMaxSharedMemoryPerMultiprocessor = 81,
  cudaDevAttrManagedMemory = 83,
  cudaDevAttrPageableMemoryAccess = 88,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97,
  cudaDevAttrMaxBlocksPerMultiprocessor = 106,
  cudaDevAttrMaxPersistingL2CacheSize = 108,
  cudaDevAttrMaxAccessPolicyWindowSize = 109,
  cudaDevAttrMemoryPoolsSupported = 115,
};

enum cudaLimit { cudaLimitMaxL2FetchGranularity = 5, cudaLimitPersistingL2CacheSize = 6 };
enum cudaFuncAttribute {
  cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
  cudaFuncAttributePreferredSharedMemoryCarveout = 9,
};

struct CUstream_st {
  int device;
};
struct CUevent_st {
  int device;
  bool timed, recorded = false;
  std::chrono::steady_clock::time_point time{};
};
using cudaStream_t = CUstream_st*;
using cudaEvent_t = CUevent_st*;

#define cudaStreamLegacy (reinterpret_cast<cudaStream_t>(1))
#define cudaStreamPerThread (reinterpret_cast<cudaStream_t>(2))
inline constexpr unsigned cudaStreamDefault = 0, cudaStreamNonBlocking = 1;
inline constexpr unsigned cudaEventDefault = 0, cudaEventBlockingSync = 1, cudaEventDisableTiming = 2;

namespace cuda_on_cpu {

inline constexpr size_t kSharedBytes = 49152, kMostSharedBytes = 232448;
inline constexpr int kProcessors = 4, kMostThreads = 1024, kMostResident = 2048, kBlocksResident = 32;
inline constexpr int kL2Bytes = 1 << 20;  // small, so that tests reach what is done for structures beyond it

inline thread_local int current_device = 0;
inline std::atomic<size_t> granted_shared_bytes{kSharedBytes};  // the most that any kernel was granted

inline int device_count() { return static_cast<int>(environment("CUDA_ON_CPU_DEVICES", 2)); }
inline size_t device_bytes() { return environment("CUDA_ON_CPU_MEMORY", 8ULL << 30); }

// Streams and events that are alive.
struct Handles {
  std::mutex lock;
  std::set<cudaStream_t> streams;
  std::set<cudaEvent_t> events;
};
inline Handles handles;

// The device of a stream, -1 where there is no such stream.
inline int device_of_stream(cudaStream_t stream) {
  if (stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread) return current_device;
  const std::lock_guard lock(handles.lock);
  return handles.streams.count(stream) != 0 ? stream->device : -1;
}

inline bool is_stream(cudaStream_t stream) { return device_of_stream(stream) >= 0; }

inline bool is_event(cudaEvent_t event) {
  const std::lock_guard lock(handles.lock);
  return handles.events.count(event) != 0;
}

inline cudaError_t handle_or_error(bool known) { return result(known ? cudaSuccess : cudaErrorInvalidResourceHandle); }

inline cudaError_t check_launch(unsigned blocks, unsigned threads, size_t shared_bytes) {
  if (blocks == 0 || blocks > 0x7FFFFFFF || threads == 0 || threads > kMostThreads)
    return cudaErrorInvalidConfiguration;
  return shared_bytes > granted_shared_bytes ? cudaErrorInvalidValue : cudaSuccess;
}

}  // namespace cuda_on_cpu

inline cudaError_t cudaGetDeviceCount(int* count) {
  *count = cuda_on_cpu::device_count();
  return cuda_on_cpu::result(*count > 0 ? cudaSuccess : cudaErrorNoDevice);
}
inline cudaError_t cudaGetDevice(int* device) {
  *device = cuda_on_cpu::current_device;
  return cudaSuccess;
}
inline cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= cuda_on_cpu::device_count()) return cuda_on_cpu::result(cudaErrorInvalidDevice);
  cuda_on_cpu::current_device = device;
  return cudaSuccess;
}
inline cudaError_t cudaDeviceSynchronize() { return cudaSuccess; }
inline cudaError_t cudaDeviceSetLimit(cudaLimit, size_t) { return cudaSuccess; }
inline cudaError_t cudaCtxResetPersistingL2Cache() { return cudaSuccess; }
inline cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
inline cudaError_t cudaRuntimeGetVersion(int* version) { return cudaDriverGetVersion(version); }

inline cudaError_t cudaDeviceCanAccessPeer(int* can, int device, int peer) {
  *can = device != peer;
  return cudaSuccess;
}
inline cudaError_t cudaDeviceEnablePeerAccess(int, unsigned) { return cudaSuccess; }

inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  using namespace cuda_on_cpu;
  if (device < 0 || device >= device_count()) return result(cudaErrorInvalidDevice);
  *properties = {};
  std::snprintf(properties->name, sizeof properties->name, "emulated");
  properties->uuid.bytes[0] = static_cast<char>(device + 1);
  properties->totalGlobalMem = device_bytes();
  properties->sharedMemPerBlock = kSharedBytes;
  properties->sharedMemPerBlockOptin = properties->sharedMemPerMultiprocessor = kMostSharedBytes;
  properties->major = 9;
  properties->multiProcessorCount = kProcessors;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = kMostThreads;
  properties->maxThreadsPerMultiProcessor = kMostResident;
  properties->maxBlocksPerMultiProcessor = kBlocksResident;
  properties->regsPerBlock = properties->regsPerMultiprocessor = 65536;
  properties->maxGridSize[0] = 0x7FFFFFFF;
  properties->maxGridSize[1] = properties->maxGridSize[2] = 65535;
  properties->maxThreadsDim[0] = properties->maxThreadsDim[1] = 1024;
  properties->maxThreadsDim[2] = 64;
  properties->l2CacheSize = kL2Bytes;
  properties->persistingL2CacheMaxSize = kL2Bytes / 2;
  properties->accessPolicyMaxWindowSize = kL2Bytes;
  properties->memoryPoolsSupported = properties->concurrentKernels = properties->unifiedAddressing = 1;
  properties->asyncEngineCount = 2;
  properties->pciBusID = device;
  return cudaSuccess;
}

inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp properties;
  if (const cudaError_t status = cudaGetDeviceProperties(&properties, device); status != cudaSuccess) return status;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = properties.maxThreadsPerBlock;
      break;
    case cudaDevAttrMaxGridDimX:
      *value = properties.maxGridSize[0];
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = static_cast<int>(properties.sharedMemPerBlock);
      break;
    case cudaDevAttrWarpSize:
      *value = properties.warpSize;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = properties.multiProcessorCount;
      break;
    case cudaDevAttrConcurrentKernels:
    case cudaDevAttrCanMapHostMemory:
    case cudaDevAttrUnifiedAddressing:
    case cudaDevAttrMemoryPoolsSupported:
      *value = 1;
      break;
    case cudaDevAttrL2CacheSize:
      *value = properties.l2CacheSize;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = properties.maxThreadsPerMultiProcessor;
      break;
    case cudaDevAttrAsyncEngineCount:
      *value = properties.asyncEngineCount;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = properties.major;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = properties.minor;
      break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(properties.sharedMemPerBlockOptin);
      break;
    case cudaDevAttrMaxBlocksPerMultiprocessor:
      *value = properties.maxBlocksPerMultiProcessor;
      break;
    case cudaDevAttrMaxPersistingL2CacheSize:
      *value = properties.persistingL2CacheMaxSize;
      break;
    case cudaDevAttrMaxAccessPolicyWindowSize:
      *value = properties.accessPolicyMaxWindowSize;
      break;
    case cudaDevAttrIntegrated:
    case cudaDevAttrManagedMemory:
    case cudaDevAttrPageableMemoryAccess:
      *value = 0;
      break;
  }
  return cudaSuccess;
}

template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel*, cudaFuncAttribute attribute, int value) {
  using namespace cuda_on_cpu;
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  const size_t bytes = static_cast<size_t>(value);
  if (value < 0 || bytes > kMostSharedBytes) return result(cudaErrorInvalidValue);
  granted_shared_bytes = std::max<size_t>(granted_shared_bytes, bytes);
  return cudaSuccess;
}

template <class Kernel>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Kernel*, int threads, size_t shared_bytes) {
  using namespace cuda_on_cpu;
  if (threads <= 0 || threads > kMostThreads) return result(cudaErrorInvalidValue);
  const size_t by_memory = shared_bytes == 0 ? kBlocksResident : kMostSharedBytes / shared_bytes;
  *blocks =
      static_cast<int>(std::min<size_t>({static_cast<size_t>(kMostResident / threads), kBlocksResident, by_memory}));
  return cudaSuccess;
}

inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  using namespace cuda_on_cpu;
  *stream = new CUstream_st{current_device};
  const std::lock_guard lock(handles.lock);
  handles.streams.insert(*stream);
  return cudaSuccess;
}
inline cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, 0); }
inline cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return cudaStreamCreateWithFlags(stream, flags);
}
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  using namespace cuda_on_cpu;
  {
    const std::lock_guard lock(handles.lock);
    if (handles.streams.erase(stream) == 0) return result(cudaErrorInvalidResourceHandle);
  }
  delete stream;
  return cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return cuda_on_cpu::handle_or_error(cuda_on_cpu::is_stream(stream));
}
inline cudaError_t cudaStreamQuery(cudaStream_t stream) { return cudaStreamSynchronize(stream); }
inline cudaError_t cudaStreamGetDevice(cudaStream_t stream, int* device) {
  *device = cuda_on_cpu::device_of_stream(stream);
  return cuda_on_cpu::handle_or_error(*device >= 0);
}
inline cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned = 0) {
  return cuda_on_cpu::handle_or_error(cuda_on_cpu::is_stream(stream) && cuda_on_cpu::is_event(event));
}

inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  using namespace cuda_on_cpu;
  *event = new CUevent_st{current_device, (flags & cudaEventDisableTiming) == 0};
  const std::lock_guard lock(handles.lock);
  handles.events.insert(*event);
  return cudaSuccess;
}
inline cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, 0); }
inline cudaError_t cudaEventDestroy(cudaEvent_t event) {
  using namespace cuda_on_cpu;
  {
    const std::lock_guard lock(handles.lock);
    if (handles.events.erase(event) == 0) return result(cudaErrorInvalidResourceHandle);
  }
  delete event;
  return cudaSuccess;
}
inline cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream = nullptr) {
  using namespace cuda_on_cpu;
  if (!is_event(event) || device_of_stream(stream) != event->device) return result(cudaErrorInvalidResourceHandle);
  event->recorded = true;
  event->time = std::chrono::steady_clock::now();
  return cudaSuccess;
}
inline cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return cuda_on_cpu::handle_or_error(cuda_on_cpu::is_event(event));
}
inline cudaError_t cudaEventQuery(cudaEvent_t event) { return cudaEventSynchronize(event); }
inline cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  using namespace cuda_on_cpu;
  if (!is_event(start) || !is_event(end) || !start->recorded || !end->recorded || !start->timed || !end->timed)
    return result(cudaErrorInvalidResourceHandle);
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
  return cudaSuccess;
}
