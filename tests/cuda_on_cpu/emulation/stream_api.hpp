// SPDX-License-Identifier: Apache-2.0
// Streams and events. Work stands in its stream's queue with what it has to wait for in other streams, and is done at
// once, or with CUDA_ON_CPU_LATE only when the host waits for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "device_api.hpp"

using cudaStream_t = struct CUstream_st*;
using cudaEvent_t = struct CUevent_st*;

#define cudaStreamLegacy (reinterpret_cast<cudaStream_t>(1))
#define cudaStreamPerThread (reinterpret_cast<cudaStream_t>(2))
inline constexpr unsigned cudaStreamDefault = 0, cudaStreamNonBlocking = 1;
inline constexpr unsigned cudaEventDefault = 0, cudaEventBlockingSync = 1, cudaEventDisableTiming = 2;

namespace cuda_on_cpu {

struct Stream;

// The first `count` pieces of a stream's work.
struct Point {
  std::shared_ptr<Stream> stream;
  std::uint64_t count = 0;
};

struct Task {
  std::vector<Point> after;
  std::function<void()> work;
};

struct Stream {
  int device;
  bool blocking;  // keeps order with the device's default stream
  std::deque<Task> tasks{};
  std::uint64_t enqueued = 0;

  std::uint64_t done() const { return enqueued - tasks.size(); }
};
using StreamHandle = std::shared_ptr<Stream>;

struct Event {
  int device;
  bool timed;
  Point point{};  // without a stream before it is recorded
  std::chrono::steady_clock::time_point time{};
};

// All streams and events. Every method is called with the lock held, which is also held while work is done.
class Timeline {
 public:
  std::recursive_mutex lock;

  // Null where there is no such stream.
  StreamHandle find(cudaStream_t handle) {
    if (handle == nullptr || handle == cudaStreamLegacy) return own_of_device(0);
    if (handle == cudaStreamPerThread) return own_of_device(1);
    const auto found = streams_.find(handle);
    return found == streams_.end() ? nullptr : found->second;
  }

  Event* find(cudaEvent_t handle) {
    const auto found = events_.find(handle);
    return found == events_.end() ? nullptr : &found->second;
  }

  cudaStream_t add(Stream stream) {
    const auto handle = reinterpret_cast<cudaStream_t>(next_handle_ += 16);
    streams_[handle] = std::make_shared<Stream>(std::move(stream));
    return handle;
  }

  cudaEvent_t add(Event event) {
    const auto handle = reinterpret_cast<cudaEvent_t>(next_handle_ += 16);
    events_[handle] = std::move(event);
    return handle;
  }

  bool remove(cudaStream_t handle) {
    const auto found = streams_.find(handle);
    if (found == streams_.end()) return false;
    finish({found->second, found->second->enqueued});
    streams_.erase(found);
    return true;
  }

  bool remove(cudaEvent_t handle) { return events_.erase(handle) != 0; }

  void enqueue(const StreamHandle& stream, std::function<void()> work, std::vector<Point> after = {}) {
    const StreamHandle legacy = own_of_device(0, stream->device);
    if (stream == legacy) {
      for (const auto& other : all())
        if (other->device == stream->device && other->blocking) after.push_back({other, other->enqueued});
    } else if (stream->blocking) {
      after.push_back({legacy, legacy->enqueued});
    }
    stream->tasks.push_back({std::move(after), std::move(work)});
    ++stream->enqueued;
    if (environment("CUDA_ON_CPU_LATE", 0) == 0) finish({stream, stream->enqueued});
  }

  void finish(const Point& point) {
    while (point.stream != nullptr && point.stream->done() < point.count) {
      const Task task = std::move(point.stream->tasks.front());
      for (const Point& before : task.after) finish(before);
      task.work();
      point.stream->tasks.pop_front();
    }
  }

  // Everything on a device, -1 for all of them.
  void finish_device(int device) {
    for (const auto& stream : all())
      if (device < 0 || stream->device == device) finish({stream, stream->enqueued});
  }

  // Whether it is reached; brings it nearer, so that those who ask until it is do not ask for ever.
  bool reached(const Point& point) {
    if (point.stream == nullptr || point.stream->done() >= point.count) return true;
    finish({point.stream, point.stream->done() + 1});
    return false;
  }

 private:
  // The default streams of a device: 0 the legacy one, 1 that of threads.
  StreamHandle own_of_device(int kind, int device = current_device) {
    StreamHandle& stream = own_[{device, kind}];
    if (stream == nullptr) stream = std::make_shared<Stream>(Stream{device, kind == 1});
    return stream;
  }

