// A client that sends exactly the bytes it is given, and reads answers as strictly as it can. Every wait
// ends: after kPatience a read gives up, and says so by what it returns.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::testing {

inline constexpr std::chrono::seconds kPatience{60};

struct RawResponse {
  int status = 0;
  std::multimap<std::string, std::string> headers;  // names in lower case
  std::string body;                                 // without its transfer coding

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

class RawClient {
 public:
  // `from`: its own address, of this machine; nullptr: whatever the system takes.
  explicit RawClient(uint16_t port, int receive_buffer_bytes = 0, const char* from = nullptr);
  explicit RawClient(const std::string& unix_path);
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  RawClient& operator=(RawClient&&) = delete;

  bool connected() const { return socket_ >= 0; }
  // False when the peer does not take it all.
  bool send(std::string_view bytes);
  // One answer; nullopt when the connection ended before a whole one came (or patience did). `head_only`: the
  // answer to HEAD.
  std::optional<RawResponse> receive(bool head_only = false);
  // The head of an answer whose body is read by receive_some().
  std::optional<RawResponse> receive_head();
  // Some more bytes, with their transfer coding; "" at the end.
  std::string receive_some();
  // True when the peer closed, without a byte before.
  bool receive_end();

  void half_close();
  void reset();  // as a killed process: RST, no goodbye
  void close();

 private:
  bool fill();
  std::optional<std::string> line();
  bool chunked_body(std::string& body);

  int socket_ = -1;
  std::string buffer_;
};

// "POST path" with JSON and the headers that a plain client sends.
std::string post(std::string_view path, std::string_view json, std::string_view extra_headers = {});
std::string get(std::string_view path, std::string_view extra_headers = {});

// One request on a connection of its own.
std::optional<RawResponse> ask(uint16_t port, const std::string& request);

// The data of "data: " lines of a stream's body.
std::vector<std::string> events_of(const std::string& body);

}  // namespace gantry::testing
