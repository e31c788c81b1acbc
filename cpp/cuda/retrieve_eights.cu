// SPDX-License-Identifier: Apache-2.0
// Retrieval from stores of float8.
#include "retrieve.cuh"

namespace hypersketch::cuda {

const RetrievalOf retrieval_of_eights = retrieval_of<StoredEights>();

}  // namespace hypersketch::cuda
