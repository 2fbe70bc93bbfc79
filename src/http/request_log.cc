#include "http/request_log.h"

#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/log.h"

namespace gantry::http {
namespace {

constexpr size_t kMessageMax = 300;  // bytes of a refusal's words

std::string shown(std::string_view text) { return std::string(text.empty() ? "-" : text); }

// Without the query: what stands there may be a secret.
std::string path_of(const std::string& target) { return target.substr(0, target.find('?')); }

}  // namespace

void RequestLog::begin(const Request& head, const Marks& marks) {
  method_ = head.method;
  path_ = path_of(head.target);
  id_ = marks.id;
  quiet_ = marks.quiet;
}

void RequestLog::answered(const Response& response) {
  status_ = response.status;
  if (response.cause) outcome_.cause = response.cause;
}

void RequestLog::note(const Outcome& outcome) {
  if (outcome.tokens) outcome_.tokens = outcome.tokens;
  if (outcome.cause) outcome_.cause = outcome.cause;
}

void RequestLog::write(const std::string& client, Clock::time_point begun) const {
  if (status_ == 0 && !gone_) return;
  const log::Level level = quiet_ ? log::Level::kDebug : log::Level::kInfo;
  if (level < log::level()) return;
  const int status = status_ == 0 ? kClientGone : status_;
  const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  std::vector<log::Fact> facts = {{"client", shown(client), true},
                                  {"method", shown(method_), true},
                                  {"path", shown(path_), true},
                                  {"status", static_cast<uint64_t>(status), true},
                                  {"seconds", seconds}};
  if (const auto& tokens = outcome_.tokens) {
    facts.push_back({"prompt_tokens", tokens->prompt});
    facts.push_back({"cached_tokens", tokens->cached});
    facts.push_back({"new_tokens", tokens->generated});
    facts.push_back({"tokens_per_second", tokens->per_second});
  }
  if (!id_.empty()) facts.push_back({"request_id", id_});
  std::optional<Cause> cause = outcome_.cause;
  if (!cause && gone_) cause = Cause{"client_gone", "the client went away before the end"};
  if (cause) {
    facts.push_back({"error", shown(cause->code)});
    facts.push_back({"message", shown(std::string_view(cause->message).substr(0, kMessageMax))});
  }
  log::write(level, "http",
             fmt::format("{} {} {} -> {}", shown(client), shown(method_), shown(path_), status), facts);
}

}  // namespace gantry::http
