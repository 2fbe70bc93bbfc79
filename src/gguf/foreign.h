// Inside gguf only: files that people take for GGUF.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace gantry::gguf {

// Returns when the file begins as a GGUF file of a version and byte order that this build reads. Otherwise an
// Error names what it is: kUnsupported for a format or version that is known, kBadFile for the rest.
void check_is_gguf(std::span<const std::byte> bytes, const std::string& file);

}  // namespace gantry::gguf
