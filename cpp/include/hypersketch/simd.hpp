// SPDX-License-Identifier: Apache-2.0
// One table of kernels an instruction set, chosen once. Kernels never allocate, throw or start threads.
#pragma once

#include <span>
#include <string_view>

#include "hypersketch/views.hpp"

namespace hypersketch {

// Rows that a project kernel takes at once lie side by side in lines of so many bytes.
inline constexpr size_t kLineBytes = 64;

// Kernels that make digits of words read and write so many words beyond the last.
inline constexpr size_t kPadWords = 16;
// Sums of floats have so many lanes at every level, so that all give the same bits.
inline constexpr size_t kSumLanes = 16;
// Columns of a matrix that an expand kernel takes at once.
inline constexpr size_t kStrip = 32;

// The largest batch one call of an accumulate kernel takes: what eight bit planes can count.
inline constexpr size_t kMaxBatch = 255;

// Filters in which a key's bits keep to one block.
struct BlockKernels {
  void (*add)(BlockView filter, const uint64_t* keys, size_t n);
  void (*contains)(BlockView filter, const uint64_t* keys, size_t n, bool* out);
  // out[i]: whether key i was there once the keys before it had been added. Adds all.
  void (*test_and_add)(BlockView filter, const uint64_t* keys, size_t n, bool* out);
};

// Rows of count sketches, for one type of cells.
template <class Cell>
struct RowKernels {
  // Adds the weights of n keys, 1 each when null, in order.
  void (*add)(RowView<Cell> row, const uint64_t* starts, const Weight<Cell>* weights, size_t n);
  // out[i] = what the row says about key i: its cell, times its sign.
  void (*read)(RowView<const Cell> row, const uint64_t* starts, size_t n, Cell* out);
  // Of n lists, list i being values[r * stride + i] for r < depth, sorts the smallest last + 1 to the front.
  void (*sort)(Cell* values, size_t stride, size_t depth, size_t n, size_t last);
};

// Numbers that atoms are made of: uniform in (-1, 1), standard normal, or complex of length 1.
enum class RealKind { kUniform, kNormal, kPhasor };

// Patterns as they lie, of one type of numbers, and one query.
template <class Number, class Query>
struct PatternKernels {
  // scores[j] = product of the query and row j for n <= kTile rows, `missing` up to a multiple of kWidth.
  void (*compare)(Query query, const Number* rows, size_t n, size_t dim, Ahead ahead, float missing, float* scores);
  // state += sum of weights[j] * row j, in an order that is the level's for bfloat16 and int8.
  void (*sum)(const float* weights, const Number* rows, size_t n, size_t dim, Ahead ahead, float* state);
};

// Retrieval from patterns, kTile at once. Arrays of floats are aligned to kLineBytes, and as long as whole strips.
struct RetrievalKernels {
  void (*widen_bfloat16)(const std::uint16_t* from, size_t n, float* to);
  void (*widen_int8)(const std::int8_t* from, size_t n, float scale, float* to);
  void (*widen_float8)(const std::uint8_t* from, size_t n, float scale, float* to);  // may fill the strip
  // tile[k * kTile + j] = rows[j * stride + k] for n <= kTile rows, zeros beside them, and n_numbers, up to whole
  // fours.
  void (*turn)(const float* rows, size_t n, size_t stride, size_t n_numbers, float* tile);
  // scores[q * kTile + j] += what n_numbers of query q and of pattern j of a turned tile have in common: the sum of
  // their products, or minus that of their distances.
  void (*compare)(const float* queries, size_t n, size_t stride, const float* tile, size_t n_numbers, bool distances,
                  Ahead ahead, float* scores);
  // scores[q * kTile + j] = scores * factors[j] + offsets[j]; null stands for 1 and 0.
  void (*adjust)(size_t n_queries, size_t n, const float* factors, const float* offsets, float* scores);
  // Weights in place of scores: exp(beta score - maximum), max(0, beta score - threshold)^exponent, or (score /
  // maximum)^degree. Sums, and states where maxima rise, are brought up to them. Returns whether any weight matters: is
  // above exp(least), where the maximum's is 1, or above 0.
  bool (*weigh_softmax)(float* scores, size_t n, size_t width, const float* betas, float least, SoftSums sums,
                        float* states, size_t stride);
  bool (*weigh_beyond)(float* scores, size_t n, size_t width, const float* betas, const float* thresholds,
                       float exponent, SoftSums sums);
  bool (*weigh_power)(float* scores, size_t n, size_t width, size_t degree, SoftSums sums, float* states,
                      size_t stride);
  // The scores of a width that are above the bound, in their order, and base + their place; returns how many.
  size_t (*above)(const float* scores, size_t width, float bound, std::uint32_t base, float* found,
                  std::uint32_t* places);
  // states[q * stride + d] += sum over the n rows of a tile of weights[q * kTile + j] * rows[j * row_stride + d].
  void (*sum)(const float* weights, size_t n_queries, const float* rows, size_t n, size_t row_stride, float* states,
              size_t stride);
  PatternKernels<float, const float*> floats;
  PatternKernels<std::uint16_t, const float*> bfloats;
  PatternKernels<std::int8_t, ByteQuery> bytes;
  PatternKernels<std::uint8_t, const float*> eights;  // floats of 8 bits, E4M3
  // The level's order of queries and states of bfloat16, and of states of int8.
  void (*order_even_odd)(const float* from, size_t dim, float* to);
  void (*restore_even_odd)(const float* from, size_t dim, float* to);
  void (*restore_bytes)(const float* from, size_t dim, float* to);
};

// Retrieval by products of words, which are two bfloat16 numbers each. A word takes the place
// of a float in arrays and tiles, so tiles of words are turned as those of floats are.
struct WordKernels {
  const char* name;     // "pairs" or "tiles": what an instruction multiplies
  size_t group;         // queries that are worked on at once
  size_t block_floats;  // of a block of queries whose states stay in the second cache
  // Rounds to the nearest, ties to even; n is a whole number of lines of floats.
  void (*narrow)(const float* from, size_t n, std::uint32_t* to);
  // scores[q * kTile + j] += the products of n_words of query q and of pattern j of a turned tile.
  void (*compare)(const std::uint32_t* queries, size_t n, size_t stride, const std::uint32_t* tile, size_t n_words,
                  Ahead ahead, float* scores);
  // pairs[j * stride + d] = the numbers of rows 2 j and 2 j + 1, in an order of d that is the kernel's; zeros beyond n
  // rows and beyond dim numbers.
  void (*pair)(const std::uint16_t* rows, size_t n, size_t dim, size_t row_stride, std::uint32_t* pairs, size_t stride);
  // states[q * stride + d] += sum over j < n_pairs of the products of weights[q * kTile / 2 + j] and pairs[j * stride +
  // d].
  void (*sum)(const std::uint32_t* weights, size_t n_queries, const std::uint32_t* pairs, size_t n_pairs, float* states,
              size_t stride);
  // A state in the order of the numbers.
  void (*restore)(const float* state, size_t dim, float* to);
};

// Vectors of numbers, or of pairs of them for phasors; behind each are zeros to whole words of an atom: 4 floats.
struct ScoredVectors {
  const float* numbers;
  size_t n, stride;
};
inline constexpr size_t kMaxScored = 64;

// Vectors of digits below a power of two of at most 128, in the upper bits of bytes: byte k < 4 of an eight is the
// lower half's digit of word k of four, byte 4 + k the upper half's. `mask` has the bits of digits, last_mask those of
// the last eight's digits; beyond its vector a last eight has bytes that no digit has, or 0 on the circle.
struct DigitVectors {
  const uint64_t* eights;
  size_t n, stride;  // in eights
  uint64_t mask, last_mask;
};

struct Kernels {
  const char* level;  // built from the compiler's own macros inside the level's file

