// SPDX-License-Identifier: Apache-2.0
// Retrieval from stores of int8.
#include "retrieve.cuh"

namespace hypersketch::cuda {

const RetrievalOf retrieval_of_bytes = retrieval_of<StoredBytes>();

}  // namespace hypersketch::cuda
