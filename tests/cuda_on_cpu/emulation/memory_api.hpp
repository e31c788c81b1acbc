// SPDX-License-Identifier: Apache-2.0
// CUDA's calls about memory. Device memory is host memory that a registry knows the device of, each allocation its own,
// so that AddressSanitizer sees what lies outside of it; copies are checked against the registry in all builds.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "stream_api.hpp"

enum cudaMemcpyKind {
  cudaMemcpyHostToHost = 0,
  cudaMemcpyHostToDevice = 1,
  cudaMemcpyDeviceToHost = 2,
  cudaMemcpyDeviceToDevice = 3,
  cudaMemcpyDefault = 4,
};
enum cudaMemoryType {
  cudaMemoryTypeUnregistered = 0,
  cudaMemoryTypeHost = 1,
  cudaMemoryTypeDevice = 2,
  cudaMemoryTypeManaged = 3,
};
struct cudaPointerAttributes {
  cudaMemoryType type;
  int device;
  void* devicePointer;
  void* hostPointer;
};
enum cudaMemPoolAttr { cudaMemPoolAttrReleaseThreshold = 4 };
using cudaMemPool_t = struct CUmemPoolHandle_st*;
enum cudaMemAllocationType { cudaMemAllocationTypePinned = 1 };
enum cudaMemLocationType { cudaMemLocationTypeDevice = 1 };
struct cudaMemLocation {
  cudaMemLocationType type;
  int id;
};
struct cudaMemPoolProps {
  cudaMemAllocationType allocType;
  cudaMemLocation location;
};

inline constexpr unsigned cudaHostAllocDefault = 0, cudaHostAllocPortable = 1, cudaHostAllocMapped = 2,
                          cudaHostAllocWriteCombined = 4;
inline constexpr unsigned cudaHostRegisterDefault = 0, cudaHostRegisterPortable = 1, cudaHostRegisterMapped = 2,
                          cudaHostRegisterReadOnly = 8;

namespace cuda_on_cpu {

struct Allocation {
  size_t bytes;
  int device;          // -1: pinned host memory
  bool ours;           // else the user's own, registered
  bool freed = false;  // in the order of a stream that has not come to it
};

class Allocations {
 public:
  cudaError_t take(void** data, size_t bytes, int device) {
    *data = nullptr;
    if (bytes == 0) return cudaSuccess;
    const std::lock_guard lock(lock_);
    if (device >= 0 && bytes > device_bytes() - std::min(device_bytes(), used(device)))
      return cudaErrorMemoryAllocation;
    if (posix_memalign(data, kAlignment, bytes) != 0) return cudaErrorMemoryAllocation;
    std::memset(*data, kGarbage, std::min<size_t>(bytes, kFilled));
    known_[address(*data)] = {bytes, device, true};
    return cudaSuccess;
  }

  // From here on nothing may be enqueued that uses it.
  cudaError_t promise_back(void* data, bool of_device) {
    const std::lock_guard lock(lock_);
    const auto found = known_.find(address(data));
    if (found == known_.end() || !found->second.ours || found->second.freed || (found->second.device >= 0) != of_device)
      return cudaErrorInvalidValue;
    found->second.freed = true;
    return cudaSuccess;
  }

  void give_back(void* data) {
    const std::lock_guard lock(lock_);
    known_.erase(address(data));
    std::free(data);
  }

  void add_host(void* data, size_t bytes) {
    const std::lock_guard lock(lock_);
    known_[address(data)] = {bytes, -1, false};
  }

  bool remove_host(void* data) {
    const std::lock_guard lock(lock_);
    const auto found = known_.find(address(data));
    if (found == known_.end() || found->second.ours) return false;
    known_.erase(found);
    return true;
  }

  // What holds the byte at `data`; 0 bytes where nothing known does. `bytes` counts from `data` on.
  Allocation at(const void* data) {
    const std::lock_guard lock(lock_);
    auto found = known_.upper_bound(address(data));
    if (found == known_.begin()) return kNothing;
    --found;
    const std::uintptr_t offset = address(data) - found->first;
    if (offset >= found->second.bytes || found->second.freed) return kNothing;
    return {found->second.bytes - offset, found->second.device, found->second.ours};
  }

  // The same, also for the end of an allocation.
  Allocation around(const void* data) {
    const Allocation found = at(data);
    return found.bytes > 0 || data == nullptr ? found : at(static_cast<const char*>(data) - 1);
  }

