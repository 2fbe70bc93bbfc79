#include "http/request_parser.h"

#include <algorithm>

#include <boost/beast/http/basic_parser.hpp>
#include <fmt/format.h>

#include "http/http_syntax.h"

namespace gantry::http {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr size_t kBlankLinesMax = 4;  // before a request line (RFC 9112, 2.2 asks for one)

constexpr char kTlsHandshake = 0x16;  // the first byte of a TLS client

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

// Collects what the library finds in a head; bodies never reach it.
class HeadCollector final : public http::basic_parser<true> {
 public:
  explicit HeadCollector(Request& request) : request_(&request) {}

 private:
  using View = beast::string_view;
  using Code = beast::error_code;
  void on_request_impl(http::verb, View method, View target, int version, Code&) override {
    request_->method.assign(method.data(), method.size());
    request_->target.assign(target.data(), target.size());
    request_->minor_version = version % 10;
  }
  void on_response_impl(int, View, int, Code&) override {}
  void on_field_impl(http::field, View name, View value, Code&) override {
    request_->headers.push_back(
        {lower_case({name.data(), name.size()}), std::string(value.data(), value.size())});
  }
  void on_header_impl(Code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, Code&) override {}
  std::size_t on_body_impl(View body, Code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, View, Code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View body, Code&) override { return body.size(); }
  void on_finish_impl(Code&) override {}

