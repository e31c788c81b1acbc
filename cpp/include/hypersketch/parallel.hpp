// SPDX-License-Identifier: Apache-2.0
// The only place that knows about threads. They live for one call, so a process may fork between calls.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
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

// Work in lanes: every lane takes the steps 0 .. steps - 1 in order, one thread at a time, so what a lane changes is
// the same for any number of threads. Which thread takes which step is not.
//   ready(lane, done)     whether the lane may take its next step, done[lane], given the steps that all lanes have done
//   choice(thread, i)     the lane that a thread looks at i-th when it is free; lanes it knows well come first
//   run(lane, step)
class Lanes {
 public:
  Lanes(size_t lanes, size_t steps) : steps_(steps), done_(lanes), busy_(lanes) {}

  template <class Ready, class Choice, class Run>
  void work(size_t threads, Ready&& ready, Choice&& choice, Run&& run) {
    parallel_for(threads, 1, threads, [&](size_t thread, size_t) {
      std::unique_lock lock(mutex_);
      for (;;) {
        const size_t lane = find(thread, ready, choice);
        if (lane == done_.size()) {
          if (finished()) return;
          changed_.wait(lock);
          continue;
        }
        busy_[lane] = true;
        lock.unlock();
        try {
          run(lane, done_[lane]);
        } catch (...) {
          lock.lock();
          stopped_ = true;
          changed_.notify_all();
          throw;
        }
        lock.lock();
        busy_[lane] = false;
        ++done_[lane];
        changed_.notify_all();
      }
    });
  }

 private:
  template <class Ready, class Choice>
  size_t find(size_t thread, Ready& ready, Choice& choice) const {
    if (stopped_) return done_.size();
    for (size_t i = 0; i < done_.size(); ++i) {
      const size_t lane = choice(thread, i);
      if (!busy_[lane] && done_[lane] < steps_ && ready(lane, done_)) return lane;
    }
    return done_.size();
  }

  bool finished() const {
    return stopped_ || std::all_of(done_.begin(), done_.end(), [this](size_t done) { return done == steps_; });
  }

  size_t steps_;
  std::vector<size_t> done_;
  std::vector<bool> busy_;
  bool stopped_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace hypersketch
