// SPDX-License-Identifier: Apache-2.0
#define HYPERSKETCH_LEVEL avx2
#include "kernels.inc.hpp"
