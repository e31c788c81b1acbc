// SPDX-License-Identifier: Apache-2.0
// The emulation itself: threads meet where they should, and kernels that break a rule end the process.
#include <cuda_runtime.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <vector>

static unsigned n_races = 0;

// ThreadSanitizer calls these, where it looks.
#define FOR_SANITIZER extern "C" __attribute__((visibility("default")))
FOR_SANITIZER void __tsan_on_report(const void*) { ++n_races; }
FOR_SANITIZER const char* __tsan_default_options() { return "exitcode=0"; }  // races are counted here

namespace {

constexpr unsigned kFull = 0xFFFFFFFF;
int failures = 0;

#define CHECK(condition)                                                  \
  do {                                                                    \
    if (!(condition)) {                                                   \
      ++failures;                                                         \
      std::printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
    }                                                                     \
  } while (false)

// Runs kernel(arguments...) as launch() of runtime.cuh does.
template <class... Parameters, class... Arguments>
void start(unsigned blocks, unsigned threads, size_t shared_bytes, void (*kernel)(Parameters...),
           Arguments... arguments) {
  cuda_on_cpu::run(blocks, threads, shared_bytes, [=] { kernel(arguments...); });
}

// Whether the work ends the process by abort().
template <class Work>
bool aborts(Work work) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    dup2(open("/dev/null", O_WRONLY), 2);
    work();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

// Whether the work has a race that is seen.
template <class Work>
bool has_a_race(Work work) {
  const unsigned before = n_races;
  work();
  const bool found = n_races != before;
  n_races = before;
  return found;
}

__global__ void __launch_bounds__(256) sums_of_blocks(const unsigned* in, unsigned* out) {
  __shared__ unsigned partial[256];
  const unsigned t = threadIdx.x;
  partial[t] = in[blockIdx.x * blockDim.x + t];
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    __syncthreads();
    if (t < half) partial[t] += partial[t + half];
  }
  if (t == 0) out[blockIdx.x] = partial[0];
}

// One barrier is missing: thread t reads what thread t + 1 writes.
__global__ void forgets_a_barrier(unsigned* out) {
  __shared__ unsigned words[64];
  words[threadIdx.x] = 0;
  __syncthreads();
  words[threadIdx.x] = threadIdx.x;
  out[threadIdx.x] = words[(threadIdx.x + 1) % blockDim.x];
}

template <class T>
__global__ void scan_of_warps(const T* in, T* out) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32;
  T sum = in[i];
  for (unsigned delta = 1; delta < 32; delta *= 2) {
    const T before = __shfl_up_sync(kFull, sum, delta);
    if (lane >= delta) sum += before;
  }
  out[i] = sum;
}

__global__ void shuffles(int* out) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  int* const at = out + 5 * threadIdx.x;
  at[0] = __shfl_sync(kFull, lane, 3);
  at[1] = __shfl_sync(kFull, lane, 3, 8);
  at[2] = __shfl_down_sync(kFull, lane, 2, 16);
  at[3] = __shfl_xor_sync(kFull, lane, 1);
  at[4] = __shfl_up_sync(kFull, lane, 1, 4);
}

__global__ void votes(unsigned* out, unsigned long long* matches) {
  const unsigned lane = threadIdx.x % 32;
  out[threadIdx.x] = __ballot_sync(kFull, lane % 3 == 0);
  const unsigned long long value = (1ULL << 40) * (lane % 4);
  matches[threadIdx.x] = __match_any_sync(kFull, value);
  if (!__any_sync(kFull, lane == 31) || __all_sync(kFull, lane == 31)) out[threadIdx.x] = 0;
  if (__reduce_add_sync(kFull, lane) != 496 || __reduce_max_sync(kFull, -static_cast<int>(lane)) != 0) *matches = 0;
  if (__syncthreads_count(lane == 0) != static_cast<int>(blockDim.x / 32)) *matches = 0;
}

