// SPDX-License-Identifier: Apache-2.0
// Every kernel, compiled once for each instruction set. The including file names the level's namespace in
// HYPERSKETCH_LEVEL; its compiler flags decide which code below is taken. No standard containers or algorithms:
// their inline functions would be shared with code that must run on a baseline processor.
#include <cstring>
#include <type_traits>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "hypersketch/hash.hpp"
#include "hypersketch/layout.hpp"
#include "hypersketch/simd.hpp"

namespace hypersketch::HYPERSKETCH_LEVEL {
namespace {

// clang-format off: the vector type comes first
#include "vector.inc.hpp"
#include "carry_save.inc.hpp"
#include "accumulate.inc.hpp"
#include "blocks.inc.hpp"
#include "digits.inc.hpp"
#include "bytes.inc.hpp"
#include "dot.inc.hpp"
#include "expand.inc.hpp"
#include "hadamard.inc.hpp"
#include "hamming.inc.hpp"
#include "numbers.inc.hpp"
#include "products.inc.hpp"
#include "project.inc.hpp"
#include "reals.inc.hpp"
#include "tiles.inc.hpp"
#include "retrieve.inc.hpp"
#include "separate.inc.hpp"
#include "retrieve_one.inc.hpp"
#include "retrieve_bytes.inc.hpp"
#include "rotate.inc.hpp"
#include "rows.inc.hpp"
#include "scores.inc.hpp"
#include "signed.inc.hpp"
#include "streams.inc.hpp"
#include "strings.inc.hpp"
#include "transforms.inc.hpp"
#include "spectra.inc.hpp"
#include "votes.inc.hpp"
#include "weigh.inc.hpp"
#include "xor.inc.hpp"
// clang-format on

// Named by what the compiler was really told, so that a test can see a level that lost its flags.
constexpr const char* kLevelName =
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && \
    defined(__AVX512VPOPCNTDQ__)
    "avx512";
#elif defined(__AVX2__) && defined(__BMI2__) && defined(__FMA__)
    "avx2";
#elif defined(__aarch64__)
    "neon";
#else
    "base";
#endif

}  // namespace

const Kernels& table() {
  static constexpr Kernels kernels{kLevelName,
                                   hash_strings,
                                   hash_u64,
                                   stream_starts,
                                   atom_rows,
                                   atom_reals,
                                   score_reals,
                                   digit_numbers,
                                   digits_apart,
                                   digits_equal,
                                   atom_accumulate,
                                   row_accumulate,
                                   item_accumulate,
                                   count_votes,
                                   decide_votes,
                                   weigh_rows,
                                   signed_sum,
                                   add_multiple,
                                   xor_rows,
                                   rotate_rows,
                                   atom_dot,
                                   column_dot,
                                   interleave_rows,
                                   near_interleaved,
                                   near_rows,
                                   walsh_hadamard_i32,
                                   walsh_hadamard_f32,
                                   spread_signs,
                                   bit_slice,
                                   cell_positions,
                                   kSplitBlockKernels,
                                   kCacheLineKernels,
                                   select_blocks,
                                   row_places,
                                   kRowKernels<std::int32_t>,
                                   kRowKernels<std::int64_t>,
                                   kRowKernels<float>,
                                   kRowKernels<double>,
                                   project<float>,
                                   project<double>,
                                   inner_products,
                                   add_scaled,
                                   add_widened,
                                   expand_rows,
                                   convolve_two,
                                   score_digits,
                                   count_digits,
                                   choose_digits,
                                   spectrum_of,
                                   convolve_with,
                                   all_finite,
                                   multiply_phasors,
                                   divide_phasors,
                                   unit_phasors,
                                   sum_rows,
                                   wide_products,
                                   turn_signs,

                                   kRetrievalKernels};
  return kernels;
}

}  // namespace hypersketch::HYPERSKETCH_LEVEL
