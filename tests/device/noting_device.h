// A device that notes what its streams are asked, in front of any backend.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "device/registry.h"

namespace gantry::device {

// Of all streams together. An operation's type as Sizer::can() takes it; what is recorded counts once.
struct Noted {
  uint64_t writes = 0, operations = 0, recordings = 0, replays = 0;
  std::set<std::pair<Operation, quant::Dtype>> asked;
};

// Any thread.
class Notes {
 public:
  Noted take() {  // and begins anew
    const std::lock_guard lock(mutex_);
    return std::exchange(noted_, {});
  }
  template <typename Body>
  void add(const Body& body) {
    const std::lock_guard lock(mutex_);
    body(noted_);
  }

 private:
  std::mutex mutex_;
  Noted noted_;
};

// Named as `inner` is.
std::unique_ptr<Backend> make_noting_backend(std::unique_ptr<Backend> inner, std::shared_ptr<Notes> notes);

}  // namespace gantry::device
