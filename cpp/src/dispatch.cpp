// SPDX-License-Identifier: Apache-2.0
// Which kernels run: asked once, then one atomic load a call.
#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "hypersketch/simd.hpp"

namespace hypersketch {

#if defined(__x86_64__)
namespace base { const Kernels& table(); }
namespace avx2 { const Kernels& table(); }
namespace avx512 { const Kernels& table(); }
#if defined(HYPERSKETCH_WORDS)
namespace avx512bf16 {
const WordKernels& pairs();
const WordKernels& tiles();
}  // namespace avx512bf16
#endif
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

#if defined(HYPERSKETCH_WORDS)
// Linux lends a process the registers of tiles that asks for them.
bool lends_tiles() {
#if defined(__linux__)
  constexpr long kAsk = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kAsk, kTileData) == 0;
#else
  return false;
#endif
}

bool runs_pairs() { return runs_avx512() && __builtin_cpu_supports("avx512bf16"); }

bool runs_tiles() {
  static const bool lent =
      runs_pairs() && __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") && lends_tiles();
  return lent;
}

struct WordSet {
  std::string_view name;
  bool (*runs_here)();
  const WordKernels& (*table)();
};

constexpr WordSet kWordSets[] = {{"pairs", runs_pairs, avx512bf16::pairs}, {"tiles", runs_tiles, avx512bf16::tiles}};
constexpr std::string_view kWordNames[] = {"pairs", "tiles"};

// A product of pairs takes as long as a multiplication of floats on processors of AMD, more than twice as long on those
// of Intel, most of which have tiles.
const WordKernels* best_words() {
  if (runs_tiles()) return &avx512bf16::tiles();
  return runs_pairs() && __builtin_cpu_is("amd") ? &avx512bf16::pairs() : nullptr;
}
#endif

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

#if defined(HYPERSKETCH_WORDS)
namespace {
std::atomic<const WordKernels*>& current_words() {
  static std::atomic<const WordKernels*> words{best_words()};
  return words;
}
}  // namespace

const WordKernels* word_kernels() { return &kernels() == &avx512::table() ? current_words().load() : nullptr; }

void set_word_kernels(std::string_view name) {
  for (const WordSet& set : kWordSets)
    if (set.name == name && set.runs_here()) return current_words().store(&set.table());
  throw std::invalid_argument("This processor has no bfloat16 products '" + std::string(name) + "'.");
}

std::span<const std::string_view> compiled_word_kernels() { return kWordNames; }

bool word_kernels_available(std::string_view name) {
  for (const WordSet& set : kWordSets)
    if (set.name == name) return set.runs_here();
  return false;
}
#else
const WordKernels* word_kernels() { return nullptr; }

void set_word_kernels(std::string_view name) {
  throw std::invalid_argument("This processor has no bfloat16 products '" + std::string(name) + "'.");
}

std::span<const std::string_view> compiled_word_kernels() { return {}; }

bool word_kernels_available(std::string_view) { return false; }
#endif

}  // namespace hypersketch