  // out[i] = XXH64 of the sizes[i] bytes at pointers[i].
  void (*hash_strings)(const unsigned char* const* pointers, const size_t* sizes, size_t n, uint64_t seed,
                       uint64_t* out);
  void (*hash_u64)(const uint64_t* keys, size_t n, uint64_t seed, uint64_t* out);
  void (*stream_starts)(const uint64_t* hashes, size_t n, uint64_t word_of_seed, uint64_t* out);
  // out[i * stride + j] = word j < n_words of atom i; bits of the last word outside `last_mask` are cleared.
  void (*atom_rows)(const uint64_t* starts, size_t n, size_t n_words, uint64_t last_mask, uint64_t* out, size_t stride);
  // Rows of dim numbers (of 2 dim floats for phasors), end to end, times the scale.
  void (*atom_reals)(const uint64_t* starts, size_t n, size_t dim, RealKind kind, double scale, float* out);
  // Inner product of number i of those atoms and vector v to out[v * out_stride + i], and of the atom with itself to
  // squares[i]. Any number of vectors; they share the making of the atoms by up to kMaxScored.
  void (*score_reals)(const uint64_t* starts, size_t n, size_t dim, RealKind kind, double scale, ScoredVectors vectors,
                      float* out, size_t out_stride, float* squares);
  // Integers below modulus <= 2^16, two a word.
  void (*digit_numbers)(const uint64_t* words, size_t n_words, std::uint32_t modulus, std::uint16_t* out);
  // Sum of min(|a[i] - b[i]|, modulus - |a[i] - b[i]|); all are below modulus <= 2^16.
  std::int64_t (*digits_apart)(const std::uint16_t* a, const std::uint16_t* b, size_t n, std::uint32_t modulus);
  // How many of n digits are equal.
  size_t (*digits_equal)(const std::uint16_t* a, const std::uint16_t* b, size_t n);
  // counters += scale * sum of the batch's +-1 vectors; at most kMaxBatch items.
  void (*atom_accumulate)(AtomBatch batch, std::int32_t scale, CounterView state);
  void (*row_accumulate)(RowBatch batch, std::int32_t scale, CounterView state);
  void (*item_accumulate)(ItemRows items, std::int32_t scale, CounterView state);
  // Adds the set bits of any number of items to counts, each counting as one.
  void (*count_votes)(ItemRows items, VotePlanes votes);
  // A set bit of `out` is a count above the threshold, or equal to it where `ties` (may be null) has a set bit. Both
  // begin at word first_word of a vector; the threshold is below 2^n_planes.
  void (*decide_votes)(VotePlanes votes, uint64_t threshold, const uint64_t* ties, uint64_t* out);
  // out = the signs of the weighted sum of rows, a set bit for a negative sum, the bit of `ties` for a sum of 0. The
  // stride is whole cache lines of words; the rows, `ties` and `out` have memory for all of it.
  void (*weigh_rows)(RowBatch rows, const std::int32_t* weights, const uint64_t* ties, WeighMemory memory,
                     uint64_t* out);
  // Sum of the values, 64 a word, negated where their bit is set: in kSumLanes lanes and these by halves.
  double (*signed_sum)(const uint64_t* bits, const double* values, size_t n_words);
  // to += factor * row; no sum overflows.
  void (*add_multiple)(const std::int32_t* row, std::int32_t factor, size_t n, std::int32_t* to);
  // Row i of `out`, which lies apart, is the XOR of the rows a + i * a_stride and b + i * b_stride. Returns the OR of
  // all last words of a and b.
  uint64_t (*xor_rows)(const uint64_t* a, size_t a_stride, const uint64_t* b, size_t b_stride, size_t n, size_t n_words,
                       uint64_t* out);
  // Cyclic shifts by 0 < shift < dim: bit d of a result is bit (d - shift) mod dim of its row. Rows lie end to end.
  void (*rotate_rows)(const uint64_t* rows, size_t n, size_t dim, size_t shift, uint64_t* out);
  // out[i] = sum over planes p of coefficients[p] * popcount(vector_i & plane_p).
  void (*atom_dot)(AtomBatch batch, PlaneView planes, std::int64_t* out);
  // The same for vectors stored word by word: word j of vector i at columns[j * stride + i].
  void (*column_dot)(const uint64_t* columns, size_t n, size_t stride, PlaneView planes, std::int64_t* out);
  // Rows side by side, as many as the level has lanes, in memory for a multiple of 8 rows.
  void (*interleave_rows)(RowBatch rows, uint64_t* tile);
  // The rows of a tile that are nearer to query q than limits[q], in their order; at most kQueriesAtOnce queries.
  void (*near_interleaved)(const uint64_t* tile, size_t n_rows, RowBatch queries, const uint64_t* limits,
                           NearRows near);
  // The same for rows as they lie.
  void (*near_rows)(RowBatch rows, RowBatch queries, const uint64_t* limits, NearRows near);
  // Walsh-Hadamard transforms in place, of a power of two of entries; integers wrap around.
  void (*walsh_hadamard_i32)(std::int32_t* x, size_t n);
  void (*walsh_hadamard_f32)(float* x, size_t n);
  // out[d] = -1 where bit d of a XOR b is set, else 1, for d < n.
  void (*spread_signs)(const uint64_t* a, const uint64_t* b, size_t n, std::int32_t* out);
  // planes[j * n_planes + p] = bit p of counters 64 j .. 64 j + 63 in two's complement.
  void (*bit_slice)(const std::int32_t* counters, size_t dim, size_t n_planes, uint64_t* planes);
  // out[i * n + j] = position i of key j, for i < n_hashes.
  void (*cell_positions)(const uint64_t* starts, size_t n, size_t n_hashes, uint64_t n_cells, uint64_t* out);
  BlockKernels split_block;
  BlockKernels cache_line;
  // Copies the words whose block lies in [first, last), and their indices; returns how many. Writes up to n elements.
  size_t (*select_blocks)(const uint64_t* words, size_t n, uint64_t n_blocks, uint64_t first, uint64_t last,
                          uint64_t* selected, std::uint32_t* indices);
  // Column and sign (1 or -1; not wanted when null) of every key in one row of a count sketch.
  void (*row_places)(const uint64_t* starts, size_t n, uint64_t row, uint64_t width, std::uint32_t* columns,
                     std::int32_t* signs);
  RowKernels<std::int32_t> rows_i32;
  RowKernels<std::int64_t> rows_i64;
  RowKernels<float> rows_f32;
  RowKernels<double> rows_f64;
  // out = scale * rows * table for exactly kLineBytes / sizeof(T) rows, each of which is summed in the order of its
  // features; `sums` is scratch of n_outputs lines.
  void (*project_f32)(const float* rows, SignTable table, float scale, float* sums, float* out);
  void (*project_f64)(const double* rows, SignTable table, double scale, double* sums, double* out);
  // out[i * n_vectors + c] = inner product of row i and vector c, both of `dim` numbers. Terms are summed in
  // kSumLanes lanes and these by halves, whatever else is in the batch.
  void (*inner_products)(const float* rows, size_t n, const float* vectors, size_t n_vectors, size_t dim, float* out);
  // to += factor * from
  void (*add_scaled)(const float* from, float factor, size_t n, float* to);
  void (*add_widened)(const float* from, double factor, size_t n, double* to);
  // Rows times `strip`, whose lines hold kStrip columns of a matrix, one line a feature; n_columns of them are wanted.
  // With `phases` every product p becomes sin(p + phases[c]) - offsets[c].
  void (*expand_rows)(const float* rows, size_t n, size_t n_features, const float* strip, const float* phases,
                      const float* offsets, size_t n_columns, float* out, size_t out_stride);
  // out[i][d] = sum over j of a[i][j] * b[i][(d - j) mod dim] for i < 2; of b[i][(j - d) mod dim] when correlating.
  void (*convolve_two)(const float* const* a, const float* const* b, TransformPlan plan, bool correlate, float* scratch,
                       float* const* out);
  // Comparison of vector v with the atom that starts at starts[i], to out[v * out_stride + i]: on the circle the sum of
  // min(|a - b|, 256 - |a - b|) over its bytes, otherwise how many bytes are equal.
  void (*score_digits)(const uint64_t* starts, size_t n, bool circle, DigitVectors vectors, std::int64_t* out,
                       size_t out_stride);
  // counts[v * stride + i] += whether digits[i] is v, for v < modulus.
  void (*count_digits)(const std::uint16_t* digits, size_t n, std::uint32_t modulus, std::uint16_t* counts,
                       size_t stride);
  // out[i] = the v with the largest such count, of equal ones the first from offsets[i] on; `best` is scratch.
  void (*choose_digits)(const std::uint16_t* counts, size_t stride, size_t n, std::uint32_t modulus,
                        const std::uint16_t* offsets, std::uint32_t* best, std::uint16_t* out);
  // The transform of a row times 2^-exponent, its real parts and then its imaginary ones. Returns the exponent, or
  // kNotFinite for a row with NaN or infinity.
  int (*spectrum_of)(const float* row, TransformPlan plan, float* scratch, float* spectrum);
  // out[i] = what comes of rows[i] meeting the row with this spectrum, for i < 2; out[0][0] is NaN when one is strange.
  void (*convolve_with)(const float* const* rows, const float* spectrum, int exponent, TransformPlan plan,
                        MeetRule rule, float* scratch, float* const* out);
  // Whether there is neither NaN nor infinity among n numbers.
  bool (*all_finite)(const float* numbers, size_t n);
  // out = a * b, or a * conj(b), of n complex numbers. Returns whether all of out is finite; then so are a and b.
  bool (*multiply_phasors)(const float* a, const float* b, size_t n, bool conjugate, float* out);
  // out = a / b, 0 where b is 0, rounded once more than double precision; returns as above.
  bool (*divide_phasors)(const float* a, const float* b, size_t n, float* out);
  // out = numbers over their magnitudes, 0 where they are 0; n complex numbers, all finite.
  void (*unit_phasors)(const double* numbers, size_t n, float* out);
  // sums[j] += weights[i] * rows[i * stride + j] for j < width, in the order of rows; without weights, 1 each.
  void (*sum_rows)(const float* rows, size_t n, size_t stride, const double* weights, size_t width, double* sums);
  // out = <a, a>, <b, b>, <a, b> of n numbers, in kSumLanes lanes, which are summed by halves.
  void (*wide_products)(const float* a, const float* b, size_t n, double* out);
  // out = sums, with opposite signs where bits are set.
  void (*turn_signs)(const std::int32_t* sums, const uint64_t* words, size_t dim, std::int32_t* out);
  RetrievalKernels retrieval;
};

// The table in use: HYPERSKETCH_SIMD when set, else the best level that this processor runs.
// Throws std::invalid_argument when HYPERSKETCH_SIMD names no available level.
const Kernels& kernels();
void set_level(std::string_view name);
std::span<const std::string_view> compiled_levels();
bool level_available(std::string_view name);

// The kernels of words that are fastest on this processor, or those that were chosen. Null where the table in use, or
// the processor, has none.
const WordKernels* word_kernels();
void set_word_kernels(std::string_view name);
std::span<const std::string_view> compiled_word_kernels();
bool word_kernels_available(std::string_view name);

}  // namespace hypersketch
