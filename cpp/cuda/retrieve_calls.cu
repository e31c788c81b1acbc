// SPDX-License-Identifier: Apache-2.0
// Retrieval for the bindings: the kernels of a store's type, searches by passes, lists for the host, and how rows come
// into stores.
#include "retrieve.cuh"

namespace hypersketch::cuda {
namespace {

const RetrievalOf& of(StoredType type) {
  if (type == StoredType::kFloat32) return retrieval_of_floats;
  if (type == StoredType::kBfloat16) return retrieval_of_bfloats;
  return type == StoredType::kInt8 ? retrieval_of_bytes : retrieval_of_eights;
}

constexpr size_t kFewForGroups = 32;  // queries for which memory is the limit anyway

__global__ void write_nearest(const uint64_t* keys, size_t n, size_t n_found, size_t k, size_t done,
                              std::int64_t* places, float* scores) {
  const size_t i = thread_index();
  if (i >= n * n_found) return;
  const size_t to = i / n_found * k + done + i % n_found;
  places[to] = static_cast<std::int64_t>(keys[i] & 0xFFFFFFFFU);
  scores[to] = Bfloats::score_of(keys[i]);
}

// The nearest float of 8 bits, ties to even, of at most 448. The last place of a float below 2^-6 is 2^-9.
__device__ __forceinline__ unsigned to_eight(float x) {
  const unsigned bits = __float_as_uint(x), sign = bits >> 24 & 0x80U, size = bits & 0x7FFFFFFFU;
  if (size < 0x3C800000U) return sign | static_cast<unsigned>(rintf(fabsf(x) * 512.0F));
  const unsigned near = (size + 0x7FFFFU + (size >> 20 & 1U)) >> 20;
  return sign | least(near - (120U << 3), 0x7EU);
}

// Puts a number where it is kept and returns what is kept; the scale counts where there is one. The CPU rounds in the
// same way.
__device__ __forceinline__ float keep(StoredType type, float x, float scale, unsigned char* to) {
  if (type == StoredType::kFloat32) {
    *reinterpret_cast<float*>(to) = x;
    return x;
  }
  if (type == StoredType::kBfloat16) {
    const unsigned word = to_bfloats(x, 0.0F);
    *reinterpret_cast<unsigned short*>(to) = static_cast<unsigned short>(word);
    return __uint_as_float(word << 16);
  }
  const float wide = __fdiv_rn(x, scale > 0.0F ? scale : 1.0F);
  if (type == StoredType::kInt8) {
    *to = static_cast<unsigned char>(static_cast<int>(fminf(fmaxf(rintf(wide), -127.0F), 127.0F)));
    return __fmul_rn(StoredBytes::number(to), scale);
  }
  *to = static_cast<unsigned char>(to_eight(wide));
  return __fmul_rn(StoredEights::number(to), scale);
}

// A warp a row.
__global__ void __launch_bounds__(kThreads)
    keep_kernel(const float* rows, size_t n, size_t dim, StoredType type, size_t size, unsigned char* kept,
                size_t stride, float* scales, float* lengths, float* largest) {
  const size_t row = thread_index() / kWarp;
  const unsigned lane = threadIdx.x % kWarp;
  if (row >= n) return;
  float most = 0.0F;
  bool finite = true;
  for (size_t i = lane; i < dim; i += kWarp) {
    const float x = fabsf(rows[row * dim + i]);
    finite = finite && x <= 0x1.FFFFFEp+127F;
    most = fmaxf(most, x);
  }
  finite = __all_sync(kWholeWarp, finite);
  for (int step = 16; step > 0; step /= 2) most = fmaxf(most, __shfl_xor_sync(kWholeWarp, most, step));
  const float largest_kept = type == StoredType::kInt8 ? 127.0F : 448.0F;
  const float scale = scales == nullptr ? 1.0F : __fdiv_rn(most, largest_kept);
  double square = 0.0;
  for (size_t i = lane; i * size < stride; i += kWarp) {
    const double near =
        keep(type, finite && i < dim ? rows[row * dim + i] : 0.0F, scale, kept + row * stride + i * size);
    square += near * near;
  }
  square = sum_of_warp(square);
  if (lane != 0) return;
  lengths[row] = static_cast<float>(sqrt(square));
  largest[row] = finite ? most : kInfinite;
  if (scales != nullptr) scales[row] = scale;
}

}  // namespace

void retrieve_states(Place place, Compared patterns, StoredRows values, AskedRows queries, Separating separating,
                     Precision precision, float* states, WeightSums* sums, RetrievalPath path) {
  if (queries.n == 0) return;
  const OnDevice on(place.device);
  const bool by_groups = has_warp_groups(place, patterns, values, separating, precision);
  if (path == RetrievalPath::kWarpGroups && !by_groups)
    throw std::invalid_argument("Groups of warps retrieve by softmax from at most 512 bfloat16 numbers on 9.0 alone.");
  if (path == RetrievalPath::kWarpGroups || (path == RetrievalPath::kBest && by_groups && queries.n > kFewForGroups))
    return retrieve_by_groups(place, patterns, values, queries, states, sums);
  of(patterns.rows.type).states(place, patterns, values, queries, separating, precision, states, sums);
}

void weight_sums(Place place, Compared patterns, AskedRows queries, Separating separating, WeightSums* sums) {
  const OnDevice on(place.device);
  in_parts(patterns, queries, [&](AskedRows part, size_t first) {
    Separating own = separating;
    if (own.thresholds != nullptr) own.thresholds += first;
    of(patterns.rows.type).sums[part.n > kTileRows](place, patterns, part, own, sums + first);
  });
}

void nearest_patterns(Place place, Compared patterns, AskedRows queries, size_t k, std::int64_t* places,
                      float* scores) {
  const OnDevice on(place.device);
  in_parts(patterns, queries, [&](AskedRows part, size_t first) {
    const Scratch<uint64_t> best(place, part.n * kMostKept), after(place, part.n);
    for (size_t done = 0; done < k; done += kMostKept) {
      const auto n = static_cast<unsigned>(std::min<size_t>(kMostKept, k - done));
      of(patterns.rows.type)
          .nearest[part.n > kTileRows](place, patterns, part, n, done == 0, best.data(), after.data());
      launch(place, grid_for(part.n * n), write_nearest, best.data(), part.n, size_t{n}, k, done, places + first * k,
             scores + first * k);
    }
  });
}

void look_above(Place place, const Compared& patterns, AskedRows queries, AboveBounds above) {
  of(patterns.rows.type).above[queries.n > kTileRows](place, patterns, queries, above);
}

std::vector<std::vector<ScoredPattern>> scores_above(Place place, Compared patterns, AskedRows queries,
                                                     const float* bounds) {
  const OnDevice on(place.device);
  std::vector<std::vector<ScoredPattern>> listed(queries.n);
  in_parts(patterns, queries, [&](AskedRows part, size_t first) {
    const Scratch<unsigned long long> counts(place, part.n);
    const Scratch<std::int64_t> starts(place, part.n + 1);
    clear(place, counts.data(), part.n * sizeof(unsigned long long));
    look_above(place, patterns, part, {bounds + first, counts.data(), nullptr, nullptr});
    std::vector<unsigned long long> found_of(part.n);
    copy_to_host(place, found_of.data(), counts.data(), part.n * sizeof(unsigned long long));
    std::vector<std::int64_t> begins(part.n + 1);
    for (size_t q = 0; q < part.n; ++q) begins[q + 1] = begins[q] + static_cast<std::int64_t>(found_of[q]);
    std::vector<ScoredPattern> found(static_cast<size_t>(begins.back()));
    if (found.empty()) return;
    const Scratch<ScoredPattern> there(place, found.size());
    copy_from_host(place, starts.data(), begins.data(), begins.size() * sizeof(std::int64_t));
    clear(place, counts.data(), part.n * sizeof(unsigned long long));
    look_above(place, patterns, part, {bounds + first, counts.data(), starts.data(), there.data()});
    copy_to_host(place, found.data(), there.data(), found.size() * sizeof(ScoredPattern));
    for (size_t q = 0; q < part.n; ++q) {
      std::vector<ScoredPattern>& own = listed[first + q];
      own.assign(found.begin() + begins[q], found.begin() + begins[q + 1]);
      std::sort(own.begin(), own.end(), [](const auto& a, const auto& b) { return a.pattern < b.pattern; });
    }
  });
  return listed;
}

void keep_rows(Place place, const float* rows, size_t n, size_t dim, StoredType type, void* kept, float* scales,
               float* lengths, float* largest) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * kWarp), keep_kernel, rows, n, dim, type, size_of(type), static_cast<unsigned char*>(kept),
         padded_bytes(type, dim), scales, lengths, largest);
}

}  // namespace hypersketch::cuda
