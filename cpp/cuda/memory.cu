// SPDX-License-Identifier: Apache-2.0
// Device memory that outlives a call, and copies of it. An event marks the last use, so that a call on another stream
// waits on the device and not on the host.
#include <map>
#include <mutex>

#include "runtime.cuh"

namespace hypersketch::cuda {
namespace {

constexpr std::uintptr_t kLegacyStream = 1;  // CUDA's other name of stream 0

cudaEvent_t event_of(void* event) { return static_cast<cudaEvent_t>(event); }

std::string bytes_text(size_t n) { return std::to_string(n) + (n == 1 ? " byte" : " bytes"); }

[[noreturn]] void fail_to_take(size_t n_bytes, cudaError_t status) {
  cudaGetLastError();
  size_t n_free = 0, total = 0;
  std::string what = "Taking " + bytes_text(n_bytes) + " of GPU memory";
  if (cudaMemGetInfo(&n_free, &total) == cudaSuccess) what += " (" + bytes_text(n_free) + " are free)";
  fail(status, what);
}

constexpr std::uint64_t kKeptBytes = std::uint64_t{1} << 30;  // of scratch memory a device, between calls

// A pool of our own, since CUDA's gives everything back whenever the host waits, and what it should keep is for the
// process to say. Null where the driver has no pools (some virtual GPUs). Never destroyed: the driver may be gone then.
cudaMemPool_t pool_of(int device) {
  static std::mutex mutex;
  static auto* const pools = new std::map<int, cudaMemPool_t>;
  const std::lock_guard lock(mutex);
  const auto found = pools->find(device);
  if (found != pools->end()) return found->second;
  cudaMemPool_t pool = nullptr;
  if (device_attribute(device, cudaDevAttrMemoryPoolsSupported) != 0) {
    cudaMemPoolProps properties{};
    properties.allocType = cudaMemAllocationTypePinned;
    properties.location.type = cudaMemLocationTypeDevice;
    properties.location.id = device;
    check(cudaMemPoolCreate(&pool, &properties), "Making a pool of GPU memory");
    std::uint64_t kept = kKeptBytes;
    check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &kept), "Making a pool of GPU memory");
  }
  return pools->emplace(device, pool).first->second;
}

}  // namespace

void* take_scratch(Place place, size_t n_bytes) {
  const OnDevice on(place.device);  // whose default stream is meant
  const cudaMemPool_t pool = pool_of(place.device);
  void* data = nullptr;
  const cudaError_t status =
      pool == nullptr ? cudaMalloc(&data, n_bytes) : cudaMallocFromPoolAsync(&data, n_bytes, pool, stream_of(place));
  if (status != cudaSuccess) fail_to_take(n_bytes, status);
  return data;
}

void give_scratch(Place place, void* data) noexcept {
  try {
    const OnDevice on(place.device);
    if (pool_of(place.device) == nullptr)
      cudaFree(data);
    else
      cudaFreeAsync(data, stream_of(place));
  } catch (const Error&) {
    // The GPU is lost, and its memory with it.
  }
}

Memory::Memory(int device, size_t n_bytes) : device_(device), size_(n_bytes) {
  OnDevice on(device);
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "Making a GPU event");
  if (n_bytes != 0) {
    // Whole words: there are no atomic operations for bytes, so that the last ones are changed as part of a word.
    const cudaError_t status = cudaMalloc(&data_, (n_bytes + 3) / 4 * 4);
    if (status != cudaSuccess) {
      cudaEventDestroy(event);
      fail_to_take(n_bytes, status);
    }
  }
  event_ = event;
}

// May run while the process ends and the driver has gone: what fails then has nothing left to free.
Memory::~Memory() {
  cudaEventSynchronize(event_of(event_));
  cudaFree(data_);
  cudaEventDestroy(event_of(event_));
  cudaGetLastError();
}

// Equal handles are the same stream only where streams are never destroyed, and that of "the calling thread's stream"
// is many: only the default one needs no wait for itself.
void Memory::before(std::uintptr_t stream) {
  if (stream == stream_ && stream <= kLegacyStream) return;
  OnDevice on(device_);
  check(cudaStreamWaitEvent(stream_of({device_, stream}), event_of(event_), 0), "Waiting for another GPU stream");
}

void Memory::after(std::uintptr_t stream) {
  OnDevice on(device_);
  check(cudaEventRecord(event_of(event_), stream_of({device_, stream})), "Marking a GPU stream");
  stream_ = stream;
}

void clear(Place place, void* data, size_t n_bytes) {
  if (n_bytes == 0) return;
  OnDevice on(place.device);
  check(cudaMemsetAsync(data, 0, n_bytes, stream_of(place)), "Clearing GPU memory");
}

void copy(Place place, void* to, const void* from, size_t n_bytes) {
  if (n_bytes == 0) return;
  OnDevice on(place.device);
  check(cudaMemcpyAsync(to, from, n_bytes, cudaMemcpyDefault, stream_of(place)), "Copying GPU memory");
}

void copy_to_host(Place place, void* to_host, const void* from, size_t n_bytes) {
  copy(place, to_host, from, n_bytes);
  synchronize(place);
}

void copy_from_host(Place place, void* to, const void* from_host, size_t n_bytes) {
  copy(place, to, from_host, n_bytes);
  synchronize(place);
}

void synchronize(Place place) {
  OnDevice on(place.device);
  check(cudaStreamSynchronize(stream_of(place)), "Waiting for the GPU");
}

void follow(int device, std::uintptr_t stream, std::uintptr_t other) {
  if (stream == other) return;
  OnDevice on(device);
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "Making a GPU event");
  cudaError_t status = cudaEventRecord(event, stream_of({device, other}));
  if (status == cudaSuccess) status = cudaStreamWaitEvent(stream_of({device, stream}), event, 0);
  cudaEventDestroy(event);  // lives on until what waits for it goes on
  check(status, "Waiting for another GPU stream");
}

int device_of(const void* pointer) {
  cudaPointerAttributes found{};
  check(cudaPointerGetAttributes(&found, pointer), "Asking whose memory an array is");
  const bool on_device = found.type == cudaMemoryTypeDevice || found.type == cudaMemoryTypeManaged;
  return on_device ? found.device : -1;
}

}  // namespace hypersketch::cuda
