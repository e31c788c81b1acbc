// SPDX-License-Identifier: Apache-2.0
// Hopfield+- of tensors on a GPU: plain C++, under the rules of launch.hpp. Cells are as in hypersketch/hopfield.hpp,
// those of `degree` different dimensions, 3 to 8 of them, in lexicographic order.
#pragma once

#include "launch.hpp"

namespace hypersketch::cuda {

struct TensorShape {
  size_t dim;
  size_t degree;
};

// As membership_add, but for the sum.
void tensor_add(Place place, std::int32_t* cells, TensorShape shape, uint64_t seed, const uint64_t* hashes, size_t n,
                const std::int64_t* weights);

// The sums over all cells of the cell times the item's sign and its entries there.
void tensor_scores(Place place, const std::int32_t* cells, TensorShape shape, uint64_t seed, const uint64_t* hashes,
                   size_t n, std::int64_t* out);

}  // namespace hypersketch::cuda
