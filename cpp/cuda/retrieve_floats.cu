// SPDX-License-Identifier: Apache-2.0
// Retrieval from stores of float32.
#include "retrieve.cuh"

namespace hypersketch::cuda {

const RetrievalOf retrieval_of_floats = retrieval_of<StoredFloats>();

}  // namespace hypersketch::cuda
