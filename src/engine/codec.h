// Jobs and events as bytes, for an engine in another process. Little-endian; floats bit for bit; a version in
// front, so that two builds that do not understand each other say so. Every value has one form: bytes that
// are read and written again are the same bytes. No state; any thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/job.h"

namespace gantry::engine {

inline constexpr uint32_t kJobPromptMax = 1u << 24;      // tokens
inline constexpr uint32_t kEventValuesMax = 1u << 20;    // of an embedding
inline constexpr size_t kEventTextBytesMax = 16u << 10;  // each of an error's texts; longer ones are cut

std::vector<std::byte> encode(const Job& job);
std::vector<std::byte> encode(const TokenEvent& event);

// Error kInvalidRequest for bytes that are none, of another version, or beyond a limit. The form is checked,
// not whether a model can do it: that is make_sequence's. Allocates no more than the bytes can fill.
Job decode_job(std::span<const std::byte> bytes);
TokenEvent decode_event(std::span<const std::byte> bytes);

}  // namespace gantry::engine
