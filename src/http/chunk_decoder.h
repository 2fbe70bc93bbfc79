// The chunked transfer coding of RFC 9112, section 7.1, and nothing that other servers might read
// differently: CRLF only, no spaces around the size, extensions of tokens and quoted strings. Trailer fields
// are checked and dropped. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::http {

inline constexpr size_t kChunkLineBytesMax = 1024;           // one size line or trailer line
inline constexpr size_t kTrailerBytesMax = size_t{8} << 10;  // all trailer lines

class ChunkDecoder {
 public:
  explicit ChunkDecoder(size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

  // Takes from the front of `input`, appends data to `body`; returns the bytes taken (fewer than given only
  // when done). Refusal 400 for what the grammar forbids, 413 for a body over its limit.
  size_t feed(std::string_view input, std::string& body);
  bool done() const { return state_ == State::kDone; }

 private:
  enum class State : uint8_t { kSizeLine, kData, kDataEnd, kTrailer, kDone };
  // True when a line is whole in line_, without its CRLF.
  bool take_line(std::string_view input, size_t& at);
  void end_size_line(size_t body_bytes);
  void end_trailer_line();

  const size_t body_bytes_max_;
  State state_ = State::kSizeLine;
  std::string line_;
  uint64_t left_ = 0;  // bytes of data, or of the CRLF behind it
  size_t trailer_bytes_ = 0;
};

}  // namespace gantry::http
