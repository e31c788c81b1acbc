// SPDX-License-Identifier: Apache-2.0
// The only place that knows about threads. They live for one call, so a process may fork between calls.
#pragma once

#include <algorithm>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

#include "hypersketch/config.hpp"

namespace hypersketch {

// Calls f(begin, end) on consecutive parts of [0, n) that are multiples of `grain` long (but for the last).
// The first exception of any part is rethrown after all parts have ended.
template <class Function>
void parallel_for(size_t n, size_t grain, size_t threads, Function&& f) {
  if (n == 0) return;
  const size_t chunks = (n + grain - 1) / grain;
  const size_t parts = std::max<size_t>(1, std::min(threads, chunks));
  std::vector<std::exception_ptr> errors(parts);
  auto run = [&](size_t part) {
    try {
      const size_t begin = chunks * part / parts * grain;
      const size_t end = std::min(n, chunks * (part + 1) / parts * grain);
      if (begin < end) f(begin, end);
    } catch (...) {
      errors[part] = std::current_exception();
    }
  };
  std::vector<std::thread> workers;
  workers.reserve(parts);
  size_t started = 1;
  try {
    for (; started < parts; ++started) workers.emplace_back(run, started);
  } catch (const std::system_error&) {
    // The system refused another thread: the parts that got none run here.
  }
  run(0);
  for (; started < parts; ++started) run(started);
  for (auto& worker : workers) worker.join();
  for (const auto& error : errors)
    if (error) std::rethrow_exception(error);
}

}  // namespace hypersketch