  size_t used_of(int device) {
    const std::lock_guard lock(lock_);
    return used(device);
  }

 private:
  static constexpr Allocation kNothing{0, -1, false};
  static constexpr size_t kAlignment = 256, kFilled = size_t{64} << 20;
  static std::uintptr_t address(const void* data) { return reinterpret_cast<std::uintptr_t>(data); }

  size_t used(int device) const {
    size_t sum = 0;
    for (const auto& [data, allocation] : known_) sum += allocation.device == device ? allocation.bytes : 0;
    return sum;
  }

  std::mutex lock_;
  std::map<std::uintptr_t, Allocation> known_;
};
inline Allocations allocations;

// Whether a copy may touch these bytes; `device` also says on which device they must be, -1 the host, -2 anywhere.
inline bool may_touch(const void* data, size_t bytes, int device) {
  const Allocation found = allocations.at(data);
  if (found.device >= 0 && bytes > found.bytes) return false;
  return device == -2 || (device == -1 ? found.device < 0 : found.device == device);
}

inline bool on_device(const void* data) { return allocations.at(data).device >= 0; }
inline bool is_pageable(const void* data) { return allocations.at(data).bytes == 0; }

inline cudaError_t check_copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault) return cudaErrorInvalidMemcpyDirection;
  if (bytes == 0) return cudaSuccess;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (kind != cudaMemcpyDefault && (on_device(to) != to_device || on_device(from) != from_device))
    return cudaErrorInvalidValue;
  return may_touch(to, bytes, -2) && may_touch(from, bytes, -2) ? cudaSuccess : cudaErrorInvalidValue;
}

// CUDA has copied from and to pageable memory when it returns, as far as the host can tell.
inline cudaError_t copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t handle) {
  return with(handle, [=](const StreamHandle& stream) {
    const cudaError_t refused = check_copy(to, from, bytes, kind);
    if (refused != cudaSuccess || bytes == 0) return refused;
    timeline().enqueue(stream, [=] { std::memcpy(to, from, bytes); });
    if (is_pageable(to) || is_pageable(from)) timeline().finish({stream, stream->enqueued});
    return cudaSuccess;
  });
}

// Memory is freed when all that was enqueued has been done.
inline cudaError_t free_now(void* data, bool of_device) {
  const std::lock_guard lock(timeline().lock);
  if (data == nullptr) return cudaSuccess;
  const cudaError_t refused = allocations.promise_back(data, of_device);
  if (refused != cudaSuccess) return result(refused);
  timeline().finish_device(-1);
  allocations.give_back(data);
  return cudaSuccess;
}

// Where there is too little memory, what is still to be freed is waited for.
inline cudaError_t take(void** data, size_t bytes, int device) {
  const std::lock_guard lock(timeline().lock);
  if (allocations.take(data, bytes, device) == cudaSuccess) return cudaSuccess;
  timeline().finish_device(-1);
  return result(allocations.take(data, bytes, device));
}

}  // namespace cuda_on_cpu

template <class T>
cudaError_t cudaMalloc(T** data, size_t bytes) {
  return cuda_on_cpu::take(reinterpret_cast<void**>(data), bytes, cuda_on_cpu::current_device);
}
template <class T>
cudaError_t cudaMallocAsync(T** data, size_t bytes, cudaStream_t stream) {
  using namespace cuda_on_cpu;
  return with(stream,
              [=](const StreamHandle& found) { return take(reinterpret_cast<void**>(data), bytes, found->device); });
}
// All pools are one.
inline cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps*) {
  static char made;
  *pool = reinterpret_cast<cudaMemPool_t>(&made);
  return cudaSuccess;
}
template <class T>
cudaError_t cudaMallocFromPoolAsync(T** data, size_t bytes, cudaMemPool_t, cudaStream_t stream) {
  return cudaMallocAsync(data, bytes, stream);
}
inline cudaError_t cudaFree(void* data) { return cuda_on_cpu::free_now(data, true); }
inline cudaError_t cudaFreeAsync(void* data, cudaStream_t stream) {
  using namespace cuda_on_cpu;
  return with(stream, [data](const StreamHandle& found) {
    const cudaError_t refused = allocations.promise_back(data, true);
    if (refused == cudaSuccess) timeline().enqueue(found, [data] { allocations.give_back(data); });
    return refused;
  });
}

