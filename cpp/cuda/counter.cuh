// SPDX-License-Identifier: Apache-2.0
// A number that kernels add up and the caller reads.
#pragma once

#include "runtime.cuh"

namespace hypersketch::cuda {

// Zero at first. Its memory is taken when it is made.
class Counter {
 public:
  explicit Counter(Place place) : place_(place), memory_(place, 1) {
    check(cudaMemsetAsync(memory_.data(), 0, sizeof(unsigned long long), stream_of(place)), "Clearing a counter");
  }

  unsigned long long* data() const { return memory_.data(); }

  // Waits for what the stream does.
  uint64_t read() const {
    unsigned long long value = 0;
    check(cudaMemcpyAsync(&value, memory_.data(), sizeof value, cudaMemcpyDeviceToHost, stream_of(place_)),
          "Reading a counter");
    check(cudaStreamSynchronize(stream_of(place_)), "Waiting for a counter");
    return value;
  }

 private:
  Place place_;
  Scratch<unsigned long long> memory_;
};

// Adds the threads' numbers to the counter, with one atomic a block. All threads of the block must call it, once.
__device__ __forceinline__ void add_to_counter(unsigned long long* counter, unsigned long long mine) {
  __shared__ unsigned long long sums[kWarp];  // of warps
  for (unsigned step = kWarp / 2; step > 0; step /= 2) mine += __shfl_down_sync(kWholeWarp, mine, step);
  if (threadIdx.x % kWarp == 0) sums[threadIdx.x / kWarp] = mine;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (unsigned warp = 1; warp < blockDim.x / kWarp; ++warp) mine += sums[warp];
  if (mine != 0) atomicAdd(counter, mine);
}

}  // namespace hypersketch::cuda