__global__ void histogram(const unsigned char* in, unsigned long long n, unsigned* out) {
  auto* const counts = static_cast<unsigned*>(cuda_on_cpu::shared_memory());
  for (unsigned i = threadIdx.x; i < 256; i += blockDim.x) {
    if (counts[i] != 0xA5A5A5A5) out[0] = 1U << 31;  // the garbage that was promised
    counts[i] = 0;
  }
  __syncthreads();
  const unsigned long long step = static_cast<unsigned long long>(gridDim.x) * blockDim.x;
  for (unsigned long long i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += step) atomicAdd(&counts[in[i]], 1U);
  __syncthreads();
  for (unsigned i = threadIdx.x; i < 256; i += blockDim.x) atomicAdd(&out[i], counts[i]);
}

__global__ void some_leave_before_the_barrier() {
  if (threadIdx.x == 7) return;
  __syncthreads();
}
__global__ void some_lanes_stay_away() {
  if (threadIdx.x % 32 < 16) __ballot_sync(kFull, 1);
}
__global__ void barriers_of_two_places() {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    __syncthreads();
}
__global__ void mask_of_half() { __syncwarp(0xFFFF); }
__global__ void meets_its_warp() { __syncwarp(); }
__global__ void throws() { throw 1; }
__global__ void loads_askew(const unsigned char* from) {
  static_cast<void>(__ldg(reinterpret_cast<const uint4*>(from + 8 * threadIdx.x)));
}

void check_blocks() {
  std::vector<unsigned> in(40 * 256), out(64);
  std::iota(in.begin(), in.end(), 0U);
  start(40, 256, 0, sums_of_blocks, in.data(), out.data());
  for (unsigned b = 0; b < 40; ++b) CHECK(out[b] == 256 * 256 * b + 255 * 128);

  int wrong = 0;
  for (const char* reversed : {"0", "1"}) {
    setenv("CUDA_ON_CPU_REVERSED", reversed, 1);
    const bool seen = has_a_race([&] { start(1, 64, 0, forgets_a_barrier, out.data()); });
    CHECK(seen == cuda_on_cpu::kFindsRaces || *reversed == '1');  // the same one is not reported again
    wrong += out[30] != 31;
    start(40, 256, 0, sums_of_blocks, in.data(), out.data());
    CHECK(out[39] == 256 * 256 * 39 + 255 * 128);
  }
  unsetenv("CUDA_ON_CPU_REVERSED");
  CHECK(wrong == 1);
}

// Lane 0 tells the others a word; a shuffle makes no order of memory.
__global__ void tells_a_warp(bool waits, unsigned* out) {
  __shared__ unsigned word;
  if (threadIdx.x == 0) word = 7;
  __shfl_sync(kFull, 0U, 0);
  if (waits) __syncwarp();
  out[blockIdx.x * blockDim.x + threadIdx.x] = word;
}

__global__ void counts(bool as_one, unsigned* out) {
  if (as_one)
    atomicAdd(out, 1U);
  else if (threadIdx.x == 0)
    ++*out;
}

// A block hands a word to the last one that comes, with fences or without.
__global__ void last_block_reads(bool fences, unsigned* words, unsigned* out) {
  words[blockIdx.x] = blockIdx.x;
  if (fences) __threadfence();
  if (atomicAdd(words + gridDim.x, 1U) + 1 < gridDim.x) return;
  if (fences) __threadfence();
  *out = words[0];
}

void check_races() {
  std::vector<unsigned> words(64);
  for (const bool sound : {false, true}) {
    const bool expected = !sound && cuda_on_cpu::kFindsRaces;
    CHECK(has_a_race([&] { start(2, 32, 0, tells_a_warp, sound, words.data()); }) == expected);
    CHECK(has_a_race([&] { start(2, 32, 0, counts, sound, words.data()); }) == expected);
    CHECK(has_a_race([&] { start(3, 1, 0, last_block_reads, sound, words.data(), words.data() + 8); }) == expected);
  }
}

