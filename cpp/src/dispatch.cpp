// SPDX-License-Identifier: Apache-2.0
// Which kernels run: asked once, then one atomic load a call.
#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "hypersketch/simd.hpp"

namespace hypersketch {

#if defined(__x86_64__)
namespace base { const Kernels& table(); }
namespace avx2 { const Kernels& table(); }
namespace avx512 { const Kernels& table(); }
#elif defined(__aarch64__)
namespace neon { const Kernels& table(); }
#endif

namespace {

struct Level {
  std::string_view name;
  bool (*runs_here)();
  const Kernels& (*table)();
};

#if defined(__x86_64__)
// Every feature that the level's compiler flags name (CMakeLists.txt) is asked for.
bool runs_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("fma") && __builtin_cpu_supports("popcnt");
}

bool runs_avx512() {
  return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512vnni");
}

bool runs_always() { return true; }

constexpr Level kLevels[] = {
    {"base", runs_always, base::table}, {"avx2", runs_avx2, avx2::table}, {"avx512", runs_avx512, avx512::table}};
constexpr std::string_view kNames[] = {"base", "avx2", "avx512"};
#elif defined(__aarch64__)
bool runs_always() { return true; }

constexpr Level kLevels[] = {{"neon", runs_always, neon::table}};
constexpr std::string_view kNames[] = {"neon"};
#endif

std::string list_available() {
  std::string names;
  for (const Level& level : kLevels)
    if (level.runs_here()) names += (names.empty() ? "" : ", ") + std::string(level.name);
  return names;
}

const Kernels* find(std::string_view name) {
  for (const Level& level : kLevels)
    if (level.name == name && level.runs_here()) return &level.table();
  throw std::invalid_argument("The SIMD level must be one of those this processor runs (" + list_available() +
                              "). Got '" + std::string(name) + "' instead.");
}

const Kernels* choose() {
  if (const char* wanted = std::getenv("HYPERSKETCH_SIMD"); wanted != nullptr && *wanted != '\0') return find(wanted);
  const Level* best = &kLevels[0];
  for (const Level& level : kLevels)
    if (level.runs_here()) best = &level;
  return &best->table();
}

std::atomic<const Kernels*> current{nullptr};

}  // namespace

const Kernels& kernels() {
  const Kernels* table = current.load(std::memory_order_acquire);
  if (table == nullptr) {
    table = choose();  // two threads may both choose; they choose alike
    current.store(table, std::memory_order_release);
  }
  return *table;
}

void set_level(std::string_view name) { current.store(find(name), std::memory_order_release); }

std::span<const std::string_view> compiled_levels() { return kNames; }

bool level_available(std::string_view name) {
  for (const Level& level : kLevels)
    if (level.name == name) return level.runs_here();
  return false;
}

}  // namespace hypersketch
