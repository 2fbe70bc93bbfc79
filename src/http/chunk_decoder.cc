#include "http/chunk_decoder.h"

#include <algorithm>

#include "http/http.h"
#include "http/http_syntax.h"

namespace gantry::http {
namespace {

// *( ";" token [ "=" ( token / quoted-string ) ] ), no spaces.
bool is_extensions(std::string_view text) {
  size_t at = 0;
  const auto token = [&] {
    const size_t from = at;
    while (at < text.size() && is_token_char(text[at])) ++at;
    return at > from;
  };
  const auto quoted = [&] {
    for (++at; at < text.size(); ++at) {
      if (text[at] == '"') return ++at, true;
      if (text[at] == '\\') ++at;
      if (at >= text.size() || !is_field_char(text[at])) return false;
    }
    return false;
  };
  while (at < text.size()) {
    if (text[at++] != ';' || !token()) return false;
    if (at < text.size() && text[at] == '=') {
      ++at;
      if (!(at < text.size() && text[at] == '"' ? quoted() : token())) return false;
    }
  }
  return true;
}

}  // namespace

bool ChunkDecoder::take_line(std::string_view input, size_t& at) {
  while (at < input.size()) {
    const char c = input[at++];
    if (c == '\n') {
      if (!line_.ends_with('\r')) throw bad_request("a line of the chunked body does not end in CRLF");
      line_.pop_back();
      return true;
    }
    if (line_.ends_with('\r')) throw bad_request("a bare CR in the chunked body");
    line_ += c;
    if (line_.size() > kChunkLineBytesMax) throw bad_request("a line of the chunked body is too long");
  }
  return false;
}

void ChunkDecoder::end_size_line(size_t body_bytes) {
  size_t digits = 0;
  uint64_t size = 0;
  for (; digits < line_.size() && hex_digit(line_[digits]) >= 0; ++digits) {
    if (size >> 60 != 0) throw bad_request("the size of a chunk does not fit 64 bits");
    size = size * 16 + static_cast<uint64_t>(hex_digit(line_[digits]));
  }
  if (digits == 0) throw bad_request("a chunk without a size");
  if (!is_extensions(std::string_view(line_).substr(digits)))
    throw bad_request("what follows the size of a chunk is no chunk extension");
  if (size > body_bytes_max_ - std::min(body_bytes, body_bytes_max_)) throw body_too_large(body_bytes_max_);
  left_ = size;
  state_ = size == 0 ? State::kTrailer : State::kData;
}

void ChunkDecoder::end_trailer_line() {
  if (line_.empty()) {
    state_ = State::kDone;
    return;
  }
  trailer_bytes_ += line_.size();
  if (trailer_bytes_ > kTrailerBytesMax) throw bad_request("the trailer of the chunked body is too long");
  if (const char* fault = field_line_fault(line_)) throw bad_request(std::string("in the trailer: ") + fault);
}

size_t ChunkDecoder::feed(std::string_view input, std::string& body) {
  size_t at = 0;
  while (at < input.size() && !done()) {
    if (state_ == State::kData) {
      const size_t n = std::min<uint64_t>(left_, input.size() - at);
      body.append(input.substr(at, n));
      at += n;
      left_ -= n;
      if (left_ == 0) left_ = 2, state_ = State::kDataEnd;
    } else if (state_ == State::kDataEnd) {
      if (input[at++] != (left_ == 2 ? '\r' : '\n')) throw bad_request("a chunk is not followed by CRLF");
      if (--left_ == 0) state_ = State::kSizeLine;
    } else if (take_line(input, at)) {
      if (state_ == State::kSizeLine)
        end_size_line(body.size());
      else
        end_trailer_line();
      line_.clear();
    }
  }
  return at;
}

}  // namespace gantry::http
