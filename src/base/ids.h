// The numbers that rooms pass to each other.
#pragma once

#include <cstdint>

namespace gantry {

using TokenId = int32_t;  // index into the vocabulary; negative: none
using PageId = uint32_t;  // index into the pool of KV pages of one live model
using JobId = uint64_t;   // one request to an engine, unique within the process

inline constexpr TokenId kNoToken = -1;
inline constexpr PageId kNoPage = 0xffffffffu;

// Positions held by one page of sequence memory. Also the span in which attention is reduced (contract E2),
// so the value is part of what defines an answer: changing it changes the last bits of logits.
inline constexpr uint32_t kPageTokens = 32;

}  // namespace gantry