  Request* request_;
};

// Whether a list of tokens, as in Connection, names `token`.
bool lists(const Request& request, std::string_view name, std::string_view token) {
  for (const Header& header : request.headers) {
    if (header.name != name) continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const size_t comma = std::min(rest.find(','), rest.size());
      std::string_view item = rest.substr(0, comma);
      while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
      while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
      if (same_ignoring_case(item, token)) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

}  // namespace

size_t RequestParser::feed(std::string_view input) {
  switch (state_) {
    case State::kHead:
      return feed_head(input);
    case State::kBody:
      return feed_body(input);
    case State::kDone:
      break;
  }
  return 0;
}

size_t RequestParser::feed_head(std::string_view input) {
  for (size_t at = 0; at < input.size(); ++at) {
    const char c = input[at];
    if (head_.ends_with('\r') && c != '\n') throw bad_request("a bare CR in the head");
    if (c == '\n' && !head_.ends_with('\r')) throw bad_request("a line of the head does not end in CRLF");
    if (head_.size() >= limits_.header_bytes)
      throw Refusal(431, "too_large", fmt::format("the head is larger than {} bytes", limits_.header_bytes));
    // Before its line is whole, so that a client of another protocol need not wait for its answer.
    if (head_.empty() && c != '\r' && !is_token_char(c))
      throw bad_request(c == kTlsHandshake ? "TLS is not spoken here: call http://, not https://"
                                           : "this is no HTTP request: it does not begin with a method");
    head_ += c;
    if (c != '\n') continue;
    if (head_.size() == 2) {
      head_.clear();
      if (++blank_lines_ > kBlankLinesMax) throw bad_request("too many empty lines before a request");
    } else if (head_.ends_with("\r\n\r\n")) {
      judge_lines();
      split_head();
      find_framing();
      return at + 1;
    } else if (head_.find('\n') == head_.size() - 1) {
      // The request line: refused before more is read.
      bool version_only = false;
      const char* fault =
          request_line_fault(std::string_view(head_).substr(0, head_.size() - 2), version_only);
      if (fault == nullptr) continue;
      if (version_only) throw Refusal(505, "http_version", fault);
      throw bad_request(fault);
    }
  }
  return input.size();
}

void RequestParser::judge_lines() {
  std::string_view rest(head_);
  rest.remove_prefix(rest.find('\n') + 1);
  size_t count = 0;
  while (rest != "\r\n") {
    const size_t end = rest.find("\r\n");
    if (const char* fault = field_line_fault(rest.substr(0, end))) throw bad_request(fault);
    if (++count > limits_.header_count)
      throw Refusal(431, "too_large", fmt::format("more than {} header fields", limits_.header_count));
    rest.remove_prefix(end + 2);
  }
}

void RequestParser::split_head() {
  HeadCollector collector(request_);
  collector.header_limit(static_cast<uint32_t>(std::min<size_t>(head_.size() + 1, UINT32_MAX)));
  collector.body_limit(boost::none);
  beast::error_code error;
  collector.put({head_.data(), head_.size()}, error);
  if (error || !collector.is_header_done())
    throw bad_request("the head is malformed: " + (error ? error.message() : std::string("unfinished")));
}

void RequestParser::find_framing() {
  const auto count = [&](std::string_view name) {
    return std::ranges::count(request_.headers, name, &Header::name);
  };
  if (count("host") > 1) throw bad_request("more than one Host");
  take_host_of_target();
  if (count("content-length") > 1) throw bad_request("more than one Content-Length");
  if (count("transfer-encoding") > 1) throw bad_request("more than one Transfer-Encoding");
  const std::string* length = request_.header("content-length");
  const std::string* coding = request_.header("transfer-encoding");
  if (length != nullptr && coding != nullptr) throw bad_request("both Content-Length and Transfer-Encoding");
  if (coding != nullptr) {
    if (request_.minor_version == 0) throw bad_request("HTTP/1.0 has no Transfer-Encoding");
    if (!same_ignoring_case(*coding, "chunked"))
      throw Refusal(501, "unsupported", "of transfer codings only 'chunked' is understood");
    chunks_.emplace(limits_.body_bytes);
  }
  if (length != nullptr) {
    body_left_ = content_length_of(*length);
    if (body_left_ > limits_.body_bytes) throw body_too_large(limits_.body_bytes);
  }
  request_.keep_alive = request_.minor_version == 1 ? !lists(request_, "connection", "close")
                                                    : lists(request_, "connection", "keep-alive") &&
                                                          !lists(request_, "connection", "close");
  const auto codes_content = [](const Header& field) {
    return field.name == "content-encoding" && !field.value.empty() &&
           !same_ignoring_case(field.value, "identity");
  };
  if (std::ranges::any_of(request_.headers, codes_content))
    throw Refusal(415, "unsupported", "of content codings none is understood: send the body as it is");
  if (const std::string* expect = request_.header("expect"); expect != nullptr) {
    if (!same_ignoring_case(*expect, "100-continue"))
      throw Refusal(417, "expectation_failed", "of expectations only '100-continue' is understood");
    expects_continue_ = request_.minor_version == 1;
  }
  state_ = chunks_ || body_left_ > 0 ? State::kBody : State::kDone;
}

// Who is meant is said once: the authority of an absolute target takes the place of Host (RFC 9112, 3.2.2).
void RequestParser::take_host_of_target() {
  const auto absolute = behind_scheme(request_.target);
  if (!absolute) {
    const bool other_form = request_.method == "CONNECT" || request_.target == "*";
    if (!request_.target.starts_with('/') && !other_form)
      throw bad_request("the target is neither a path nor a URL");
    return;
  }
  const std::string_view authority = absolute->substr(0, absolute->find_first_of("/?#"));
  const auto host = std::ranges::find(request_.headers, "host", &Header::name);
  if (host == request_.headers.end()) {
    // HTTP/1.1 asks for the field all the same.
    if (request_.minor_version == 0) request_.headers.push_back({"host", std::string(authority)});
  } else {
    host->value = authority;
  }
}

void RequestParser::reserve_body(size_t bytes) {
  std::string& body = request_.body;
  if (body.capacity() - body.size() >= bytes) return;
  const uint64_t wanted = std::max(body.size() + bytes, 2 * body.capacity());
  body.reserve(chunks_ ? wanted : std::min<uint64_t>(wanted, body.size() + body_left_));
}

size_t RequestParser::feed_body(std::string_view input) {
  if (chunks_) {
    const size_t taken = chunks_->feed(input, request_.body);
    if (chunks_->done()) state_ = State::kDone;
    return taken;
  }
  const size_t n = std::min<uint64_t>(body_left_, input.size());
  request_.body.append(input.substr(0, n));
  body_left_ -= n;
  if (body_left_ == 0) state_ = State::kDone;
  return n;
}

}  // namespace gantry::http
