// SPDX-License-Identifier: Apache-2.0
#define HYPERSKETCH_LEVEL avx512
#include "kernels.inc.hpp"
