#include "tests/scenario/raw_client.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace gantry::testing {
namespace {

int connected_socket(int family, const sockaddr* address, socklen_t size, int receive_buffer_bytes,
                     const char* from = nullptr) {
  const int out = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (out < 0) return -1;
  if (receive_buffer_bytes > 0)
    setsockopt(out, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(receive_buffer_bytes));
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  setsockopt(out, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  setsockopt(out, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  sockaddr_in own{};
  own.sin_family = AF_INET;
  const bool bound =
      from == nullptr || (inet_pton(AF_INET, from, &own.sin_addr) == 1 &&
                          bind(out, reinterpret_cast<const sockaddr*>(&own), sizeof(own)) == 0);
  if (bound && connect(out, address, size) == 0) return out;
  ::close(out);
  return -1;
}

}  // namespace

RawClient::RawClient(uint16_t port, int receive_buffer_bytes, const char* from) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socket_ = connected_socket(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof(address),
                             receive_buffer_bytes, from);
}

RawClient::RawClient(const std::string& unix_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, unix_path.data(), std::min(unix_path.size(), sizeof(address.sun_path) - 1));
  socket_ = connected_socket(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof(address), 0);
}

RawClient::RawClient(RawClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), buffer_(std::move(other.buffer_)) {}

RawClient::~RawClient() { close(); }

void RawClient::close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

void RawClient::half_close() { shutdown(socket_, SHUT_WR); }

void RawClient::reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  close();
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool RawClient::fill() {
  char bytes[16384];
  const ssize_t n = recv(socket_, bytes, sizeof(bytes), 0);
  if (n <= 0) return false;
  buffer_.append(bytes, static_cast<size_t>(n));
  return true;
}

std::optional<std::string> RawClient::line() {
  size_t end = 0;
  while ((end = buffer_.find("\r\n")) == std::string::npos)
    if (!fill()) return std::nullopt;
  std::string out = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return out;
}

std::optional<RawResponse> RawClient::receive_head() {
  RawResponse out;
  const auto status_line = line();
  if (!status_line || !status_line->starts_with("HTTP/1.1 ")) return std::nullopt;
  out.status = std::atoi(status_line->c_str() + 9);
  while (true) {
    const auto field = line();
    if (!field) return std::nullopt;
    if (field->empty()) break;
    const size_t colon = field->find(": ");
    if (colon == std::string::npos) return std::nullopt;
    out.headers.emplace(field->substr(0, colon), field->substr(colon + 2));
  }
  return out;
}

bool RawClient::chunked_body(std::string& body) {
  while (true) {
    const auto size_line = line();
    if (!size_line) return false;
    const size_t size = std::strtoul(size_line->c_str(), nullptr, 16);
    while (buffer_.size() < size + 2)
      if (!fill()) return false;
    body += buffer_.substr(0, size);
    if (buffer_.substr(size, 2) != "\r\n") return false;
    buffer_.erase(0, size + 2);
    if (size == 0) return true;
  }
}

std::optional<RawResponse> RawClient::receive(bool head_only) {
  auto out = receive_head();
  if (!out || head_only || out->status == 204 || out->status == 100) return out;
  if (out->header("transfer-encoding") == "chunked") {
    if (!chunked_body(out->body)) return std::nullopt;
    return out;
  }
  if (out->headers.contains("content-length")) {
    const size_t size = std::strtoul(out->header("content-length").c_str(), nullptr, 10);
    while (buffer_.size() < size)
      if (!fill()) return std::nullopt;
    out->body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return out;
  }
  while (fill()) {
  }
  out->body = std::exchange(buffer_, {});
  return out;
}

std::string RawClient::receive_some() {
  if (buffer_.empty()) fill();
  return std::exchange(buffer_, {});
}

bool RawClient::receive_end() {
  if (!buffer_.empty()) return false;
  char byte = 0;
  const ssize_t n = recv(socket_, &byte, 1, 0);
  return n == 0 || (n < 0 && errno == ECONNRESET);
}

std::string post(std::string_view path, std::string_view json, std::string_view extra_headers) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{}Content-Length: "
      "{}\r\n\r\n{}",
      path, extra_headers, json.size(), json);
}

std::string get(std::string_view path, std::string_view extra_headers) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", path, extra_headers);
}

std::optional<RawResponse> ask(uint16_t port, const std::string& request) {
  RawClient client(port);
  if (!client.connected()) return std::nullopt;
  client.send(request);
  return client.receive(request.starts_with("HEAD "));
}

std::vector<std::string> events_of(const std::string& body) {
  std::vector<std::string> out;
  constexpr std::string_view kData = "data: ";
  for (size_t at = 0; at < body.size();) {
    const size_t end = std::min(body.find('\n', at), body.size());
    const std::string_view text = std::string_view(body).substr(at, end - at);
    if (text.starts_with(kData)) out.emplace_back(text.substr(kData.size()));
    at = end + 1;
  }
  return out;
}

}  // namespace gantry::testing
