// What the machine can do at most, measured: the figures beside which kernels are judged.
#pragma once

#include "os/thread_pool.h"

namespace gantry::bench {

// Calls work() until `seconds` have passed, at least three times; the seconds of the shortest call. Others
// may be using the machine: the shortest call is the one they disturbed least.
template <typename Work>
double shortest(double seconds, Work&& work);

// Seconds; of this thread's own work when count_cpu_time is set: with one thread, what a busy machine takes
// away then does not count.
extern bool count_cpu_time;
double now();
double memory_read_bytes_per_s(os::ThreadPool& pool, double seconds);
// Multiplications and additions of 8-bit integers, with VNNI or else AVX2, and of float32; 0: neither is
// there.
double int8_operations_per_s(os::ThreadPool& pool, double seconds);
double f32_operations_per_s(os::ThreadPool& pool, double seconds);

template <typename Work>
double shortest(double seconds, Work&& work) {
  double best = 1e30;
  const double end = now() + seconds;
  for (int i = 0; i < 3 || now() < end; ++i) {
    const double start = now();
    work();
    best = best < now() - start ? best : now() - start;
  }
  return best;
}

}  // namespace gantry::bench
