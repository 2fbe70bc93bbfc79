// Bytes of an answer on the wire.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/http.h"

namespace gantry::http {

struct WireOptions {
  int minor_version = 1;  // the request's
  bool keep_alive = true;
  bool head_only = false;  // to a HEAD request
};

// What every answer begins with, whatever comes then.
inline constexpr std::string_view kAnswerBegin = "HTTP/1.1 ";

// The head of a whole answer; the body's length is told even when only the head is wanted.
std::string wire_head(const Response& response, const std::vector<Header>& common,
                      const WireOptions& options);
// And what follows it: of the response, which must outlive it.
std::string_view wire_body(const Response& response, const WireOptions& options);
// The head of a stream: chunked where the client knows that, until the connection's end where not.
std::string wire_stream_head(const Response& head, const std::vector<Header>& common,
                             const WireOptions& options);
// One piece of a stream.
void append_wire_piece(std::string& out, std::string_view piece, const WireOptions& options);
std::string_view wire_stream_end(const WireOptions& options);

}  // namespace gantry::http
