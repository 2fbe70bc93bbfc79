// What one rendering has and may still use: limits, clock, modes. One thread; every operation that can take
// long or grow takes an Env and charges it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/interrupt.h"
#include "jinja/chat_template.h"
#include "jinja/value.h"

namespace gantry::jinja {

[[noreturn]] void fail_type(std::string message);   // what Jinja or Python would refuse
[[noreturn]] void fail_limit(std::string message);  // what goes over a limit of ours

// Calls back into the evaluator, for values that are code: macros, loops, filters by name.
class Caller {
 public:
  virtual ~Caller() = default;
  virtual Value call(const Value& callee, CallArgs& args) = 0;
};

class Env {
 public:
  Env(const RenderLimits& limits, bool mutable_containers, std::optional<int64_t> now);
  // Containers that a template changed may hold themselves: they are emptied here.
  ~Env();
  Env(const Env&) = delete;
  Env& operator=(const Env&) = delete;

  void charge(uint64_t steps) {
    if (steps > steps_left_) over_steps();
    check_interrupt();
    steps_left_ -= steps;
  }
  // A text of `bytes` is about to be made: no text may be larger than the output.
  void charge_text(uint64_t bytes);
  // Every character of `bytes` of text is about to be looked at.
  void charge_walk(uint64_t bytes);
  // `count` values are about to be made.
  void charge_values(uint64_t count) { charge(count); }

  const RenderLimits& limits() const { return limits_; }
  bool mutable_containers() const { return mutable_containers_; }
  std::optional<int64_t> now() const { return now_; }
  // Remembers a container that was changed after it was made.
  void changed(const Value& container) { changed_.push_back(container); }

  bool autoescape = false;
  Caller* caller = nullptr;

 private:
  friend class DepthGuard;
  friend class StackGuard;
  [[noreturn]] void over_steps() const;
  [[noreturn]] void over_depth() const;
  RenderLimits limits_;
  MemoryLimit memory_;
  bool mutable_containers_;
  std::optional<int64_t> now_;
  uint64_t steps_left_;
  uint32_t depth_ = 0;
  uint32_t stack_ = 0;
  Values changed_;
};

// One level of the evaluator's own recursion. Several make one level of a template's (a call inside a loop
// inside an if), so their limit is a multiple.
class StackGuard {
 public:
  explicit StackGuard(Env& env) : env_(env) {
    if (++env_.stack_ > env_.limits_.depth * kPerDepth) {
      --env_.stack_;
      env_.over_depth();
    }
  }
  ~StackGuard() { --env_.stack_; }
  StackGuard(const StackGuard&) = delete;
  StackGuard& operator=(const StackGuard&) = delete;

 private:
  static constexpr uint32_t kPerDepth = 8;
  Env& env_;
};

// One level of a template's depth: a call of a macro, a value inside a value.
class DepthGuard {
 public:
  explicit DepthGuard(Env& env) : env_(env), stack_(env) {
    if (++env_.depth_ > env_.limits_.depth) {
      --env_.depth_;
      env_.over_depth();
    }
  }
  ~DepthGuard() { --env_.depth_; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;

 private:
  Env& env_;
  StackGuard stack_;
};

}  // namespace gantry::jinja
