// SPDX-License-Identifier: Apache-2.0
// Every kernel and family function against its definition, one SIMD level a run, at sizes around every lane count.
// Buffers have exactly the stated size, so that under the address sanitizer one word too far is an error.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "checks.hpp"
#include "hypersketch/simd.hpp"

int main(int argc, char** argv) {
  using namespace hypersketch;
  const char* level = argc > 1 ? argv[1] : kernels().level;
  if (!level_available(level)) {
    std::printf("skipped: this processor does not run %s\n", level);
    return 77;
  }
  set_level(level);
  check(std::string_view(kernels().level) == level, "the level runs the code compiled for it");
  run_hash_tests();
  run_record_tests();
  run_vsa_tests();
  run_majority_tests();
  run_recall_tests();
  run_resonator_tests();
  run_retrieval_tests();
  run_search_tests();
  run_bloom_tests();
  run_count_sketch_tests();
  run_digits_tests();
  run_number_tests();
  run_digit_score_tests();
  run_real_score_tests();
  run_hadamard_tests();
  run_hopfield_tests();
  run_projection_tests();
  run_learning_tests();
  run_transform_tests();
  std::printf("%s: %zu checks, %zu failed\n", level, checks, failures);
  return checks != 0 && failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
