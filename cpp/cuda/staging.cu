// SPDX-License-Identifier: Apache-2.0
// Host batches stream through two pinned buffers: while the GPU works on one piece, the next one is copied to it, the
// one after is copied into pinned memory by several threads, and answers travel back. Bound by the bus; what is pinned
// already goes over it without the copy.
#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "hypersketch/parallel.hpp"
#include "runtime.cuh"
#include "search.hpp"

namespace hypersketch::cuda {
namespace {

#if defined(__CUDACC__)
constexpr size_t kPieceBytes = size_t{32} << 20;  // 0.6 ms on the bus; starting threads takes a tenth of it
#else
constexpr size_t kPieceBytes = size_t{64} << 10;  // in tests on a processor, for several pieces of few keys
#endif
constexpr size_t kCopyGrain = size_t{1} << 20;  // bytes a thread copies at a time
constexpr size_t kSlots = 2;

class Event {
 public:
  Event() { check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "Creating an event"); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { cudaEventDestroy(event_); }
  void record(cudaStream_t stream) { check(cudaEventRecord(event_, stream), "Recording an event"); }
  void wait() { check(cudaEventSynchronize(event_), "Waiting for the GPU"); }
  void hold(cudaStream_t stream) { check(cudaStreamWaitEvent(stream, event_, 0), "Waiting for an event"); }

 private:
  cudaEvent_t event_ = nullptr;
};

class Stream {
 public:
  Stream() { check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "Creating a stream"); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() { cudaStreamDestroy(stream_); }
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

// Pinned host memory and device memory of the same size.
class Pair {
 public:
  Pair() = default;
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair() {
    if (pinned != nullptr) cudaFreeHost(pinned);
    if (device != nullptr) cudaFree(device);
  }
  void allocate() {
    if (pinned == nullptr) check(cudaMallocHost(&pinned, kPieceBytes), "Taking pinned memory");
    if (device == nullptr) check(cudaMalloc(&device, kPieceBytes), "Taking GPU memory for a batch");
  }

  void* pinned = nullptr;
  void* device = nullptr;
};

struct Slot {
  Pair in, out;
  Event copied, worked, returned;
};

struct Stager {
  Stream forth, back;
  Slot slots[kSlots];
};

// Buffers are kept for the next call, for as long as the process lives: pinning memory takes as long as using it.
class Pool {
 public:
  std::unique_ptr<Stager> take(int device) {
    const std::lock_guard lock(mutex_);
    for (auto& [where, stager] : free_)
      if (where == device && stager != nullptr) return std::move(stager);
    return std::make_unique<Stager>();
  }
  void give_back(int device, std::unique_ptr<Stager> stager) {
    const std::lock_guard lock(mutex_);
    for (auto& entry : free_)
      if (entry.second == nullptr) {
        entry = {device, std::move(stager)};
        return;
      }
    free_.emplace_back(device, std::move(stager));
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<int, std::unique_ptr<Stager>>> free_;
};

Pool& pool() {
  static Pool* const made = new Pool;  // never destroyed: the driver may be gone by then
  return *made;
}

bool is_pinned(const void* pointer) {
  cudaPointerAttributes attributes{};
  const cudaError_t status = cudaPointerGetAttributes(&attributes, pointer);
  if (status != cudaSuccess) cudaGetLastError();
  return status == cudaSuccess && attributes.type == cudaMemoryTypeHost;
}

// Keys of a piece: a multiple of 64, for answers of one bit, unless they are very large. At least one fits.
size_t step_of(const HostBatch& batch) {
  const size_t n = kPieceBytes / std::max<size_t>(1, std::max(batch.n_in + batch.n_more_in, batch.n_out));
  return n >= 64 ? n / 64 * 64 : std::max<size_t>(1, n);
}

void copy_in_parts(void* to, const void* from, size_t n_bytes, size_t threads) {
  parallel_for(n_bytes, kCopyGrain, threads, [=](size_t begin, size_t end) {
    std::memcpy(static_cast<char*>(to) + begin, static_cast<const char*>(from) + begin, end - begin);
  });
}

// One batch on its way. Whatever ends it, nothing on the GPU still uses the buffers or the host's arrays afterwards.
class Passage {
 public:
  Passage(Place place, const HostBatch& batch, size_t threads)
      : place_(place),
        batch_(batch),
        threads_(threads),
        in_is_pinned_(is_pinned(batch.in) && (batch.n_more_in == 0 || is_pinned(batch.more_in))),
        out_is_pinned_(batch.n_out > 0 && is_pinned(batch.out)),
        step_(step_of(batch)),
        stager_(pool().take(place.device)) {}
  Passage(const Passage&) = delete;
  Passage& operator=(const Passage&) = delete;
  ~Passage() {
    cudaStreamSynchronize(stager_->forth.get());
    cudaStreamSynchronize(stream_of(place_));
    cudaStreamSynchronize(stager_->back.get());
    pool().give_back(place_.device, std::move(stager_));
  }

