// SPDX-License-Identifier: Apache-2.0
// Fibres: stacks of their own that hand control to each other, known to AddressSanitizer and ThreadSanitizer.
#pragma once

#include <sys/mman.h>
#include <ucontext.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "races.hpp"

#if defined(__SANITIZE_ADDRESS__)
#define CUDA_ON_CPU_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CUDA_ON_CPU_ASAN 1
#endif
#endif
#if defined(CUDA_ON_CPU_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace cuda_on_cpu {

// Ends the process: a kernel broke a rule, and on a GPU it would hang, compute rubbish or be refused.
template <class... Values>
[[noreturn]] void stop(const char* format, Values... values) {
  std::fprintf(stderr, "cuda_on_cpu: ");
  std::fprintf(stderr, format, values...);
  std::fprintf(stderr, "\n");
  std::fflush(stderr);
  std::abort();
}

// Where a fibre, or the code that started the first one, goes on.
struct Context {
  ucontext_t registers{};
  const void* stack = nullptr;
  size_t stack_bytes = 0;
  void* fake_stack = nullptr;
  Actor actor = nullptr;  // who was here last, or will be first
};

inline thread_local Context* came_from = nullptr;

// The first thing a context does when it is entered. `fake_stack` is what it left behind, null the first time.
inline void arrived([[maybe_unused]] void* fake_stack) {
#if defined(CUDA_ON_CPU_ASAN)
  __sanitizer_finish_switch_fiber(fake_stack, &came_from->stack, &came_from->stack_bytes);
#endif
}

// Goes on in `to` and returns when somebody goes on in `from`.
inline void switch_context(Context& from, Context& to) {
  came_from = &from;
  from.actor = this_actor();
  become(to.actor);
#if defined(CUDA_ON_CPU_ASAN)
  __sanitizer_start_switch_fiber(&from.fake_stack, to.stack, to.stack_bytes);
#endif
  swapcontext(&from.registers, &to.registers);
  arrived(from.fake_stack);
}

class Fibre {
 public:
  // Once entered, `function` must never return.
  explicit Fibre(void (*function)()) {
    memory_ = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory_ == MAP_FAILED) stop("no memory for the stack of one more thread");
    mprotect(memory_, kGuard, PROT_NONE);  // the stack grows down to it
    context_.stack = static_cast<char*>(memory_) + kGuard;
    context_.stack_bytes = kBytes - kGuard;
    getcontext(&context_.registers);
    context_.registers.uc_stack.ss_sp = static_cast<char*>(memory_) + kGuard;
    context_.registers.uc_stack.ss_size = kBytes - kGuard;
    context_.registers.uc_link = nullptr;
    makecontext(&context_.registers, function, 0);
    context_.actor = new_actor();
  }
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;
  ~Fibre() {
#if defined(CUDA_ON_CPU_ASAN)
    __asan_unpoison_memory_region(context_.stack, context_.stack_bytes);
#endif
    munmap(memory_, kBytes);
  }
  Context& context() { return context_; }

 private:
  static constexpr size_t kGuard = size_t{1} << 16;
  static constexpr size_t kBytes = kGuard + (size_t{1} << 18);
  void* memory_;
  Context context_;
};

}  // namespace cuda_on_cpu
