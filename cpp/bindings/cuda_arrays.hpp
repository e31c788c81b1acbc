// SPDX-License-Identifier: Apache-2.0
// What the bindings of the GPU half share: device memory that Python owns, arguments that lie on a GPU or in host
// memory, and the one way a batch of keys takes through either. hypersketch._device checks meaning; sizes and devices
// are checked here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <variant>

#include "arrays.hpp"
#include "launch.hpp"

namespace hypersketch::bindings {

void bind_cuda_memory(py::module_& module);
void bind_cuda_dlpack(py::module_& module);
void bind_cuda_keys(py::module_& module);
void bind_cuda_bloom(py::module_& module);
void bind_cuda_counting(py::module_& module);
void bind_cuda_sketch(py::module_& module);
void bind_cuda_projection(py::module_& module);
void bind_cuda_hypervectors(py::module_& module);
void bind_cuda_scores(py::module_& module);
void bind_cuda_spectra(py::module_& module);
void bind_cuda_ternary(py::module_& module);
void bind_cuda_counted(py::module_& module);
void bind_cuda_counted_rows(py::module_& module);
void bind_cuda_learning(py::module_& module);
void bind_cuda_resonator(py::module_& module);
void bind_cuda_search(py::module_& module);
void bind_cuda_hadamard(py::module_& module);
void bind_cuda_retrieval(py::module_& module);
void bind_cuda_recall(py::module_& module);
void bind_cuda_locations(py::module_& module);
void bind_cuda_synapses(py::module_& module);
void bind_cuda_nearest(py::module_& module);
void bind_cuda_pairs(py::module_& module);
void bind_cuda_triples(py::module_& module);
void bind_cuda_codes(py::module_& module);

// Memory of a state or a result. Calls that use it are enqueued one after the other, from whatever thread and stream.
struct State {
  State(int device, size_t n_bytes) : memory(device, n_bytes) {}

  template <class T>
  T* data() const {
    return static_cast<T*>(memory.data());
  }

  cuda::Memory memory;
  std::mutex mutex;
};

// While it lives, a stream has the memory for itself. The GIL is not held: another thread may hold the mutex and wait.
class Use {
 public:
  Use(State& state, std::uintptr_t stream) : lock_(state.mutex), memory_(state.memory), stream_(stream) {
    memory_.before(stream);
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  ~Use() {
    try {
      memory_.after(stream_);
    } catch (const cuda::Error&) {
      // The GPU is lost, which the next call on it says.
    }
  }

 private:
  std::unique_lock<std::mutex> lock_;
  cuda::Memory& memory_;
  std::uintptr_t stream_;
};

// The same for two states, or one that is both.
class BothUsed {
 public:
  BothUsed(State& a, State& b, std::uintptr_t stream)
      : first_(std::min(&a, &b) == &a ? a : b, stream) {  // in one order, so that no two calls wait for each other
    if (&a != &b) second_.emplace(std::min(&a, &b) == &a ? b : a, stream);
  }

 private:
  Use first_;
  std::optional<Use> second_;
};

// Elements one after the other on a GPU, ready on a stream.
struct Span {
  std::uintptr_t pointer;
  size_t n;
  int device;
  std::uintptr_t stream;

  cuda::Place place() const { return {device, stream}; }
  template <class T>
  T* data() const {
    return reinterpret_cast<T*>(pointer);
  }
};

// Arrays that a call reads lie on the GPU of the one it writes, or of the first.
template <class... Spans>
void require_together(const Span& first, const Spans&... others) {
  require(((others.device == first.device) && ...), "All arrays of a call must lie on one GPU.");
}

template <class T>
using Argument = std::variant<Span, Array<T>>;

template <class T>
bool on_gpu(const Argument<T>& argument) {
  return std::holds_alternative<Span>(argument);
}

template <class T>
size_t size_of(const Argument<T>& argument) {
  return on_gpu(argument) ? std::get<Span>(argument).n : static_cast<size_t>(std::get<Array<T>>(argument).size());
}

// The address of an argument that lies where the keys do.
template <class T>
const T* read(const Argument<T>& argument, bool with_gpu, int device) {
  require(on_gpu(argument) == with_gpu, "All arrays of a call must lie on the GPU, or none.");
  if (!with_gpu) return std::get<Array<T>>(argument).data();
  require(std::get<Span>(argument).device == device, "All arrays of a call must lie on one GPU.");
  return std::get<Span>(argument).template data<const T>();
}

template <class T>
T* write(Argument<T>& argument, bool with_gpu, int device, size_t n) {
  require(size_of(argument) == n, "out must have one element a key.");
  if (!with_gpu && !on_gpu(argument)) return write(std::get<Array<T>>(argument)).data();
  return const_cast<T*>(read(argument, with_gpu, device));
}

// A batch of keys with weights or answers, on the GPU of a state or in host memory.
class Batch {
 public:
  Batch(const State& state, const Argument<uint64_t>& keys, bool hashed, std::uintptr_t stream, size_t threads)
      : with_gpu_(on_gpu(keys)),
        hashed_(hashed),
        place_(with_gpu_ ? std::get<Span>(keys).place() : cuda::Place{state.memory.device(), stream}),
        threads_(threads) {
    host_.n = size_of(keys);
    host_.in = bindings::read(keys, with_gpu_, state.memory.device());
    host_.n_in = sizeof(uint64_t);
  }

  template <class T>
  void add_weights(const std::optional<Argument<T>>& weights) {
    if (!weights) return;
    require(size_of(*weights) == host_.n, "There must be one weight a key.");
    host_.more_in = bindings::read(*weights, with_gpu_, place_.device);
    host_.n_more_in = sizeof(T);
  }

  template <class T>
  void add_answers(Argument<T>& out) {
    host_.out = bindings::write(out, with_gpu_, place_.device, host_.n);
    host_.n_out = sizeof(T);
  }

  size_t size() const { return host_.n; }

  // The first keys, with their weights.
  Batch first(size_t n) const {
    Batch part = *this;
    part.host_.n = n;
    return part;
  }

  // Calls work(place, keys, piece) for the whole batch on the GPU, or piece by piece as host memory gets there.
  template <class F>
  void run(State& state, F&& work) const {
    const auto adapted = [&](cuda::Place place, cuda::Piece piece) {
      work(place, cuda::Keys{static_cast<const uint64_t*>(piece.in), piece.n, hashed_}, piece);
    };
    const py::gil_scoped_release release;
    const Use use(state, place_.stream);
    if (with_gpu_) return adapted(place_, {host_.in, host_.more_in, host_.out, 0, host_.n});
    Adapter<decltype(adapted)> adapter(adapted);
    cuda::stage(place_, host_, adapter, threads_);
  }

 private:
  template <class F>
  struct Adapter final : cuda::Work {
    explicit Adapter(const F& f) : call(f) {}
    void operator()(cuda::Place place, cuda::Piece piece) override { call(place, piece); }
    const F& call;
  };

  bool with_gpu_;
  bool hashed_;
  cuda::Place place_;
  size_t threads_;
  cuda::HostBatch host_{};
};

}  // namespace hypersketch::bindings
