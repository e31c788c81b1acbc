// SPDX-License-Identifier: Apache-2.0
// The part of CUDA that hypersketch's kernels use, on a processor: g++ compiles the same .cu files, and every thread of
// a grid runs as a fibre, block after block. It serves to check arithmetic, indices, bounds (all the more under
// AddressSanitizer), the order of streams, what a failed call leaves behind and, under ThreadSanitizer, races between
// threads (emulation/races.hpp), on machines without a GPU. It cannot show host code that reads device memory, what
// nvcc would refuse, or anything about speed.
//
// It is stricter than a GPU where it can be: warp functions need a full mask and all 32 lanes at the same line, a
// barrier needs all threads of the block, kernels take no pointers to host memory or to another device, copies must lie
// within allocations, fresh memory is filled with 0xA5 (static __shared__ arrays are not: they hold zeros, then what
// the block before left). A kernel that breaks such a rule ends the process with a sentence that names the place.
//
// Environment, read at every use:
//   CUDA_ON_CPU_MEMORY   bytes of a device; allocations beyond fail (8 GiB)
//   CUDA_ON_CPU_DEVICES  how many devices there are (2)
//   CUDA_ON_CPU_REVERSED 1: blocks and threads run from the last to the first. No result may depend on it; a barrier
//                        that is missing shows in at least one of the two orders
//   CUDA_ON_CPU_LATE     1: work of streams is not done when it is enqueued but when the host waits for it, and then
//                        only what it waits for; a wait that is missing shows in what is read too early
#pragma once

#if defined(__CUDACC__)
#error "tests/cuda_on_cpu stands in for CUDA; nvcc must not see it"
#endif

#include <math.h>

#include <cmath>
#include <cstdio>
#include <cstring>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __constant__
#define __managed__
#define __shared__ static  // one block runs at a time
#define __align__(n) __attribute__((aligned(n)))

#include "emulation/atomics.hpp"
#include "emulation/block.hpp"
#include "emulation/device_api.hpp"
#include "emulation/kernel_launch.hpp"
#include "emulation/memory_api.hpp"
#include "emulation/numbers.hpp"
#include "emulation/stream_api.hpp"
#include "emulation/tensor_core.hpp"
#include "emulation/vector_types.hpp"
#include "emulation/warp.hpp"
#include "emulation/warp_group.hpp"
