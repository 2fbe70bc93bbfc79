#include "bench/reply_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "http/http_syntax.h"

namespace gantry::bench {
namespace {

constexpr size_t kChunkBytesMax = size_t{64} << 20;  // of one chunk, of which only a piece is kept at a time
constexpr size_t kHeadersMax = 256;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace

const std::string* ReplyReader::header(std::string_view name) const {
  for (const http::Header& header : headers_)
    if (header.name == name) return &header.value;
  return nullptr;
}

size_t ReplyReader::feed(std::string_view bytes, std::vector<std::string>& events) {
  total_ += bytes.size();
  if (total_ > kReplyBytesMax)
    throw ReplyFault(fmt::format("the answer has more than {} bytes", kReplyBytesMax));
  size_t at = 0;
  while (at < bytes.size() && part_ == Part::kHead) {
    const char c = bytes[at++];
    if (++head_bytes_ > kReplyHeadBytesMax)
      throw ReplyFault(fmt::format("the head of the answer has more than {} bytes", kReplyHeadBytesMax));
    if (c != '\n')
      line_ += c;
    else
      end_head_line(events);
  }
  const std::string_view rest = bytes.substr(at);
  if (rest.empty() || part_ == Part::kDone) return at;
  size_t taken = rest.size();
  if (part_ == Part::kChunked) {
    piece_.clear();
    try {
      taken = chunks_->feed(rest, piece_);
    } catch (const http::Refusal& refusal) {
      take_body(piece_, events);  // what stood before it
      throw ReplyFault(refusal.message());
    }
    take_body(piece_, events);
    if (chunks_->done()) finish(events);
  } else {
    if (part_ == Part::kCounted) taken = static_cast<size_t>(std::min<uint64_t>(taken, left_));
    left_ -= part_ == Part::kCounted ? taken : 0;
    take_body(rest.substr(0, taken), events);
    if (part_ == Part::kCounted && left_ == 0) finish(events);
  }
  return at + taken;
}

void ReplyReader::end(std::vector<std::string>& events) {
  if (part_ == Part::kDone) return;
  if (part_ == Part::kHead)
    throw ReplyFault(total_ == 0 ? "the server closed the connection without an answer"
                                 : "the connection ended within the head of the answer");
  if (part_ != Part::kToEnd) throw ReplyFault("the connection ended within the answer");
  finish(events);
}

void ReplyReader::end_head_line(std::vector<std::string>& events) {
  if (line_.ends_with('\r')) line_.pop_back();
  const std::string line = std::move(line_);
  line_.clear();
  if (seen_status_ == 0) return read_status_line(line);
  if (!line.empty()) {
    if (const char* fault = http::field_line_fault(line))
      throw ReplyFault(std::string("in the head of the answer: ") + fault);
    if (headers_.size() >= kHeadersMax)
      throw ReplyFault(fmt::format("the answer has more than {} headers", kHeadersMax));
    const size_t colon = line.find(':');
    headers_.push_back({lower(std::string_view(line).substr(0, colon)),
                        std::string(trimmed(std::string_view(line).substr(colon + 1)))});
    return;
  }
  if (seen_status_ < 200 && seen_status_ != 101) {  // more is to come
    seen_status_ = 0;
    headers_.clear();
    return;
  }
  end_head();
  if (part_ == Part::kCounted && left_ == 0) finish(events);
}

void ReplyReader::read_status_line(std::string_view line) {
  const bool is_http = line.size() >= 12 && line.starts_with("HTTP/1.") &&
                       (line[7] == '0' || line[7] == '1') && line[8] == ' ' &&
                       (line.size() == 12 || line[12] == ' ');
  int status = 0;
  for (size_t i = 9; is_http && i < 12; ++i)
    status = line[i] < '0' || line[i] > '9' ? -1000 : status * 10 + (line[i] - '0');
  if (!is_http || status < 100 || status > 599) throw ReplyFault("what answers is no HTTP/1.1 server");
  minor_version_ = line[7] - '0';
  seen_status_ = status;
}

void ReplyReader::end_head() {
  status_ = seen_status_;
  const std::string* connection = header("connection");
  const std::string wish = connection == nullptr ? "" : lower(*connection);
  keep_alive_ = minor_version_ == 1 ? wish.find("close") == std::string::npos
                                    : wish.find("keep-alive") != std::string::npos;
  const std::string* type = header("content-type");
  is_events_ = type != nullptr && lower(*type).starts_with("text/event-stream");
  part_ = Part::kToEnd;
  if (status_ == 204 || status_ == 304) {
    part_ = Part::kCounted;
  } else if (const std::string* coding = header("transfer-encoding")) {
    if (lower(*coding) != "chunked") throw ReplyFault("the answer has a transfer coding other than chunked");
    part_ = Part::kChunked;
    chunks_.emplace(kChunkBytesMax);
  } else if (const std::string* length = header("content-length")) {
    part_ = Part::kCounted;
    try {
      left_ = http::content_length_of(*length);
    } catch (const http::Refusal& refusal) {
      throw ReplyFault(refusal.message());
    }
  } else {
    keep_alive_ = false;
  }
}

void ReplyReader::take_body(std::string_view bytes, std::vector<std::string>& events) {
  if (!is_events_) {
    body_.append(bytes.substr(0, kReplyBodyBytesKept - std::min(kReplyBodyBytesKept, body_.size())));
    return;
  }
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    line_.append(bytes.substr(0, end));
    if (line_.size() + data_.size() > kReplyEventBytesMax)
      throw ReplyFault(fmt::format("an event of the stream has more than {} bytes", kReplyEventBytesMax));
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    take_event_line(events);
  }
}

void ReplyReader::take_event_line(std::vector<std::string>& events) {
  constexpr std::string_view kData = "data:";
  std::string_view line = line_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) {
    if (has_data_) events.push_back(std::move(data_));
    data_.clear();
    has_data_ = false;
  } else if (line.starts_with(kData)) {
    line.remove_prefix(kData.size());
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (has_data_) data_ += '\n';
    data_ += line;
    has_data_ = true;
  }
  line_.clear();
}

void ReplyReader::finish(std::vector<std::string>& events) {
  part_ = Part::kDone;
  // Servers leave out the empty line behind the last event.
  if (is_events_ && !line_.empty()) take_event_line(events);
  if (has_data_) events.push_back(std::move(data_));
  has_data_ = false;
}

}  // namespace gantry::bench