template <class T>
void check_scan() {
  std::vector<T> in(512), out(512);
  for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<T>(i * 3);
  start(4, 128, 0, scan_of_warps<T>, in.data(), out.data());
  T sum = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    sum = static_cast<T>(i % 32 == 0 ? in[i] : sum + in[i]);
    CHECK(out[i] == sum);
  }
}

void check_warps() {
  std::vector<int> shuffled(5 * 64);
  start(1, 64, 0, shuffles, shuffled.data());
  for (int t = 0; t < 64; ++t) {
    const int* const at = shuffled.data() + 5 * t;
    const int lane = t % 32;
    CHECK(at[0] == 3);
    CHECK(at[1] == lane / 8 * 8 + 3);
    CHECK(at[2] == (lane % 16 < 14 ? lane + 2 : lane));
    CHECK(at[3] == (lane ^ 1));
    CHECK(at[4] == (lane % 4 == 0 ? lane : lane - 1));
  }
  std::vector<unsigned> ballots(64);
  std::vector<unsigned long long> matches(64);
  start(1, 64, 0, votes, ballots.data(), matches.data());
  for (unsigned t = 0; t < 64; ++t) {
    CHECK(ballots[t] == 0x49249249);
    CHECK(matches[t] == 0x11111111ULL << t % 4);
  }
}

// The second group of warps goes on when the first one has written; with one barrier too few it never does.
__global__ void hands_over(unsigned n_barriers, unsigned* out) {
  __shared__ unsigned word;
  if (threadIdx.x < 64) {
    if (threadIdx.x == 5) word = 7;
    for (unsigned i = 0; i < n_barriers; ++i) cuda_on_cpu::come_to_barrier(1 + i, 96, false);
  } else {
    for (unsigned i = 0; i < 2; ++i) cuda_on_cpu::come_to_barrier(1 + i, 96, true);
    out[blockIdx.x * 32 + threadIdx.x - 64] = word;
  }
}

void check_barriers() {
  std::vector<unsigned> out(64);
  start(2, 96, 0, hands_over, 2U, out.data());
  for (const unsigned word : out) CHECK(word == 7);
  CHECK(aborts([&] { start(1, 96, 0, hands_over, 1U, out.data()); }));
}

// Rows and columns of one swizzled tile of 16 rows and 128 numbers, which are their own places.
struct Tile {
  const unsigned char* at;
  unsigned panel_bytes;
};

void check_tiles() {
  constexpr unsigned kRows = 16;
  alignas(1024) static unsigned char memory[2 * kRows * 128];
  for (unsigned row = 0; row < kRows; ++row)
    for (unsigned d = 0; d < 128; ++d) {
      const auto bits = static_cast<std::uint16_t>(std::bit_cast<unsigned>(static_cast<float>(row + d)) >> 16);
      std::memcpy(memory + d / 64 * kRows * 128 + row * 128 + (d % 64 / 8 ^ row % 8) * 16 + d % 8 * 2, &bits, 2);
    }
  const Tile tile{memory, kRows * 128};
  for (unsigned row = 0; row < kRows; ++row)
    for (unsigned k = 0; k < 16; ++k) {
      const Tile later{memory + kRows * 128 + 32, 0};  // from number 64 + 16 on
      CHECK(cuda_on_cpu::number_of_row(later, row, k) == static_cast<float>(row + 80 + k));
      CHECK(cuda_on_cpu::number_of_column(tile, 70 + row, k) == static_cast<float>(70 + row + k));
    }
}

void check_histogram() {
  std::vector<unsigned char> in(100003);
  for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<unsigned char>(i * i % 251);
  std::vector<unsigned> expected(256), out(256);
  for (const unsigned char value : in) ++expected[value];
  start(7, 96, 256 * sizeof(unsigned), histogram, in.data(), in.size(), out.data());
  CHECK(out == expected);
}