template <class T>
cudaError_t cudaHostAlloc(T** data, size_t bytes, unsigned) {
  return cuda_on_cpu::take(reinterpret_cast<void**>(data), bytes, -1);
}
template <class T>
cudaError_t cudaMallocHost(T** data, size_t bytes, unsigned flags = 0) {
  return cudaHostAlloc(data, bytes, flags);
}
inline cudaError_t cudaFreeHost(void* data) { return cuda_on_cpu::free_now(data, false); }
inline cudaError_t cudaHostRegister(void* data, size_t bytes, unsigned) {
  using namespace cuda_on_cpu;
  if (data == nullptr || bytes == 0) return result(cudaErrorInvalidValue);
  if (allocations.at(data).bytes > 0) return result(cudaErrorHostMemoryAlreadyRegistered);
  allocations.add_host(data, bytes);
  return cudaSuccess;
}
inline cudaError_t cudaHostUnregister(void* data) {
  using namespace cuda_on_cpu;
  const std::lock_guard lock(timeline().lock);
  timeline().finish_device(-1);
  return result(allocations.remove_host(data) ? cudaSuccess : cudaErrorHostMemoryNotRegistered);
}

inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                                   cudaStream_t stream = nullptr) {
  return cuda_on_cpu::copy(to, from, bytes, kind, stream);
}
inline cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const cudaError_t status = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
  return status == cudaSuccess && kind != cudaMemcpyDeviceToDevice ? cudaStreamSynchronize(nullptr) : status;
}
inline cudaError_t cudaMemcpyPeerAsync(void* to, int to_device, const void* from, int from_device, size_t bytes,
                                       cudaStream_t stream = nullptr) {
  using namespace cuda_on_cpu;
  if (bytes > 0 && !(may_touch(to, bytes, to_device) && may_touch(from, bytes, from_device)))
    return result(cudaErrorInvalidValue);
  return cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream);
}
inline cudaError_t cudaMemcpyPeer(void* to, int to_device, const void* from, int from_device, size_t bytes) {
  return cudaMemcpyPeerAsync(to, to_device, from, from_device, bytes);
}
inline cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                                     size_t height, cudaMemcpyKind kind, cudaStream_t stream = nullptr) {
  using namespace cuda_on_cpu;
  if (width > to_pitch || width > from_pitch) return result(cudaErrorInvalidPitchValue);
  for (size_t row = 0; row < height; ++row) {
    const cudaError_t status = cudaMemcpyAsync(static_cast<char*>(to) + row * to_pitch,
                                               static_cast<const char*>(from) + row * from_pitch, width, kind, stream);
    if (status != cudaSuccess) return status;
  }
  return cudaSuccess;
}
inline cudaError_t cudaMemcpy2D(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                                size_t height, cudaMemcpyKind kind) {
  return cudaMemcpy2DAsync(to, to_pitch, from, from_pitch, width, height, kind);
}

inline cudaError_t cudaMemsetAsync(void* data, int value, size_t bytes, cudaStream_t stream = nullptr) {
  using namespace cuda_on_cpu;
  return with(stream, [=](const StreamHandle& found) {
    if (bytes == 0) return cudaSuccess;
    if (allocations.at(data).bytes < bytes) return cudaErrorInvalidValue;
    timeline().enqueue(found, [=] { std::memset(data, value, bytes); });
    return cudaSuccess;
  });
}
inline cudaError_t cudaMemset(void* data, int value, size_t bytes) { return cudaMemsetAsync(data, value, bytes); }

inline cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total) {
  using namespace cuda_on_cpu;
  *total = device_bytes();
  *free_bytes = *total - std::min(*total, allocations.used_of(current_device));
  return cudaSuccess;
}

inline cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* data) {
  using namespace cuda_on_cpu;
  const Allocation found = allocations.at(data);
  void* const pointer = const_cast<void*>(data);
  if (found.bytes == 0)
    *attributes = {cudaMemoryTypeUnregistered, -1, nullptr, pointer};
  else if (found.device < 0)
    *attributes = {cudaMemoryTypeHost, current_device, pointer, pointer};
  else
    *attributes = {cudaMemoryTypeDevice, found.device, pointer, nullptr};
  return cudaSuccess;
}

inline cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  *pool = reinterpret_cast<cudaMemPool_t>(static_cast<std::uintptr_t>(device) + 1);
  return cudaSuccess;
}
inline cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }
inline cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t, cudaMemPoolAttr, void* value) {
  *static_cast<std::uint64_t*>(value) = 0;
  return cudaSuccess;
}
inline cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, size_t) { return cudaSuccess; }
