// Whether the server's model is there yet, and how far its loading is: what /health tells meanwhile, and why
// every other request is refused. Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace gantry::api {

class Loading {
 public:
  struct At {
    std::string stage;    // "weights"; empty: it has not begun
    double fraction = 0;  // of the stage
  };

  void begin() { set(At{}); }
  void tell(std::string_view stage, double fraction) { set(At{std::string(stage), fraction}); }
  void end() { set(std::nullopt); }
  // Nothing: the server answers.
  std::optional<At> at() const {
    const std::lock_guard lock(mutex_);
    return at_;
  }

 private:
  void set(std::optional<At> at) {
    const std::lock_guard lock(mutex_);
    at_.swap(at);
  }

  mutable std::mutex mutex_;
  std::optional<At> at_;
};

}  // namespace gantry::api