void check_refusals() {
  CHECK(aborts([] { start(2, 64, 0, some_leave_before_the_barrier); }));
  CHECK(aborts([] { start(1, 64, 0, some_lanes_stay_away); }));
  CHECK(aborts([] { start(1, 64, 0, barriers_of_two_places); }));
  CHECK(aborts([] { start(1, 64, 0, mask_of_half); }));
  CHECK(aborts([] { start(1, 48, 0, meets_its_warp); }));
  CHECK(aborts([] { start(1, 32, 0, throws); }));
  CHECK(aborts([] {
    alignas(16) static const unsigned char bytes[1024] = {};
    start(1, 32, 0, loads_askew, bytes);
  }));
  start(1, 2048, 0, throws);
  CHECK(cudaGetLastError() == cudaErrorInvalidConfiguration);
  start(1, 32, 100000, throws);
  CHECK(cudaGetLastError() == cudaErrorInvalidValue);
  CHECK(cudaGetLastError() == cudaSuccess);
}

void check_memory() {
  setenv("CUDA_ON_CPU_MEMORY", "1000", 1);
  void *data = nullptr, *more = nullptr;
  CHECK(cudaMalloc(&data, 600) == cudaSuccess);
  CHECK(cudaMallocAsync(&more, 600, nullptr) == cudaErrorMemoryAllocation);
  CHECK(cudaSetDevice(1) == cudaSuccess && cudaMalloc(&more, 600) == cudaSuccess);
  CHECK(cudaSetDevice(2) == cudaErrorInvalidDevice && cudaSetDevice(0) == cudaSuccess);
  cudaPointerAttributes attributes;
  CHECK(cudaPointerGetAttributes(&attributes, static_cast<char*>(more) + 599) == cudaSuccess);
  CHECK(attributes.type == cudaMemoryTypeDevice && attributes.device == 1);
  CHECK(cudaPointerGetAttributes(&attributes, &attributes) == cudaSuccess);
  CHECK(attributes.type == cudaMemoryTypeUnregistered);

  char host[700] = {};
  CHECK(cudaMemcpy(data, host, 600, cudaMemcpyHostToDevice) == cudaSuccess);
  CHECK(cudaMemcpy(data, host, 601, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(data, host, 6, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
  CHECK(cudaMemcpyPeerAsync(more, 0, data, 0, 6) == cudaErrorInvalidValue);
  CHECK(cudaMemcpyPeerAsync(more, 1, data, 0, 600) == cudaSuccess);
  CHECK(cudaMemsetAsync(static_cast<char*>(data) + 1, 0, 600) == cudaErrorInvalidValue);
  CHECK(cudaFree(host) == cudaErrorInvalidValue);
  CHECK(cudaFree(data) == cudaSuccess && cudaFreeAsync(more, nullptr) == cudaSuccess);
  CHECK(cudaFree(data) == cudaErrorInvalidValue);
  size_t left = 0, total = 0;
  CHECK(cudaMemGetInfo(&left, &total) == cudaSuccess && left == 1000 && total == 1000);
  unsetenv("CUDA_ON_CPU_MEMORY");
}

__global__ void add_one(int* value) { ++*value; }
struct OneInt {
  int* value;
};
__global__ void add_one_inside(OneInt one) { ++*one.value; }
__global__ void add_one_shared(int* value) {
  auto* const words = static_cast<int*>(cuda_on_cpu::shared_memory());
  words[0] = 1;
  *value += words[0];
}

void check_launches() {
  int here = 0;
  int *device = nullptr, *other = nullptr;
  CHECK(cudaMalloc(&device, sizeof(int)) == cudaSuccess && cudaMemset(device, 0, sizeof(int)) == cudaSuccess);
  cudaSetDevice(1);
  CHECK(cudaMalloc(&other, sizeof(int)) == cudaSuccess);
  cudaSetDevice(0);
  CHECK(aborts([&] { cuda_on_cpu::launch(add_one, 1, 1, 0, nullptr, &here); }));
  CHECK(aborts([&] { cuda_on_cpu::launch(add_one, 1, 1, 0, nullptr, other); }));
  CHECK(aborts([&] { cuda_on_cpu::launch(add_one_inside, 1, 1, 0, nullptr, OneInt{other}); }));
  cuda_on_cpu::launch(add_one_inside, 1, 1, 0, nullptr, OneInt{device});
  cuda_on_cpu::launch(add_one_shared, 1, 1, 60000, nullptr, device);
  CHECK(cudaGetLastError() == cudaErrorInvalidValue);
  CHECK(cudaFuncSetAttribute(add_one_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, 60000) == cudaSuccess);
  cuda_on_cpu::launch(add_one_shared, 1, 1, 60000, nullptr, device);
  CHECK(cudaMemcpy(&here, device, sizeof here, cudaMemcpyDeviceToHost) == cudaSuccess && here == 2);
  CHECK(cudaFree(device) == cudaSuccess && cudaFree(other) == cudaSuccess);
}

// What the host sees before and after it has waited, when all work is late.
void check_late_work() {
  setenv("CUDA_ON_CPU_LATE", "1", 1);
  cudaStream_t first = nullptr, second = nullptr;
  cudaEvent_t added = nullptr;
  int *pinned = nullptr, *device = nullptr;
  cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking);
  cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking);
  cudaEventCreateWithFlags(&added, cudaEventDisableTiming);
  cudaMallocHost(&pinned, sizeof(int));
  cudaMallocAsync(&device, sizeof(int), first);
  cudaMemsetAsync(device, 0, sizeof(int), first);
  cuda_on_cpu::launch(add_one, 1, 1, 0, first, device);
  cudaEventRecord(added, first);
  *pinned = 7;
  cudaMemcpyAsync(pinned, device, sizeof(int), cudaMemcpyDeviceToHost, second);  // does not wait for the first stream
  CHECK(*pinned == 7);
  cudaStreamSynchronize(second);
  CHECK(*pinned != 1);
  cudaStreamWaitEvent(second, added);
  cudaMemcpyAsync(pinned, device, sizeof(int), cudaMemcpyDeviceToHost, second);
  CHECK(cudaStreamQuery(second) == cudaErrorNotReady && cudaGetLastError() == cudaErrorNotReady);
  cudaStreamSynchronize(second);
  CHECK(*pinned == 1);
  CHECK(cudaFreeAsync(device, first) == cudaSuccess);
  CHECK(cudaMemcpyAsync(pinned, device, sizeof(int), cudaMemcpyDeviceToHost, first) == cudaErrorInvalidValue);
  CHECK(cudaFreeHost(pinned) == cudaSuccess && cudaEventDestroy(added) == cudaSuccess);
  CHECK(cudaStreamDestroy(first) == cudaSuccess && cudaStreamDestroy(second) == cudaSuccess);
  unsetenv("CUDA_ON_CPU_LATE");
}

void check_streams() {
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
  CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess);
  CHECK(cudaSetDevice(1) == cudaSuccess);
  CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming) == cudaSuccess);
  CHECK(cudaEventRecord(event, stream) == cudaErrorInvalidResourceHandle);  // of two devices
  CHECK(cudaEventRecord(event, nullptr) == cudaSuccess);
  CHECK(cudaStreamWaitEvent(stream, event) == cudaSuccess);
  CHECK(cudaSetDevice(0) == cudaSuccess);
  CHECK(cudaEventDestroy(event) == cudaSuccess && cudaStreamDestroy(stream) == cudaSuccess);
  CHECK(cudaStreamSynchronize(stream) == cudaErrorInvalidResourceHandle);
}

}  // namespace

int main() {
  check_blocks();
  check_scan<int>();
  check_scan<double>();
  check_scan<unsigned long long>();
  check_warps();
  check_barriers();
  check_races();
  check_tiles();
  check_histogram();
  check_refusals();
  check_memory();
  check_streams();
  check_launches();
  check_late_work();
  CHECK(n_races == 0);
  if (failures == 0) std::printf("the emulation of CUDA does what it says\n");
  return failures == 0 ? 0 : 1;
}
