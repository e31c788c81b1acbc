// SPDX-License-Identifier: Apache-2.0
// What the programs of bench/cuda share: a stopwatch of CUDA events and memory for the length of a measurement.
#pragma once

#include <algorithm>
#include <vector>

#include "runtime.cuh"

namespace hypersketch::cuda::bench {

constexpr int kRepeats = 5;

// Seconds that a GPU spent between two places of a stream.
class Stopwatch {
 public:
  Stopwatch() {
    check(cudaEventCreate(&start_), "Creating an event");
    check(cudaEventCreate(&stop_), "Creating an event");
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() {
    cudaEventDestroy(start_);
    cudaEventDestroy(stop_);
  }
  void start(cudaStream_t stream) { check(cudaEventRecord(start_, stream), "Recording an event"); }
  double stop(cudaStream_t stream) {
    float milliseconds = 0;
    check(cudaEventRecord(stop_, stream), "Recording an event");
    check(cudaEventSynchronize(stop_), "Waiting for the GPU");
    check(cudaEventElapsedTime(&milliseconds, start_, stop_), "Reading a clock");
    return static_cast<double>(milliseconds) * 1e-3;
  }

 private:
  cudaEvent_t start_ = nullptr, stop_ = nullptr;
};

// Median seconds of what `run` enqueues on the stream; it runs once unmeasured before.
template <class Run>
double median_seconds(cudaStream_t stream, Run run) {
  Stopwatch watch;
  run();
  std::vector<double> seconds;
  for (int i = 0; i < kRepeats; ++i) {
    watch.start(stream);
    run();
    seconds.push_back(watch.stop(stream));
  }
  std::nth_element(seconds.begin(), seconds.begin() + kRepeats / 2, seconds.end());
  return seconds[kRepeats / 2];
}

// Zeros on the GPU.
class DeviceBuffer {
 public:
  explicit DeviceBuffer(size_t n_bytes) {
    check(cudaMalloc(&data_, n_bytes), "Taking GPU memory");
    check(cudaMemset(data_, 0, n_bytes), "Clearing GPU memory");
  }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  ~DeviceBuffer() { cudaFree(data_); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
};

}  // namespace hypersketch::cuda::bench
