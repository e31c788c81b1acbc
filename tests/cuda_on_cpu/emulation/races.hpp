// SPDX-License-Identifier: Apache-2.0
// What ThreadSanitizer is told, so that it finds races between the threads of a grid although one runs at a time.
//
// Each of CUDA's threads is an actor, with a history of its own. Actors begin after what the host did before the
// launch, and the host goes on after all of them have ended; between them only barriers and __syncwarp make an order,
// as in CUDA's model (shuffles and votes make none), and fences one with all fences before them. Blocks have no order,
// and shared memory is new to each. What the emulation itself reads and writes is not seen.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define CUDA_ON_CPU_RACES 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CUDA_ON_CPU_RACES 1
#endif
#endif

#if defined(CUDA_ON_CPU_RACES)
#include <sanitizer/tsan_interface.h>

extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
void __tsan_read_range(void* data, unsigned long n);
void __tsan_write_range(void* data, unsigned long n);
void __tsan_java_init(unsigned long begin, unsigned long n);
void __tsan_java_alloc(unsigned long begin, unsigned long n);
extern char __data_start, _end;
}
#endif

namespace cuda_on_cpu {

using Actor = void*;

#if defined(CUDA_ON_CPU_RACES)
inline constexpr bool kFindsRaces = true;

inline Actor this_actor() { return __tsan_get_current_fiber(); }
inline Actor new_actor() { return __tsan_create_fiber(0); }
inline void forget(Actor actor) { __tsan_destroy_fiber(actor); }
inline void become(Actor actor) { __tsan_switch_to_fiber(actor, __tsan_switch_to_fiber_no_sync); }
inline void tell(void* about) { __tsan_release(about); }
inline void hear(void* about) { __tsan_acquire(about); }
inline void seem_to_read(const void* data, unsigned long n) { __tsan_read_range(const_cast<void*>(data), n); }
inline void seem_to_write(void* data, unsigned long n) { __tsan_write_range(data, n); }

// Makes memory as new: what was done there is forgotten. The interface is meant for heaps of others.
inline void forget_memory(const void* data, unsigned long n) {
  constexpr unsigned long kFirst = 4096, kAll = (1UL << 47) - 2 * kFirst;
  static const bool all = (__tsan_java_init(kFirst, kAll), true);
  const unsigned long begin = reinterpret_cast<unsigned long>(data) / 8 * 8;
  if (all) __tsan_java_alloc(begin, n / 8 * 8);
}
// Of the program, static shared memory among it.
inline void forget_static_memory() { forget_memory(&__data_start, static_cast<unsigned long>(&_end - &__data_start)); }

inline void hide() {
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}
inline void show() {
  AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}
#else
inline constexpr bool kFindsRaces = false;

inline Actor this_actor() { return nullptr; }
inline Actor new_actor() { return nullptr; }
inline void forget(Actor) {}
inline void become(Actor) {}
inline void tell(void*) {}
inline void hear(void*) {}
inline void seem_to_read(const void*, unsigned long) {}
inline void seem_to_write(void*, unsigned long) {}
inline void forget_memory(const void*, unsigned long) {}
inline void forget_static_memory() {}
inline void hide() {}
inline void show() {}
#endif

// What the emulation does for itself.
class Unseen {
 public:
  Unseen() { hide(); }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;
  ~Unseen() { show(); }
};

}  // namespace cuda_on_cpu
