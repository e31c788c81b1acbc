// SPDX-License-Identifier: Apache-2.0
#define HYPERSKETCH_LEVEL neon
#include "kernels.inc.hpp"
