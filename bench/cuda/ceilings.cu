// SPDX-License-Identifier: Apache-2.0
// What this GPU does at most, the floor of the loops that bench/suites/cuda.py times: copies, and accesses to random
// places of a state of some size.
//
//   bench_cuda_ceilings [--device D] [--accesses N] [name:bytes ...]
//
//   read32 read64      random units of that many bytes, by loads of 16 bytes
//   update32 update64  bits set in random units, by reductions (red.or) of lanes side by side
//   add4 add8          1 added to random integers of that many bytes
//   copy to-device to-host   sequential, the last two from and to pinned memory; counted in bytes
//   bits popcounts bfloats   arithmetic of searches, in registers: bits compared by binary tensor cores and by
//                            popcounts, operations on bfloat16 numbers; their bytes count for nothing
//
// Prints one JSON object a line for every variant of each: how many threads share a unit, how many accesses a thread
// has under way, how large blocks are, and whether blocks come and go or stay. Nobody knows beforehand which suits a
// GPU, so the best one is the ceiling. Rates are of medians. Addresses come from a multiplicative mix of a counter: no
// index is read, no answer written, and no key hashed.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "arithmetic.cuh"
#include "timing.cuh"

namespace hypersketch::cuda::bench {
namespace {

constexpr unsigned kBlockSizes[] = {128, 256, 512};
constexpr unsigned kThreadsResident = 2048;  // of a processor, where registers allow it
constexpr size_t kCached = size_t{64} << 20;

__device__ __forceinline__ uint64_t mix(uint64_t x) {
  x *= 0x9E3779B97F4A7C15ULL;
  x ^= x >> 32;
  return x * 0xD6E8FEB86659FD93ULL;
}

__device__ __forceinline__ uint64_t place_of(uint64_t word, uint64_t n_places) {
  return ((word >> 32) * n_places) >> 32;
}

// Which accesses a thread makes: `rounds` times kInFlight of them, each with the other threads of its team.
struct Rounds {
  uint64_t first;  // of all accesses of this launch
  uint64_t count;
  uint64_t n_places;
};

// Calls visit(words, places) for each round of a team of kTeam threads.
template <unsigned kTeam, unsigned kInFlight, class Visit>
__device__ __forceinline__ void for_rounds(Rounds rounds, Visit visit) {
  const uint64_t team = (uint64_t{blockIdx.x} * blockDim.x + threadIdx.x) / kTeam;
  const uint64_t teams = uint64_t{gridDim.x} * blockDim.x / kTeam;
#pragma unroll 1
  for (uint64_t r = 0; r < rounds.count; ++r) {
    const uint64_t first = rounds.first + (r * teams + team) * kInFlight;
    uint64_t words[kInFlight], places[kInFlight];
#pragma unroll
    for (unsigned i = 0; i < kInFlight; ++i) {
      words[i] = mix(first + i);
      places[i] = place_of(words[i], rounds.n_places);
    }
    visit(words, places);
  }
}

template <unsigned kBytes, unsigned kTeam, unsigned kInFlight>
struct Read {
  static constexpr unsigned kPieces = kBytes / 16 / kTeam;  // of 16 bytes, a thread

  static __device__ __forceinline__ void run(void* state, Rounds rounds, uint64_t* sink) {
    const auto* const pieces = static_cast<const ulonglong2*>(state) + threadIdx.x % kTeam * kPieces;
    uint64_t sum = 0;
    for_rounds<kTeam, kInFlight>(rounds, [&](const uint64_t*, const uint64_t* places) {
      ulonglong2 found[kInFlight][kPieces];
#pragma unroll
      for (unsigned i = 0; i < kInFlight; ++i)
#pragma unroll
        for (unsigned j = 0; j < kPieces; ++j) found[i][j] = pieces[places[i] * (kBytes / 16) + j];
#pragma unroll
      for (unsigned i = 0; i < kInFlight; ++i)
#pragma unroll
        for (unsigned j = 0; j < kPieces; ++j) sum |= found[i][j].x | found[i][j].y;
    });
    if (sum == 1) *sink = sum;  // never: the state is zeros. It keeps the loads
  }
};

template <class Word, unsigned kBytes, unsigned kTeam, unsigned kInFlight>
struct Update {
  static constexpr unsigned kWords = kBytes / sizeof(Word) / kTeam;  // a thread

