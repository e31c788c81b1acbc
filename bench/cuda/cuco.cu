// SPDX-License-Identifier: Apache-2.0
// cuCollections' Bloom filter with the keys of bench/suites/_cuda_bloom.py: a peer program as bench/README.md has it.
//
//   bench_cuda_cuco device bytes members batch
//
// Blocks of eight words of 32 bits and a bit in each, as our split-block filters; keys hashed by XXH64, as ours.
#include <thrust/version.h>

#if THRUST_VERSION >= 300000
#include <cuda/std/functional>
// Version 3 of CUDA's libraries has it under another name; cuCollections of 2024 asks for this one.
namespace thrust {
template <class T = void>
struct identity : ::cuda::std::identity {};
}  // namespace thrust
#endif

#include <cstdio>
#include <cstdlib>
#include <cuco/bloom_filter.cuh>

#include "timing.cuh"

namespace hypersketch::cuda::bench {
namespace {

using Filter = cuco::bloom_filter<uint64_t>;
constexpr uint64_t kStep = 0x9E3779B97F4A7C15ULL;

__device__ uint64_t mix(uint64_t index) {
  const uint64_t word = index * kStep;
  return (word ^ word >> 32) * 0xD6E8FEB86659FD93ULL;
}

// Keys of which `hits` percent are members: those of `probes` in bench/gpu.py, whose remarks hold here.
__global__ void write_probes(uint64_t* keys, uint64_t n, uint64_t members, int hits) {
  for (uint64_t i = blockIdx.x * uint64_t{blockDim.x} + threadIdx.x; i < n; i += uint64_t{gridDim.x} * blockDim.x) {
    const bool known = hits == 100 || (hits == 50 && ((i ^ mix(i >> 1) >> 40) & 1) != 0);
    keys[i] = kStep * (known ? ((mix(i) >> 32) * members) >> 32 : i + members);
  }
}

__global__ void write_members(uint64_t* keys, uint64_t first, uint64_t n) {
  for (uint64_t i = blockIdx.x * uint64_t{blockDim.x} + threadIdx.x; i < n; i += uint64_t{gridDim.x} * blockDim.x)
    keys[i] = kStep * (first + i);
}

__global__ void count_set(const bool* answers, uint64_t n, unsigned long long* count) {
  unsigned long long mine = 0;
  for (uint64_t i = blockIdx.x * uint64_t{blockDim.x} + threadIdx.x; i < n; i += uint64_t{gridDim.x} * blockDim.x)
    mine += answers[i];
  atomicAdd(count, mine);
}

constexpr unsigned kBlocks = 1024;

class Peer {
 public:
  Peer(uint64_t bytes, uint64_t members, uint64_t batch)
      : filter_(bytes / 32), bytes_(bytes), members_(members), batch_(batch), keys_(batch * 8), answers_(batch) {}

  void run() {
    probe(100);
    const double added = median_adding();
    fill();
    double rates[3];
    for (const int hits : {0, 50, 100}) {
      probe(hits);
      rates[hits / 50] = static_cast<double>(batch_) / median_seconds(nullptr, [this] { ask(); });
      if (hits == 0) fpr_ = share_of_answers();
    }
    print("add", "null", added);
    for (const int hits : {0, 50, 100}) print("contains", std::to_string(hits).c_str(), rates[hits / 50]);
  }

 private:
  uint64_t* keys() const { return keys_.as<uint64_t>(); }
  void probe(int hits) { write_probes<<<kBlocks, 256>>>(keys(), batch_, members_, hits); }
  void add() { filter_.add_async(keys(), keys() + batch_); }
  void ask() { filter_.contains_async(keys(), keys() + batch_, answers_.as<bool>()); }

  // Into the empty filter, which is emptied outside of the time.
  double median_adding() {
    Stopwatch watch;
    std::vector<double> seconds;
    for (int i = 0; i <= kRepeats; ++i) {
      filter_.clear();
      watch.start(nullptr);
      add();
      const double taken = watch.stop(nullptr);
      if (i > 0) seconds.push_back(taken);
    }
    std::nth_element(seconds.begin(), seconds.begin() + kRepeats / 2, seconds.end());
    return static_cast<double>(batch_) / seconds[kRepeats / 2];
  }

  void fill() {
    filter_.clear();
    for (uint64_t first = 0; first < members_; first += batch_) {
      const uint64_t n = std::min(batch_, members_ - first);
      write_members<<<kBlocks, 256>>>(keys(), first, n);
      filter_.add(keys(), keys() + n);
    }
  }

  double share_of_answers() {
    const DeviceBuffer count(sizeof(unsigned long long));
    count_set<<<kBlocks, 256>>>(answers_.as<bool>(), batch_, count.as<unsigned long long>());
    unsigned long long found = 0;
    check(cudaMemcpy(&found, count.as<unsigned long long>(), sizeof found, cudaMemcpyDeviceToHost), "Reading a count");
    return static_cast<double>(found) / static_cast<double>(batch_);
  }

  void print(const char* verb, const char* hits, double rate) const {
    std::printf(
        "{\"name\": \"cuCollections\", \"verb\": \"%s\", \"hits\": %s, \"bytes\": %llu, \"rate\": %.6g, "
        "\"fpr\": %.6g}\n",
        verb, hits, static_cast<unsigned long long>(bytes_), rate, fpr_);
  }

  Filter filter_;
  uint64_t bytes_, members_, batch_;
  DeviceBuffer keys_, answers_;
  double fpr_ = 0;
};

}  // namespace
}  // namespace hypersketch::cuda::bench

int main(int argc, char** argv) {
  using namespace hypersketch::cuda;
  if (argc != 5) {
    std::fprintf(stderr, "usage: bench_cuda_cuco device bytes members batch\n");
    return 2;
  }
  try {
    check(cudaSetDevice(std::atoi(argv[1])), "Choosing the GPU");
    const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
    bench::Peer(number(2), number(3), number(4)).run();
    check(cudaDeviceSynchronize(), "Waiting for the GPU");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
