// SPDX-License-Identifier: Apache-2.0
#define HYPERSKETCH_LEVEL base
#include "kernels.inc.hpp"
