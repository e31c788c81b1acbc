// SPDX-License-Identifier: Apache-2.0
// CUDA's calls about devices: two alike, small ones.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>

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

namespace cuda_on_cpu {

inline constexpr size_t kSharedBytes = 49152, kMostSharedBytes = 232448;
inline constexpr int kProcessors = 4, kMostThreads = 1024, kMostResident = 2048, kBlocksResident = 32;
inline constexpr int kL2Bytes = 1 << 20;  // small, so that tests reach what is done for structures beyond it

inline thread_local int current_device = 0;

inline int device_count() { return static_cast<int>(environment("CUDA_ON_CPU_DEVICES", 2)); }
inline size_t device_bytes() { return environment("CUDA_ON_CPU_MEMORY", 8ULL << 30); }

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
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Kernel*, int threads, size_t shared_bytes) {
  using namespace cuda_on_cpu;
  if (threads <= 0 || threads > kMostThreads) return result(cudaErrorInvalidValue);
  const size_t by_memory = shared_bytes == 0 ? kBlocksResident : kMostSharedBytes / shared_bytes;
  *blocks =
      static_cast<int>(std::min<size_t>({static_cast<size_t>(kMostResident / threads), kBlocksResident, by_memory}));
  return cudaSuccess;
}
