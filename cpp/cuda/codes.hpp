// SPDX-License-Identifier: Apache-2.0
// Codes of winners, one in each module of units, on a GPU, as the bindings see them: plain C++, under the rules of
// launch.hpp. Unit k of module m has bit m * n_units + k.
#pragma once

#include "launch.hpp"

namespace hypersketch::cuda {

struct CodeShape {
  size_t n_modules;
  size_t n_units;

  size_t n_code() const { return n_modules * n_units; }  // for the host
};

// Rows of weights: list i is rows indices[starts[i]] to indices[starts[i + 1] - 1], all different.
struct RowLists {
  const std::int64_t* starts;
  const std::int64_t* indices;
};

// counts[i * n_code + u] = how many rows of list i have bit u.
void count_lists(Place place, const uint64_t* weights, CodeShape shape, RowLists lists, size_t n, std::int32_t* counts);
// The same of the rows of the winners of one code.
void count_winners(Place place, const uint64_t* weights, CodeShape shape, const std::int64_t* code,
                   std::int32_t* counts);

// What says how well each unit is supported: counts over numbers, one a list, times counts over n_modules. Either may
// be null, which is a factor of 1.
struct Support {
  const std::int32_t* counts;
  const std::int64_t* numbers;
  const std::int32_t* expected;
};

// The unit of the largest support in each module of n lists, of equal ones the first; and that support.
void best_units(Place place, Support support, CodeShape shape, size_t n, std::int64_t* codes, double* largest);

// The same, one list after the other, each after the code of the one before; `expected` of the support is not read.
// `context` are the rows of winners; begins[i], host memory, says that nothing came before list i. Before list 0 came
// `before`, which may be null where that begins.
void follow_codes(Place place, Support support, const uint64_t* context, CodeShape shape, const bool* begins,
                  const std::int64_t* before, size_t n, std::int64_t* codes, double* largest);

// Sets the bits of a code's winners in some rows, which are all different.
void set_code(Place place, uint64_t* weights, CodeShape shape, const std::int64_t* rows, size_t n_rows,
              const std::int64_t* code);
// The same in the rows of the winners of the code before.
void set_code_behind(Place place, uint64_t* weights, CodeShape shape, const std::int64_t* before,
                     const std::int64_t* code);

// out[i * n_rows + r] = whether row r has the bits of all winners of code i.
void connected_rows(Place place, const uint64_t* weights, size_t n_rows, CodeShape shape, const std::int64_t* codes,
                    size_t n, bool* out);

}  // namespace hypersketch::cuda
