// SPDX-License-Identifier: Apache-2.0
// Fibres: stacks of their own that hand control to each other, known to AddressSanitizer and ThreadSanitizer.
#pragma once

#include <sys/mman.h>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#include <cstddef>
#include <cstdint>
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

// What a function may expect to find again after a call, on its stack. swapcontext() would ask the system for the mask
// of signals each time, and AddressSanitizer would clear what it knows of the whole stack: most of a test's time.
#if defined(__x86_64__)
extern "C" void cuda_on_cpu_swap(void** from, void* to);
asm(R"(
.pushsection .text.cuda_on_cpu_swap, "axG", @progbits, cuda_on_cpu_swap, comdat
.weak cuda_on_cpu_swap
.hidden cuda_on_cpu_swap
.type cuda_on_cpu_swap, @function
cuda_on_cpu_swap:
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  ret
.size cuda_on_cpu_swap, . - cuda_on_cpu_swap
.popsection
)");

struct Registers {
  void* stack_top = nullptr;

  // As if `function` had been called and had called the above at once.
  void begin(void (*function)(), char* stack, size_t bytes) {
    auto* const end = reinterpret_cast<std::uintptr_t*>(stack + bytes);
    for (int i = 1; i <= 8; ++i) end[-i] = 0;
    end[-2] = reinterpret_cast<std::uintptr_t>(function);
    stack_top = end - 8;
  }
  void swap(Registers& to) { cuda_on_cpu_swap(&stack_top, to.stack_top); }
};
#else
struct Registers {
  ucontext_t kept{};

  void begin(void (*function)(), char* stack, size_t bytes) {
    getcontext(&kept);
    kept.uc_stack.ss_sp = stack;
    kept.uc_stack.ss_size = bytes;
    kept.uc_link = nullptr;
    makecontext(&kept, function, 0);
  }
  void swap(Registers& to) { swapcontext(&kept, &to.kept); }
};
#endif

// Where a fibre, or the code that started the first one, goes on.
struct Context {
  Registers registers;
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
  from.registers.swap(to.registers);
  arrived(from.fake_stack);
}

class Fibre {
 public:
  // Once entered, `function` must never return.
  explicit Fibre(void (*function)()) {
    memory_ = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory_ == MAP_FAILED) stop("no memory for the stack of one more thread");
    mprotect(memory_, kGuard, PROT_NONE);  // the stack grows down to it
    char* const stack = static_cast<char*>(memory_) + kGuard;
    context_.stack = stack;
    context_.stack_bytes = kBytes - kGuard;
    context_.registers.begin(function, stack, context_.stack_bytes);
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
