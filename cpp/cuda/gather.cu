// SPDX-License-Identifier: Apache-2.0
// Rows by their indices: out of a table, and into it. Bound by memory; neighbouring threads take neighbouring words.
#include "rows.cuh"
#include "search_counted.hpp"

namespace hypersketch::cuda {
namespace {

template <class Word>
__global__ void take_kernel(const Word* rows, size_t stride, size_t n_words, const std::int64_t* indices, size_t n,
                            Word* out) {
  for (size_t i = thread_index(); i < n * n_words; i += size_t{gridDim.x} * blockDim.x) {
    const std::int64_t row = __ldg(indices + i / n_words);
    out[i] = row < 0 ? Word{0} : rows[static_cast<size_t>(row) * stride + i % n_words];
  }
}

template <class Word>
__global__ void put_kernel(Word* rows, size_t n_words, const std::int64_t* indices, size_t n, const Word* values) {
  for (size_t i = thread_index(); i < n * n_words; i += size_t{gridDim.x} * blockDim.x)
    rows[static_cast<size_t>(__ldg(indices + i / n_words)) * n_words + i % n_words] = values[i];
}

}  // namespace

void take_rows(Place place, const std::uint32_t* rows, size_t stride, size_t n_words, const std::int64_t* indices,
               size_t n, std::uint32_t* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * n_words), take_kernel<std::uint32_t>, rows, stride, n_words, indices, n, out);
}

void put_rows(Place place, std::uint32_t* rows, size_t n_words, const std::int64_t* indices, size_t n,
              const std::uint32_t* values) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * n_words), put_kernel<std::uint32_t>, rows, n_words, indices, n, values);
}

void take_digit_rows(Place place, StridedDigits rows, size_t width, const std::int64_t* indices, size_t n,
                     std::uint16_t* out) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * width), take_kernel<std::uint16_t>, rows.digits, rows.stride, width, indices, n, out);
}

void put_digit_rows(Place place, std::uint16_t* rows, size_t width, const std::int64_t* indices, size_t n,
                    const std::uint16_t* values) {
  const OnDevice on(place.device);
  launch(place, grid_for(n * width), put_kernel<std::uint16_t>, rows, width, indices, n, values);
}

}  // namespace hypersketch::cuda
