// Several threads that do one thing, all of them or none.
#pragma once

#include <cstdint>
#include <thread>
#include <vector>

namespace gantry {

// Adds `count` threads that run a copy of `body` each. Where the system has no more of them: `end` is called,
// which has to make those return that run, they are joined, and the error goes on.
template <typename Body, typename End>
void start_threads(std::vector<std::thread>& threads, uint32_t count, const Body& body, const End& end) {
  try {
    for (uint32_t i = 0; i < count; ++i) threads.emplace_back(body);
  } catch (...) {
    end();
    for (std::thread& thread : threads) thread.join();
    threads.clear();
    throw;
  }
}

}  // namespace gantry
