// What a server answers, as bytes come: the head of HTTP/1.1, a body that is chunked, counted or goes on to
// the end, and, of an event stream, the data of each event. Another program wrote these bytes: nothing of
// them is trusted, and all that is kept is bounded. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "http/chunk_decoder.h"
#include "http/http.h"

namespace gantry::bench {

inline constexpr size_t kReplyHeadBytesMax = size_t{64} << 10;
inline constexpr size_t kReplyEventBytesMax = size_t{1} << 20;   // a line, and the data of an event
inline constexpr size_t kReplyBodyBytesKept = size_t{64} << 10;  // of a body that is no event stream
inline constexpr uint64_t kReplyBytesMax = uint64_t{1} << 30;    // of all of it

// The bytes are no answer, or one that is cut; in words.
class ReplyFault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ReplyReader {
 public:
  // Takes from the front of `bytes`, all but what follows the end of the answer; appends the data of events.
  // ReplyFault.
  size_t feed(std::string_view bytes, std::vector<std::string>& events);
  // The connection has ended; the same. ReplyFault where the answer is not whole.
  void end(std::vector<std::string>& events);

  bool begun() const { return total_ > 0; }
  bool has_head() const { return status_ != 0; }
  bool done() const { return part_ == Part::kDone; }
  int status() const { return status_; }  // of the head; 0 before it is there
  bool is_events() const { return is_events_; }
  // What another request may follow on the same connection. Once done.
  bool keeps_alive() const { return keep_alive_; }
  const std::string* header(std::string_view name) const;  // lower case; null: none
  // The beginning of a body that is no event stream.
  const std::string& body() const { return body_; }

 private:
  enum class Part : uint8_t { kHead, kChunked, kCounted, kToEnd, kDone };

  void end_head_line(std::vector<std::string>& events);
  void read_status_line(std::string_view line);
  void end_head();
  void take_body(std::string_view bytes, std::vector<std::string>& events);
  void take_event_line(std::vector<std::string>& events);
  void finish(std::vector<std::string>& events);

  Part part_ = Part::kHead;
  int status_ = 0, seen_status_ = 0;
  int minor_version_ = 1;
  bool is_events_ = false, keep_alive_ = false;
  std::vector<http::Header> headers_;
  size_t head_bytes_ = 0;
  uint64_t total_ = 0, left_ = 0;
  std::optional<http::ChunkDecoder> chunks_;
  std::string line_;  // of the head or of an event
  std::string data_;  // of the event that is being read
  bool has_data_ = false;
  std::string piece_;  // of a chunk
  std::string body_;
};

}  // namespace gantry::bench
