// SPDX-License-Identifier: Apache-2.0
// The stopwatch of bench/suites/cuda.py, and its pinned memory: a shared library for ctypes. Python's calls come some
// tens of microseconds apart, so the GPU is kept busy while the first of them is on its way; what is measured is then
// the GPU's time alone. A negative number says that a call failed.
#include <memory>

#include "timing.cuh"

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace hypersketch::cuda::bench {
namespace {

constexpr long long kHeadStart = 1'000'000;  // clocks, about half a millisecond

__global__ void wait_kernel([[maybe_unused]] long long clocks) {
#if defined(__CUDA_ARCH__)
  const long long start = clock64();
  while (clock64() - start < clocks) {
  }
#endif
}

Stopwatch& stopwatch() {
  static Stopwatch* const made = new Stopwatch;  // never destroyed: the driver may be gone by then
  return *made;
}

template <class Call>
double or_negative(Call call) {
  try {
    return call();
  } catch (const std::exception&) {
    return -1;
  }
}

}  // namespace
}  // namespace hypersketch::cuda::bench

// The stopwatch starts when the device's default stream comes to it. It belongs to the device of the first call.
EXPORTED double bench_start(int device) {
  using namespace hypersketch::cuda;
  return bench::or_negative([=] {
    const OnDevice on(device);
    launch({device, 0}, {1, 32}, bench::wait_kernel, bench::kHeadStart);
    bench::stopwatch().start(nullptr);
    return 0.0;
  });
}

EXPORTED double bench_stop(int device) {
  using namespace hypersketch::cuda;
  return bench::or_negative([=] {
    const OnDevice on(device);
    return bench::stopwatch().stop(nullptr);
  });
}

EXPORTED void* bench_pinned(size_t n_bytes) {
  void* memory = nullptr;
  return cudaMallocHost(&memory, n_bytes) == cudaSuccess ? memory : nullptr;
}

EXPORTED void bench_unpin(void* memory) { cudaFreeHost(memory); }
