// SPDX-License-Identifier: Apache-2.0
// hypersketch._core: private; the public API and its documentation are the Python package.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <optional>
#include <string>
#include <vector>

#include "hypersketch/simd.hpp"

namespace py = pybind11;

namespace hypersketch::bindings {

void bind_keys(py::module_& module);
void bind_key_lists(py::module_& module);
void bind_arrow_keys(py::module_& module);
void bind_memory(py::module_& module);
void bind_records(py::module_& module);
void bind_bloom(py::module_& module);
void bind_bloom_blocks(py::module_& module);
void bind_counting_bloom(py::module_& module);
void bind_count_sketch(py::module_& module);
void bind_vsa(py::module_& module);
void bind_numbers(py::module_& module);
void bind_packed(py::module_& module);
void bind_recall(py::module_& module);
void bind_resonator(py::module_& module);
void bind_retrieval(py::module_& module);
void bind_search(py::module_& module);
void bind_hadamard(py::module_& module);
void bind_hopfield(py::module_& module);
void bind_digits(py::module_& module);
void bind_digit_scores(py::module_& module);
void bind_real_scores(py::module_& module);
void bind_projection(py::module_& module);
void bind_learning(py::module_& module);
void bind_transforms(py::module_& module);

namespace {

std::vector<std::string> level_names(bool available_only) {
  std::vector<std::string> names;
  for (const auto name : compiled_levels())
    if (!available_only || level_available(name)) names.emplace_back(name);
  return names;
}

std::vector<std::string> product_names() {
  std::vector<std::string> names;
  for (const auto name : compiled_word_kernels())
    if (word_kernels_available(name)) names.emplace_back(name);
  return names;
}

py::typing::Dict<py::str, py::object> build_info() {
  py::typing::Dict<py::str, py::object> info;
  info["version"] = HYPERSKETCH_VERSION;
  info["compiler"] = HYPERSKETCH_COMPILER;
  info["build_type"] = HYPERSKETCH_BUILD_TYPE;
  info["compiled_levels"] = level_names(false);
  info["available_levels"] = level_names(true);
  info["simd_level"] = kernels().level;
#if defined(NDEBUG)
  info["debug"] = false;
#else
  info["debug"] = true;
#endif
  return info;
}

void bind_dispatch(py::module_& module) {
  module.def("build_info", &build_info, "How this module was compiled and which kernels it uses.");
  module.def("simd_level", [] { return std::string(kernels().level); }, "Level of the kernels in use.");
  module.def(
      "set_simd_level", [](const std::string& name) { set_level(name); }, py::arg("name"), "Choose the kernels.");
  module.def("compiled_levels", [] { return level_names(false); }, "Levels compiled into this module.");
  module.def("available_levels", [] { return level_names(true); }, "Compiled levels that this processor runs.");
  // Not in build_info, which imports look at: Linux is asked for tiles by whoever wants to use them.
  module.def(
      "chosen_bfloat16_products",
      []() -> std::optional<std::string> {
        return word_kernels() == nullptr ? std::nullopt : std::optional<std::string>(word_kernels()->name);
      },
      "How such numbers are multiplied.");
  module.def("bfloat16_products", &product_names, "Ways of multiplying bfloat16 numbers that this processor has.");
  module.def(
      "set_bfloat16_products", [](const std::string& name) { set_word_kernels(name); }, py::arg("name"),
      "Choose among them.");
}

}  // namespace

}  // namespace hypersketch::bindings

PYBIND11_MODULE(_core, module, py::mod_gil_not_used()) {
  using namespace hypersketch::bindings;
  module.doc() = "Compiled loops of hypersketch. Private: use the hypersketch package.";
  hypersketch::kernels();  // a wrong HYPERSKETCH_SIMD fails here, at import, with a sentence
  bind_dispatch(module);
  bind_keys(module);
  bind_key_lists(module);
  bind_arrow_keys(module);
  bind_memory(module);
  bind_records(module);
  bind_bloom(module);
  bind_bloom_blocks(module);
  bind_counting_bloom(module);
  bind_count_sketch(module);
  bind_vsa(module);
  bind_numbers(module);
  bind_packed(module);
  bind_recall(module);
  bind_resonator(module);
  bind_retrieval(module);
  bind_search(module);
  bind_hadamard(module);
  bind_hopfield(module);
  bind_digits(module);
  bind_digit_scores(module);
  bind_real_scores(module);
  bind_projection(module);
  bind_learning(module);
  bind_transforms(module);
}