  static __device__ __forceinline__ void run(void* state, Rounds rounds, uint64_t*) {
    Word* const mine = static_cast<Word*>(state) + threadIdx.x % kTeam;
    for_rounds<kTeam, kInFlight>(rounds, [&](const uint64_t* words, const uint64_t* places) {
#pragma unroll
      for (unsigned i = 0; i < kInFlight; ++i)
#pragma unroll
        for (unsigned j = 0; j < kWords; ++j)
          atomicOr(mine + places[i] * (kBytes / sizeof(Word)) + j * kTeam, Word{1} << (words[i] % (8 * sizeof(Word))));
    });
  }
};

template <class Word, unsigned kInFlight>
struct Add {
  static __device__ __forceinline__ void run(void* state, Rounds rounds, uint64_t*) {
    Word* const cells = static_cast<Word*>(state);
    for_rounds<1, kInFlight>(rounds, [&](const uint64_t*, const uint64_t* places) {
#pragma unroll
      for (unsigned i = 0; i < kInFlight; ++i) atomicAdd(cells + places[i], Word{1});
    });
  }
};

template <class Access>
__global__ void access_kernel(void* state, Rounds rounds, uint64_t* sink) {
  Access::run(state, rounds, sink);
}

__global__ void copy_kernel(ulonglong2* to, const ulonglong2* from, size_t n) {
  const size_t i = size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < n) to[i] = from[i];
}

struct Request {
  std::string name;
  size_t bytes;
};

class Machine {
 public:
  Machine(int device, size_t accesses) : place_{device, 0}, on_(device), accesses_(accesses) {
    processors_ = static_cast<unsigned>(device_attribute(device, cudaDevAttrMultiProcessorCount));
  }

  void measure(const Request& request) {
    const size_t least = 64;
    if (request.bytes < least || request.bytes % least != 0) throw std::invalid_argument("bytes: a multiple of 64");
    if (request.name == "read32") return reads<32>(request);
    if (request.name == "read64") return reads<64>(request);
    if (request.name == "update32") return updates<32>(request);
    if (request.name == "update64") return updates<64>(request);
    if (request.name == "add4") return adds<unsigned>(request);
    if (request.name == "add8") return adds<unsigned long long>(request);
    if (request.name == "copy") return copies(request);
    if (request.name == "to-device" || request.name == "to-host") return travels(request);
    if (request.name == "bits") return arithmetic<BitProducts>(request);
    if (request.name == "bfloats") return arithmetic<BfloatProducts>(request);
    if (request.name == "popcounts") return arithmetic<Popcounts>(request);
    throw std::invalid_argument("unknown name " + request.name);
  }

 private:
  template <unsigned kBytes>
  void reads(const Request& request) {
    each_depth([&]<unsigned kInFlight>() {
      run<Read<kBytes, 1, kInFlight>>(request, kBytes, 1, kInFlight, "");
      run<Read<kBytes, 2, kInFlight>>(request, kBytes, 2, kInFlight, "");
      if constexpr (kBytes == 64) run<Read<kBytes, 4, kInFlight>>(request, kBytes, 4, kInFlight, "");
    });
  }

  template <unsigned kBytes>
  void updates(const Request& request) {
    using Long = unsigned long long;
    each_depth([&]<unsigned kInFlight>() {
      run<Update<Long, kBytes, 1, kInFlight>>(request, kBytes, 1, kInFlight, ", words of 8 B");
      run<Update<Long, kBytes, kBytes / 8, kInFlight>>(request, kBytes, kBytes / 8, kInFlight, ", words of 8 B");
      run<Update<unsigned, kBytes, kBytes / 4, kInFlight>>(request, kBytes, kBytes / 4, kInFlight, ", words of 4 B");
    });
  }

  template <class Word>
  void adds(const Request& request) {
    each_depth([&]<unsigned kInFlight>() { run<Add<Word, kInFlight>>(request, sizeof(Word), 1, kInFlight, ""); });
  }

  template <class Use>
  static void each_depth(Use use) {
    use.template operator()<1>();
    use.template operator()<2>();
    use.template operator()<4>();
    use.template operator()<8>();
  }

  // One form of an access, with blocks of several sizes that come and go or stay.
  template <class Access>
  void run(const Request& request, size_t unit, unsigned team, unsigned in_flight, const char* more) {
    void* const state = buffer(request.bytes);
    const size_t wanted = request.bytes > kCached ? accesses_ / 2 : accesses_;
    for (const unsigned threads : kBlockSizes)
      for (const bool stay : {false, true}) {
        const size_t a_round = size_t{threads} / team * in_flight;  // accesses a block
        const size_t needed = (wanted + a_round - 1) / a_round;
        const size_t resident = size_t{processors_} * (kThreadsResident / threads);
        const size_t blocks = stay ? std::min(needed, resident) : needed;
        const size_t rounds = (needed + blocks - 1) / blocks, count = blocks * rounds * a_round;
        const double seconds = median_seconds(nullptr, [&] {
          const Rounds these{counter_, rounds, request.bytes / unit};
          counter_ += count;
          launch(place_, {static_cast<unsigned>(blocks), threads}, access_kernel<Access>, state, these, sink_);
        });
        const std::string variant = std::to_string(team) + (team == 1 ? " thread" : " threads") + " a unit" + more +
                                    ", " + std::to_string(in_flight) + " in flight, blocks of " +
                                    std::to_string(threads) + (stay ? " that stay" : "");
        print(request, variant, static_cast<double>(count) / seconds);
      }
  }

