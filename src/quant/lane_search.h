// Inside quant only: the search for scales (and offsets) on even steps, for many blocks at once
// (fit_lanes.inc). Least squares: some scales are tried, each refined by the one that suits the integers it
// gives; what is kept is always the least error seen, measured as it will decode. The same values give the
// same answer on every machine. Any thread.
#pragma once

#include <array>
#include <cstddef>

#include "quant/blocks.h"

namespace gantry::quant {

// ---- simple formats: kBlocksAtOnce blocks of kBlockValues

inline constexpr size_t kBlocksAtOnce = 8;
struct BlocksFound {  // value = scale * q + offset, both as binary16 holds them
  std::array<float, kBlocksAtOnce> scale{}, offset{};
};
void find_q4_0(const float* x, BlocksFound& found);  // q -8..7, no offset
void find_q4_1(const float* x, BlocksFound& found);  // q 0..15
void find_q5_0(const float* x, BlocksFound& found);  // q -16..15, no offset
void find_q5_1(const float* x, BlocksFound& found);  // q 0..31
void find_q8_0(const float* x, BlocksFound& found);  // q -127..127, no offset

// ---- super-blocks. First each sub-block finds its own best scale (and minimum) as free floats; these are
// brought onto the common grid d * small integer; then integers and d are improved in turn: neighbours of
// each small integer are tried with the values quantized anew, and d (and dmin) solved by least squares over
// the whole super-block.

// value = d * scale[s] * q - dmin * min[s]; without minima dmin is 0.
struct KFound {
  float d = 0, dmin = 0;
  std::array<int, 16> scale{}, min{};  // of the sub-blocks there are
  std::array<int, kSuperBlockValues> q{};
};

// x: kSuperBlockValues finite values.
void find_q2_k(const float* x, KFound& found);  // 16 sub-blocks, q 0..3, scale and min 0..15
void find_q3_k(const float* x, KFound& found);  // 16, q -4..3, scale -32..31
void find_q4_k(const float* x, KFound& found);  // 8, q 0..15, scale and min 0..63
void find_q5_k(const float* x, KFound& found);  // 8, q 0..31, scale and min 0..63
void find_q6_k(const float* x, KFound& found);  // 16, q -32..31, scale -128..127

// For tests: the CPU's widest vectors (as at start) or the baseline's. False: the baseline is in use. Call it
// while nothing else runs.
bool search_with_widest_vectors(bool widest);

}  // namespace gantry::quant
