// SPDX-License-Identifier: Apache-2.0
// The real rows most alike to queries. Tensor cores multiply bfloat16 numbers, which finds candidates; these are
// compared again in double precision, from the numbers as they are.
//
// How far a product of rounded vectors may be off: with q = q' + e and r = r' + f, where ' is rounded,
//   |<q, r> - <q', r'>| <= |e| |r| + |q'| |f|      and      |r| <= |r'| + |f|
// whose lengths were taken when the vectors were rounded, and a sum of n products in single precision is off by n 2^-22
// of the lengths at most, in whatever order and however the sums of a tensor core are cut. Once the worst candidate's
// product and that slack stay below the k-th best similarity, no other row can be better or equal; until then
// more candidates are taken. For vectors of length 1 that is 0.0035 or so (at most 2^-7), so that 32 candidates beyond
// 2 k nearly always settle it where similarities spread as those of learned embeddings do.
//
// Bottleneck for few queries: memory, 2 bytes a number. For many: tile products; 4,096 queries, 10^6 rows and 384
// numbers are 3.1e12 products and sums, of which an H200 does some 0.6e15 a second by mma.sync: 5 ms.

#include "search_passes.cuh"
#include "search_reals.cuh"

namespace hypersketch::cuda {
namespace {

// The similarity of each query with each of its k candidates; a warp a pair.
__global__ void __launch_bounds__(kThreads)
    compare_kernel(RealRows queries, const double* query_squares, RealRows rows, const double* row_squares,
                   const uint64_t* keys, unsigned k, bool cosine, double* similarities) {
  const size_t pair = thread_index() / kWarp;
  const unsigned lane = threadIdx.x % kWarp;
  if (pair >= queries.n * k) return;
  const size_t query = pair / k, row = keys[pair] & 0xFFFFFFFFU;
  if (keys[pair] == kNoKey) {  // a query that is no number finds no rows; settle_kernel tells
    if (lane == 0) similarities[pair] = -__longlong_as_double(0x7FF0000000000000LL);
    return;
  }
  const double found = similarity_of(queries, query_squares, query, rows, row_squares, row, cosine);
  if (lane == 0) similarities[pair] = found;
}

struct Match {
  double similarity;
  uint64_t row;
};

__device__ __forceinline__ bool is_before(const Match& a, const Match& b) {
  return a.similarity != b.similarity ? a.similarity > b.similarity : a.row < b.row;
}

__device__ __forceinline__ void sort_by_block(Match* matches, unsigned count) {
  for (unsigned run = 2; run <= count; run *= 2)
    for (unsigned step = run / 2; step > 0; step /= 2) {
      for (unsigned i = threadIdx.x; i < count / 2; i += blockDim.x) {
        const unsigned low = 2 * i - i % step, high = low + step;
        const Match a = matches[low], b = matches[high];
        if (is_before(b, a) == ((low & run) == 0)) {
          matches[low] = b;
          matches[high] = a;
        }
      }
      __syncthreads();
    }
}

constexpr unsigned kSettleThreads = 64;  // for 64 to 512 matches

struct Candidates {
  const uint64_t* keys;
  const double* similarities;
  unsigned n;      // a query
  size_t n_found;  // with those of passes before
};

// Lets new candidates compete with the best so far; a block a query. Counts the queries of which rows that nobody
// looked at might be among the best, and those that are not finite.
__global__ void __launch_bounds__(kSettleThreads)
    settle_kernel(Candidates candidates, bool first, const Rounding* queries, const double* extremes, size_t n_rows,
                  size_t dim, unsigned count, NearestRows answers, unsigned* open) {
  Match* const matches = shared_memory<Match>();
  const size_t query = blockIdx.x;
  const unsigned k = static_cast<unsigned>(answers.k), n = candidates.n;
  std::int64_t* const indices = answers.indices + query * k;
  double* const similarities = answers.similarities + query * k;
  for (unsigned i = threadIdx.x; i < count; i += blockDim.x) {
    const double infinite = __longlong_as_double(0x7FF0000000000000LL);
    Match match{-infinite, kNoKey};
    if (i < n)
      match = {candidates.similarities[query * n + i], candidates.keys[query * n + i] & 0xFFFFFFFFU};
    else if (!first && i - n < k)
      match = {similarities[i - n], static_cast<uint64_t>(indices[i - n])};
    matches[i] = match;
  }
  __syncthreads();
  sort_by_block(matches, count);
  for (unsigned i = threadIdx.x; i < k; i += blockDim.x) {
    similarities[i] = matches[i].similarity;
    indices[i] = static_cast<std::int64_t>(matches[i].row);
  }
  if (threadIdx.x != 0) return;
  const Rounding own = queries[query];
  const double reached = double(Bfloats::score_of(candidates.keys[query * n + n - 1])) + slack_of(own, extremes, dim);
  const bool is_settled = candidates.n_found >= n_rows || own.length == 0.0 || reached < matches[k - 1].similarity;
  if (!is_settled) atomicAdd(open, 1U);
  if (!(own.length < __longlong_as_double(0x7FF0000000000000LL))) atomicAdd(open + 1, 1U);
}

template <unsigned kTiles>
void pass_of_tiles(Place place, ScanRows rows, ScanQueries queries, unsigned k, bool first, uint64_t* best,
                   uint64_t* after) {
  pass_of_few<Bfloats, kTiles * kTileColumns>(place, scan_few<Bfloats, true, kTiles>, rows, queries, k, first, best,
                                              after);
}

void run_pass(Place place, SearchPath path, ScanRows rows, ScanQueries queries, unsigned k, bool first, uint64_t* best,
              uint64_t* after) {
  const auto run = [&](auto pass) { pass(place, rows, queries, k, first, best, after); };
  if (path == SearchPath::kFew) return queries.n <= kTileColumns ? run(pass_of_tiles<1>) : run(pass_of_tiles<2>);
  constexpr unsigned kHalf = kQueryWarps * kTileColumns * 4;  // queries of the smaller blocks
  queries.n <= kHalf ? run(pass_of_many<Bfloats, 16, 4>) : run(pass_of_many<Bfloats, 16, 8>);
}

unsigned power_above(size_t n) {
  unsigned power = 2;
  while (power < n) power *= 2;
  return power;
}

// Queries that share a pass.
void search_some(Place place, SearchPath path, RealRows queries, RealRows rows, RoundedRows rounded, bool cosine,
                 NearestRows answers) {
  const size_t n_words = bfloat_words(rows.dim), n_padded = tiles_of(queries.n, kPadding) * kPadding;
  const ScanRows scanned{rounded.bfloats, rows.n, n_words, static_cast<unsigned>(n_words),
                         static_cast<unsigned>(tiles_of(n_words, kChunkWords))};
  const Scratch<std::uint32_t> bfloats(place, queries.n * n_words);
  const Scratch<double> squares(place, queries.n), similarities(place, queries.n * kMostKept);
  const Scratch<Rounding> roundings(place, queries.n);
  const Scratch<uint4> fragments(place, n_padded / kTileColumns * scanned.n_chunks * kWarp);
  const Scratch<int> ones(place, n_padded);
  const Scratch<uint64_t> best(place, queries.n * kMostKept), after(place, queries.n);
  const Scratch<unsigned> open(place, 2);
  launch(place, grid_for(queries.n * kWarp), round_kernel, queries, cosine, n_words,
         RoundedRows{bfloats.data(), squares.data(), nullptr}, roundings.data());
  const size_t n_bits = n_words * 32, words_a_row = n_words / 2;
  arrange(place, {reinterpret_cast<const uint64_t*>(bfloats.data()), queries.n, words_a_row},
          static_cast<unsigned>(n_bits), scanned.n_chunks, n_padded, fragments.data(), ones.data());
  const ScanQueries arranged{fragments.data(), nullptr, static_cast<unsigned>(queries.n), 0};
  unsigned counts[2] = {1, 0};
  for (size_t done = 0; counts[0] != 0 && done < rows.n;) {
    const size_t wanted = done == 0 ? std::min<size_t>(2 * answers.k + 32, kMostKept) : kMostKept;
    const auto n = static_cast<unsigned>(std::min(wanted, rows.n - done));
    run_pass(place, path, scanned, arranged, n, done == 0, best.data(), after.data());
    launch(place, grid_for(queries.n * n * kWarp), compare_kernel, queries, squares.data(), rows, rounded.squares,
           best.data(), n, cosine, similarities.data());
    clear(place, open.data(), 2 * sizeof(unsigned));
    const unsigned count = power_above(n + answers.k);
    const Candidates candidates{best.data(), similarities.data(), n, done + n};
    launch(place, {static_cast<unsigned>(queries.n), kSettleThreads, count * sizeof(Match)}, settle_kernel, candidates,
           done == 0, roundings.data(), rounded.extremes, rows.n, rows.dim, count, answers, open.data());
    copy_to_host(place, counts, open.data(), sizeof counts);
    if (counts[1] != 0) throw std::invalid_argument("finite");
    done += n;
  }
}

}  // namespace

void round_rows(Place place, RealRows rows, bool cosine, RoundedRows rounded) {
  const OnDevice on(place.device);
  launch(place, grid_for(rows.n * kWarp), round_kernel, rows, cosine, bfloat_words(rows.dim), rounded,
         static_cast<Rounding*>(nullptr));
}

void real_top_k(Place place, RealRows queries, RealRows rows, RoundedRows rounded, bool cosine, NearestRows answers,
                SearchPath path) {
  if (queries.n == 0 || answers.k == 0) return;
  const OnDevice on(place.device);
  for (size_t first = 0; first < queries.n;) {
    const size_t left = queries.n - first;
    const SearchPath fitting = left <= kFewQueries ? SearchPath::kFew : SearchPath::kMany;
    const SearchPath chosen = path == SearchPath::kFew || path == SearchPath::kMany ? path : fitting;
    const size_t n = std::min(left, chosen == SearchPath::kFew ? kFewQueries : kManyQueries);
    const size_t behind = first * answers.k;
    search_some(place, chosen, {queries.values + first * queries.dim, n, queries.dim, queries.weights}, rows, rounded,
                cosine, {answers.k, answers.indices + behind, nullptr, answers.similarities + behind});
    first += n;
  }
}

}  // namespace hypersketch::cuda
