// Text to ask with: plain English words, drawn by a seed, so that no two prompts begin alike unless they are
// meant to.
#pragma once

#include <cstdint>
#include <string>

namespace gantry::bench {

// `count` words between spaces; a pure function of its arguments.
std::string random_words(uint64_t key, uint32_t count);

// A number that nothing else has: of a seed and what it is for.
uint64_t mixed(uint64_t seed, uint64_t a, uint64_t b = 0);

}  // namespace gantry::bench
