// Bytes of a connection into one Request, strictly: the grammar of http_syntax.h, one Content-Length or
// one "Transfer-Encoding: chunked" and never both, one Host. Bounded by ParserLimits. The library that splits
// the head (Boost.Beast) would let folded lines and doubtful lengths pass, so every head is judged here
// first. Refusal says status and reason; after it the connection is of no further use. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/chunk_decoder.h"
#include "http/http.h"

namespace gantry::http {

struct ParserLimits {
  size_t header_bytes = 0, header_count = 0, body_bytes = 0;
};

class RequestParser {
 public:
  explicit RequestParser(const ParserLimits& limits) : limits_(limits) {}

  enum class State : uint8_t { kHead, kBody, kDone };

  // Takes bytes from the front of `input` and returns how many. Stops after the head once, so that the caller
  // may look at it before a body is read, and at the end of the request.
  size_t feed(std::string_view input);

  State state() const { return state_; }
  bool begun() const { return !head_.empty(); }  // a byte of the request line has come
  bool expects_continue() const { return expects_continue_; }
  // Room for so many bytes more of the body: then feed() allocates none for it. std::bad_alloc changes
  // nothing.
  void reserve_body(size_t bytes);
  size_t body_bytes() const { return request_.body.size(); }

  // From kBody on; of a head that was refused what there is, perhaps no target.
  const Request& request() const { return request_; }
  Request take() { return std::move(request_); }

 private:
  size_t feed_head(std::string_view input);
  size_t feed_body(std::string_view input);
  void judge_lines();
  void split_head();
  void find_framing();
  void take_host_of_target();

  const ParserLimits limits_;
  State state_ = State::kHead;
  std::string head_;  // through the empty line
  size_t blank_lines_ = 0;
  Request request_;
  bool expects_continue_ = false;
  uint64_t body_left_ = 0;
  std::optional<ChunkDecoder> chunks_;
};

}  // namespace gantry::http