  template <class Arithmetic>
  void arithmetic(const Request& request) {
    run_chains<Arithmetic, 2>(request);
    run_chains<Arithmetic, 4>(request);
    run_chains<Arithmetic, 8>(request);
  }

  template <class Arithmetic, unsigned kChains>
  void run_chains(const Request& request) {
    for (const unsigned warps : {4U, 8U, 16U}) {
      const size_t blocks = size_t{processors_} * (kThreadsResident / kWarp / warps / 2);
      const size_t a_round = blocks * warps * kChains;
      const size_t rounds = (accesses_ + a_round - 1) / a_round;
      const double seconds = median_seconds(nullptr, [&] {
        launch(place_, {static_cast<unsigned>(blocks), warps * kWarp}, arithmetic_kernel<Arithmetic, kChains>, rounds,
               sink_);
      });
      const std::string variant =
          std::to_string(kChains) + " chains, blocks of " + std::to_string(warps * kWarp) + " that stay";
      print(request, variant, static_cast<double>(rounds * a_round) * Arithmetic::kItems / seconds);
    }
  }

  void copies(const Request& request) {
    const size_t n = request.bytes / sizeof(ulonglong2);
    auto* const from = static_cast<ulonglong2*>(buffer(request.bytes));
    const DeviceBuffer target(request.bytes);
    auto* const to = target.as<ulonglong2>();
    const auto measured = [&](const char* variant, auto copy) {
      print(request, variant, static_cast<double>(request.bytes) / median_seconds(nullptr, copy));
    };
    measured("the driver's",
             [&] { check(cudaMemcpyAsync(to, from, request.bytes, cudaMemcpyDeviceToDevice, nullptr), "Copying"); });
    for (const unsigned threads : kBlockSizes)
      measured(("16 B a thread, blocks of " + std::to_string(threads)).c_str(),
               [&] { launch(place_, grid_for(n, 1, threads), copy_kernel, to, std::as_const(from), n); });
  }

  void travels(const Request& request) {
    void* const there = buffer(request.bytes);
    void* here = nullptr;
    check(cudaMallocHost(&here, request.bytes), "Taking pinned memory");
    const bool forth = request.name == "to-device";
    const double seconds = median_seconds(nullptr, [&] {
      check(cudaMemcpyAsync(forth ? there : here, forth ? here : there, request.bytes,
                            forth ? cudaMemcpyHostToDevice : cudaMemcpyDeviceToHost, nullptr),
            "Copying");
    });
    check(cudaFreeHost(here), "Giving back pinned memory");
    print(request, "pinned", static_cast<double>(request.bytes) / seconds);
  }

  // Kept from request to request, for as long as they ask for the same.
  void* buffer(size_t n_bytes) {
    if (state_ == nullptr || n_bytes != n_bytes_) {
      state_.reset();
      state_ = std::make_unique<DeviceBuffer>(n_bytes);
      n_bytes_ = n_bytes;
    }
    return state_->as<void>();
  }

  static void print(const Request& request, const std::string& variant, double rate) {
    std::printf(R"({"name": "%s", "bytes": %zu, "variant": "%s", "rate": %.6g})", request.name.c_str(), request.bytes,
                variant.c_str(), rate);
    std::printf("\n");
    std::fflush(stdout);
  }

  Place place_;
  OnDevice on_;
  size_t accesses_;
  unsigned processors_ = 1;
  DeviceBuffer sink_memory_{sizeof(uint64_t)};
  uint64_t* sink_ = sink_memory_.as<uint64_t>();
  std::unique_ptr<DeviceBuffer> state_;
  size_t n_bytes_ = 0;
  uint64_t counter_ = 1;
};

std::vector<Request> usual_requests() {
  constexpr size_t kMiB = size_t{1} << 20, kGiB = size_t{1} << 30;
  std::vector<Request> requests = {{"copy", kGiB}, {"to-device", kGiB / 4}, {"to-host", kGiB / 4}};
  for (const char* name : {"bits", "popcounts", "bfloats"}) requests.push_back({name, 64});
  for (const size_t bytes : {16 * kMiB, 4 * kGiB})
    for (const char* name : {"read32", "read64", "update32", "update64", "add4", "add8"})
      requests.push_back({name, bytes});
  return requests;
}

Request parsed(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos) throw std::invalid_argument(text + ": a name and bytes, as read32:16777216");
  return {text.substr(0, colon), std::stoull(text.substr(colon + 1))};
}

void run(int argc, char** argv) {
  int device = 0;
  size_t accesses = size_t{1} << 27;
  std::vector<Request> requests;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--device" && i + 1 < argc)
      device = std::stoi(argv[++i]);
    else if (argument == "--accesses" && i + 1 < argc)
      accesses = std::stoull(argv[++i]);
    else
      requests.push_back(parsed(argument));
  }
  Machine machine(device, accesses);
  for (const Request& request : requests.empty() ? usual_requests() : requests) machine.measure(request);
}

}  // namespace
}  // namespace hypersketch::cuda::bench

int main(int argc, char** argv) {
  try {
    hypersketch::cuda::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}
