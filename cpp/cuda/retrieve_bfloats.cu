// SPDX-License-Identifier: Apache-2.0
// Retrieval from stores of bfloat16.
#include "retrieve.cuh"

namespace hypersketch::cuda {

const RetrievalOf retrieval_of_bfloats = retrieval_of<StoredBfloats>();

}  // namespace hypersketch::cuda