  std::vector<StreamHandle> all() const {
    std::vector<StreamHandle> list;
    for (const auto& [key, stream] : own_) list.push_back(stream);
    for (const auto& [handle, stream] : streams_) list.push_back(stream);
    return list;
  }

  std::map<std::pair<int, int>, StreamHandle> own_;
  std::map<cudaStream_t, StreamHandle> streams_;
  std::map<cudaEvent_t, Event> events_;
  std::uintptr_t next_handle_ = 0x1000;  // never used twice
};

inline Timeline& timeline() {
  static Timeline& forever = *new Timeline;  // work that nobody waits for is not done at exit
  return forever;
}

// Calls use(*found...) with the handles' meanings; an invalid one is an error.
template <class Handle, class Use>
cudaError_t with(Handle handle, Use use) {
  const std::lock_guard lock(timeline().lock);
  const auto found = timeline().find(handle);
  return result(found == nullptr ? cudaErrorInvalidResourceHandle : use(found));
}

}  // namespace cuda_on_cpu

inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  using namespace cuda_on_cpu;
  const std::lock_guard lock(timeline().lock);
  *stream = timeline().add(Stream{current_device, flags != cudaStreamNonBlocking});
  return cudaSuccess;
}
inline cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, 0); }
inline cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return cudaStreamCreateWithFlags(stream, flags);
}
inline cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  using namespace cuda_on_cpu;
  const std::lock_guard lock(timeline().lock);
  return result(timeline().remove(stream) ? cudaSuccess : cudaErrorInvalidResourceHandle);
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  using namespace cuda_on_cpu;
  return with(stream, [](const StreamHandle& found) {
    timeline().finish({found, found->enqueued});
    return cudaSuccess;
  });
}
inline cudaError_t cudaStreamQuery(cudaStream_t stream) {
  using namespace cuda_on_cpu;
  return with(stream, [](const StreamHandle& found) {
    return timeline().reached({found, found->enqueued}) ? cudaSuccess : cudaErrorNotReady;
  });
}
inline cudaError_t cudaStreamGetDevice(cudaStream_t stream, int* device) {
  using namespace cuda_on_cpu;
  return with(stream, [device](const StreamHandle& found) {
    *device = found->device;
    return cudaSuccess;
  });
}
inline cudaError_t cudaDeviceSynchronize() {
  using namespace cuda_on_cpu;
  const std::lock_guard lock(timeline().lock);
  timeline().finish_device(current_device);
  return cudaSuccess;
}

inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  using namespace cuda_on_cpu;
  const std::lock_guard lock(timeline().lock);
  *event = timeline().add(Event{current_device, (flags & cudaEventDisableTiming) == 0});
  return cudaSuccess;
}
inline cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, 0); }
inline cudaError_t cudaEventDestroy(cudaEvent_t event) {
  using namespace cuda_on_cpu;
  const std::lock_guard lock(timeline().lock);
  return result(timeline().remove(event) ? cudaSuccess : cudaErrorInvalidResourceHandle);
}
inline cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream = nullptr) {
  using namespace cuda_on_cpu;
  return with(stream, [event](const StreamHandle& found) {
    Event* const recorded = timeline().find(event);
    if (recorded == nullptr || recorded->device != found->device) return cudaErrorInvalidResourceHandle;
    timeline().enqueue(found, [] {});
    recorded->point = {found, found->enqueued};
    recorded->time = std::chrono::steady_clock::now();
    return cudaSuccess;
  });
}
inline cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned = 0) {
  using namespace cuda_on_cpu;
  return with(stream, [event](const StreamHandle& found) {
    const Event* const awaited = timeline().find(event);
    if (awaited == nullptr) return cudaErrorInvalidResourceHandle;
    timeline().enqueue(found, [] {}, {awaited->point});
    return cudaSuccess;
  });
}
inline cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  using namespace cuda_on_cpu;
  return with(event, [](const Event* found) {
    timeline().finish(Point(found->point));
    return cudaSuccess;
  });
}
inline cudaError_t cudaEventQuery(cudaEvent_t event) {
  using namespace cuda_on_cpu;
  return with(event, [](const Event* found) {
    return timeline().reached(Point(found->point)) ? cudaSuccess : cudaErrorNotReady;
  });
}
inline cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  using namespace cuda_on_cpu;
  return with(start, [=](const Event* first) {
    const Event* const last = timeline().find(end);
    if (last == nullptr || !first->timed || !last->timed || first->point.stream == nullptr ||
        last->point.stream == nullptr)
      return cudaErrorInvalidResourceHandle;
    *milliseconds = std::chrono::duration<float, std::milli>(last->time - first->time).count();
    return cudaSuccess;
  });
}
