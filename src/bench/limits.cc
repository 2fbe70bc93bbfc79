#include "bench/limits.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <immintrin.h>
#include <sys/mman.h>
#include <time.h>

#include "os/cpu_info.h"

namespace gantry::bench {

bool count_cpu_time = false;

namespace {

std::atomic<uint64_t> sink;

// Twelve independent chains: enough for a latency of six at two a cycle.
__attribute__((target("avx512f,avx512vnni"))) uint64_t int8_chains(uint64_t rounds) {
  __m512i acc[12];
  for (int j = 0; j < 12; ++j) acc[j] = _mm512_set1_epi32(j);  // equal chains would be merged
  __m512i w = _mm512_set1_epi8(3), x = _mm512_set1_epi8(5);
  for (uint64_t i = 0; i < rounds; ++i) {
    __asm__ volatile("" : "+v"(w), "+v"(x));
#pragma GCC unroll 12
    for (int j = 0; j < 12; ++j) acc[j] = _mm512_dpbusd_epi32(acc[j], w, x);
  }
  for (const auto& a : acc) __asm__ volatile("" : : "v"(a));  // every chain is wanted
  return rounds;
}

__attribute__((target("avx512f"))) uint64_t f32_chains(uint64_t rounds) {
  __m512 acc[12];
  for (int j = 0; j < 12; ++j) acc[j] = _mm512_set1_ps(static_cast<float>(j));
  __m512 w = _mm512_set1_ps(0.5f), x = _mm512_set1_ps(0.25f);
  for (uint64_t i = 0; i < rounds; ++i) {
    __asm__ volatile("" : "+v"(w), "+v"(x));
#pragma GCC unroll 12
    for (int j = 0; j < 12; ++j) acc[j] = _mm512_fmadd_ps(w, x, acc[j]);
  }
  for (const auto& a : acc) __asm__ volatile("" : : "v"(a));
  return rounds;
}

// The same with half the lanes: products of pairs in 16 bits, of those in 32, and a sum.
__attribute__((target("avx2"))) uint64_t int8_chains_avx2(uint64_t rounds) {
  __m256i acc[12];
  for (int j = 0; j < 12; ++j) acc[j] = _mm256_set1_epi32(j);
  __m256i w = _mm256_set1_epi8(3), x = _mm256_set1_epi8(5);
  const __m256i ones = _mm256_set1_epi16(1);
  for (uint64_t i = 0; i < rounds; ++i) {
    __asm__ volatile("" : "+x"(w), "+x"(x));
#pragma GCC unroll 12
    for (int j = 0; j < 12; ++j) {
      __m256i pairs = _mm256_maddubs_epi16(w, x);
      __asm__ volatile("" : "+x"(pairs));  // each chain has products of its own
      acc[j] = _mm256_add_epi32(acc[j], _mm256_madd_epi16(pairs, ones));
    }
  }
  for (const auto& a : acc) __asm__ volatile("" : : "x"(a));
  return rounds;
}

__attribute__((target("avx2,fma"))) uint64_t f32_chains_avx2(uint64_t rounds) {
  __m256 acc[12];
  for (int j = 0; j < 12; ++j) acc[j] = _mm256_set1_ps(static_cast<float>(j));
  __m256 w = _mm256_set1_ps(0.5f), x = _mm256_set1_ps(0.25f);
  for (uint64_t i = 0; i < rounds; ++i) {
    __asm__ volatile("" : "+x"(w), "+x"(x));
#pragma GCC unroll 12
    for (int j = 0; j < 12; ++j) acc[j] = _mm256_fmadd_ps(w, x, acc[j]);
  }
  for (const auto& a : acc) __asm__ volatile("" : : "x"(a));
  return rounds;
}

template <uint64_t (*Chains)(uint64_t)>
double chains_per_s(os::ThreadPool& pool, double seconds, double operations) {
  constexpr uint64_t kRounds = 200000;
  const double best = shortest(seconds, [&] {
    pool.parallel_for(pool.threads(), [&](uint32_t, uint32_t) { sink += Chains(kRounds); });
  });
  return pool.threads() * kRounds * 12 * operations / best;
}

}  // namespace

double now() {
  timespec time{};
  clock_gettime(count_cpu_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double memory_read_bytes_per_s(os::ThreadPool& pool, double seconds) {
  constexpr uint64_t kBytes = uint64_t{512} << 20;
  constexpr uint64_t kPart = 1 << 20;
  // In large pages where the system gives them, as weights are.
  constexpr uint64_t kLargePage = uint64_t{2} << 20;
  const std::unique_ptr<uint64_t, decltype(&std::free)> memory(
      static_cast<uint64_t*>(std::aligned_alloc(kLargePage, kBytes)), &std::free);
  madvise(memory.get(), kBytes, MADV_HUGEPAGE);
  std::memset(memory.get(), 1, kBytes);
  const double best = shortest(seconds, [&] {
    pool.parallel_for(kBytes / kPart, [&](uint32_t part, uint32_t) {
      const uint64_t* at = memory.get() + part * (kPart / 8);
      __m128i sum[4] = {};
      for (uint64_t i = 0; i < kPart / 8; i += 8) {
        __builtin_prefetch(at + i + 512);
#pragma GCC unroll 4
        for (uint64_t j = 0; j < 4; ++j)
          sum[j] = _mm_xor_si128(sum[j], _mm_load_si128(reinterpret_cast<const __m128i*>(at + i + 2 * j)));
      }
      const __m128i all = _mm_xor_si128(_mm_xor_si128(sum[0], sum[1]), _mm_xor_si128(sum[2], sum[3]));
      sink += static_cast<uint64_t>(_mm_cvtsi128_si64(all));
    });
  });
  return kBytes / best;
}

double int8_operations_per_s(os::ThreadPool& pool, double seconds) {
  const os::CpuFeatures features = os::cpu_info().features;
  if (features.avx512_vnni) return chains_per_s<int8_chains>(pool, seconds, 128);
  return features.avx2 ? chains_per_s<int8_chains_avx2>(pool, seconds, 64) : 0;
}

double f32_operations_per_s(os::ThreadPool& pool, double seconds) {
  const os::CpuFeatures features = os::cpu_info().features;
  if (features.avx512) return chains_per_s<f32_chains>(pool, seconds, 32);
  return features.avx2 ? chains_per_s<f32_chains_avx2>(pool, seconds, 16) : 0;
}

}  // namespace gantry::bench
