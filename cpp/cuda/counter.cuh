// SPDX-License-Identifier: Apache-2.0
// Numbers that kernels make together and the caller reads: a sum, and the least of many.
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

// The place of the first of many that is not what it must be, by atomicMin; all bits are set where all are.
class FirstBad {
 public:
  explicit FirstBad(Place place) : place_(place), found_(place, 1) {
    check(cudaMemsetAsync(found_.data(), 0xFF, sizeof(unsigned long long), stream_of(place)), "Clearing GPU memory");
  }
  unsigned long long* data() const { return found_.data(); }
  uint64_t wait() const {
    unsigned long long found = 0;
    copy_to_host(place_, &found, found_.data(), sizeof found);
    return found;
  }

 private:
  Place place_;
  Scratch<unsigned long long> found_;
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