  void run(Work& work) {
    for (Slot& slot : stager_->slots) {
      slot.in.allocate();
      if (batch_.n_out > 0) slot.out.allocate();
    }
    const size_t pieces = (batch_.n + step_ - 1) / step_;
    if (pieces != 0) send(0);
    for (size_t p = 0; p < pieces; ++p) {
      if (p + 1 < pieces) send(p + 1);  // before work that may wait for the GPU
      if (p >= kSlots) collect(p - kSlots);
      Slot& slot = slot_of(p);
      slot.copied.hold(stream_of(place_));
      char* const in = static_cast<char*>(slot.in.device);
      const size_t n = size_of(p);
      work(place_, {in, in + n * batch_.n_in, slot.out.device, p * step_, n});
      slot.worked.record(stream_of(place_));
      return_answers(p);
    }
    for (size_t p = pieces - std::min(pieces, kSlots); p < pieces; ++p) collect(p);
  }

 private:
  Slot& slot_of(size_t p) { return stager_->slots[p % kSlots]; }
  size_t size_of(size_t p) const { return std::min(step_, batch_.n - p * step_); }

  void send(size_t p) {
    Slot& slot = slot_of(p);
    const size_t n = size_of(p), first = p * step_;
    const char* const in = static_cast<const char*>(batch_.in) + first * batch_.n_in;
    const char* const more = static_cast<const char*>(batch_.more_in) + first * batch_.n_more_in;
    if (p >= kSlots) {
      slot.copied.wait();                      // the pinned buffer is free
      slot.worked.hold(stager_->forth.get());  // and so will be the device's
    }
    forward(slot, 0, in, n * batch_.n_in);
    if (batch_.n_more_in > 0) forward(slot, n * batch_.n_in, more, n * batch_.n_more_in);
    slot.copied.record(stager_->forth.get());
  }

  void forward(Slot& slot, size_t offset, const char* from, size_t n_bytes) {
    char* const pinned = static_cast<char*>(slot.in.pinned) + offset;
    if (!in_is_pinned_) copy_in_parts(pinned, from, n_bytes, threads_);
    check(cudaMemcpyAsync(static_cast<char*>(slot.in.device) + offset, in_is_pinned_ ? from : pinned, n_bytes,
                          cudaMemcpyHostToDevice, stager_->forth.get()),
          "Copying a batch to the GPU");
  }

  char* answers_of(size_t p) const { return static_cast<char*>(batch_.out) + p * step_ * batch_.n_out; }

  void return_answers(size_t p) {
    if (batch_.n_out == 0) return;
    Slot& slot = slot_of(p);
    slot.worked.hold(stager_->back.get());
    check(cudaMemcpyAsync(out_is_pinned_ ? answers_of(p) : slot.out.pinned, slot.out.device, size_of(p) * batch_.n_out,
                          cudaMemcpyDeviceToHost, stager_->back.get()),
          "Copying answers from the GPU");
    slot.returned.record(stager_->back.get());
  }

  void collect(size_t p) {
    if (batch_.n_out == 0) return;
    slot_of(p).returned.wait();
    if (!out_is_pinned_) copy_in_parts(answers_of(p), slot_of(p).out.pinned, size_of(p) * batch_.n_out, threads_);
  }

  Place place_;
  HostBatch batch_;
  size_t threads_;
  bool in_is_pinned_, out_is_pinned_;
  size_t step_;  // keys
  std::unique_ptr<Stager> stager_;
};

}  // namespace

size_t most_staged_bytes() { return kPieceBytes; }

void stage(Place place, HostBatch batch, Work& work, size_t threads) {
  if (batch.n == 0) return;
  if (std::max(batch.n_in + batch.n_more_in, batch.n_out) > kPieceBytes)
    throw std::invalid_argument("A key, or its answer, must fit into a buffer of " + std::to_string(kPieceBytes) +
                                " bytes.");
  const OnDevice on(place.device);
  Passage(place, batch, threads).run(work);
}

}  // namespace hypersketch::cuda
