#include "api/json_read.h"

#include <array>
#include <chrono>
#include <cmath>
#include <memory>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "api/limits.h"
#include "api/work_queue.h"
#include "base/interrupt.h"
#include "http/options.h"
#include "http/shortage.h"
#include "os/memory_account.h"

namespace gantry::api {
namespace {

constexpr size_t kParserWordsMax = 200;  // bytes: the parser's words quote what it read

// What a body would cost to parse, by brackets and commas outside strings; what is no JSON at all is the
// parser's to say.
class SizeCheck {
 public:
  void scan(std::string_view body) {
    for (size_t i = 0; i < body.size(); ++i) {
      const char c = body[i];
      if (c == '"')
        i = end_of_string(body, i);
      else if (c == '{' || c == '[')
        open(c);
      else if (c == '}' || c == ']')
        depth_ -= depth_ > 0 ? 1U : 0U;
      else if (c == ',')
        count();
    }
  }
  size_t values() const { return values_; }

 private:
  static size_t end_of_string(std::string_view body, size_t at) {
    for (++at; at < body.size() && body[at] != '"'; ++at)
      if (body[at] == '\\') ++at;
    return at;
  }
  void open(char bracket) {
    count_value();
    if (depth_ == kJsonDepthMax)
      throw http::bad_request(fmt::format("the body is nested deeper than {} levels", kJsonDepthMax));
    levels_[depth_++] = {bracket == '{', 1};
  }
  void count() {
    count_value();
    if (depth_ == 0) return;
    Level& level = levels_[depth_ - 1];
    if (++level.items > kJsonKeysMax && level.is_object)
      throw too_large(fmt::format("an object of the body has more than {} keys", kJsonKeysMax));
  }
  void count_value() {
    if (++values_ > kJsonValuesMax)
      throw too_large(fmt::format("the body has more than {} values", kJsonValuesMax));
  }
  static http::Refusal too_large(std::string message) { return {413, "too_large", std::move(message)}; }

  struct Level {
    bool is_object;
    size_t items;
  };
  std::array<Level, kJsonDepthMax> levels_;
  uint32_t depth_ = 0;
  size_t values_ = 0;
};

// What the tree of a large body takes is there before it is built, whatever others take meanwhile, until it
// is; those who hold memory now are waited for, for a while.
class TreeShare {
 public:
  TreeShare(uint64_t bytes, uint64_t values) {
    constexpr uint64_t kValueBytes = 64;  // of a tree, beside the text
    constexpr std::chrono::milliseconds kStep{20};
    if (bytes <= WorkQueue::kLargeBytes) return;
    account_ = os::share_current_account();
    if (account_ == nullptr) return;
    const auto end = std::chrono::steady_clock::now() + http::kMemoryPatience;
    while (!account_->set_aside(bytes + values * kValueBytes)) {
      check_interrupt();
      if (account_->shortage() != os::Shortage::kPool || std::chrono::steady_clock::now() >= end)
        throw http::refusal_of_shortage(*account_);
      std::this_thread::sleep_for(kStep);
    }
  }
  ~TreeShare() {
    if (account_ != nullptr) account_->set_aside(0);
  }
  TreeShare(const TreeShare&) = delete;
  TreeShare& operator=(const TreeShare&) = delete;

 private:
  std::shared_ptr<os::MemoryAccount> account_;
};

bool is_kind(FieldKind kind, const Json& value) {
  switch (kind) {
    case FieldKind::kBool:
      return value.is_boolean();
    case FieldKind::kInteger:
      // 5.0 is an integer to every client that has only one kind of number.
      return value.is_number_integer() ||
             (value.is_number_float() && std::nearbyint(value.get<double>()) == value.get<double>() &&
              std::abs(value.get<double>()) < 9e15);
    case FieldKind::kNumber:
      return value.is_number();
    case FieldKind::kString:
      return value.is_string();
    case FieldKind::kArray:
      return value.is_array();
    case FieldKind::kObject:
      return value.is_object();
    case FieldKind::kAny:
      return true;
  }
  return false;
}

const char* name_of(FieldKind kind) {
  switch (kind) {
    case FieldKind::kBool:
      return "a boolean";
    case FieldKind::kInteger:
      return "an integer";
    case FieldKind::kNumber:
      return "a number";
    case FieldKind::kString:
      return "a string";
    case FieldKind::kArray:
      return "an array";
    case FieldKind::kObject:
      return "an object";
    case FieldKind::kAny:
      return "any value";
  }
  return "?";
}

}  // namespace

const char* kind_of(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_boolean()) return "a boolean";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a string";
  return value.is_array() ? "an array" : "an object";
}

Json parse_object(std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos)
    throw http::bad_request("the body is empty, not JSON: send an object");
  SizeCheck check;
  check.scan(body);
  const TreeShare share(body.size(), check.values());
  Json json;
  try {
    json = Json::parse(body);
  } catch (const JsonError& error) {
    const std::string_view words = error.what();
    throw http::bad_request("the body is not JSON: " + std::string(words.substr(0, kParserWordsMax)));
  }
  if (!json.is_object())
    throw http::bad_request(fmt::format("the body must be a JSON object, not {}", kind_of(json)));
  return json;
}

void check_field(std::string_view name, FieldKind kind, double low, double high, const Json& value) {
  // A number of the wrong sort is told itself: 1.5, or 1e30, which is whole but nothing that counts.
  if (!is_kind(kind, value) && kind == FieldKind::kInteger && value.is_number()) {
    const bool whole = std::nearbyint(value.get<double>()) == value.get<double>();
    throw http::bad_request(
        fmt::format("'{}' must be an integer{}, not {}", name,
                    whole ? std::string_view(" of 64 bits, written out") : std::string_view(),
                    value.get<double>()),
        std::string(name), whole ? "out_of_range" : "invalid_type");
  }
  if (!is_kind(kind, value))
    throw http::bad_request(fmt::format("'{}' must be {}, not {}", name, name_of(kind), kind_of(value)),
                            std::string(name), "invalid_type");
  if (low <= -kAnyNumber && high >= kAnyNumber) return;
  const bool number = kind == FieldKind::kInteger || kind == FieldKind::kNumber;
  double size = 0;
  if (number)
    size = value.get<double>();
  else if (value.is_string())
    size = static_cast<double>(value.get<std::string_view>().size());
  else if (value.is_structured())
    size = static_cast<double>(value.size());
  else
    return;
  if (size >= low && size <= high) return;
  const bool one = (high >= kAnyNumber ? low : high) == 1;
  const std::string what =
      number ? "" : fmt::format(" {}{}", value.is_string() ? "byte" : "item", one ? "" : "s");
  const std::string range = high >= kAnyNumber   ? fmt::format("at least {}", low)
                            : low <= -kAnyNumber ? fmt::format("at most {}", high)
                                                 : fmt::format("from {} to {}", low, high);
  const std::string message = number ? fmt::format("'{}' must be {}, not {}", name, range, size)
                                     : fmt::format("'{}' must have {}{}, not {}", name, range, what, size);
  throw http::bad_request(message, std::string(name), "out_of_range");
}

}  // namespace gantry::api
