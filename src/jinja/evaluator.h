// Runs a parsed template against a context. One object per rendering, one thread.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "jinja/ast.h"
#include "jinja/env.h"
#include "jinja/value.h"

namespace gantry::jinja {

// The variables of one scope. Macros hold the frame that they were defined in.
struct Frame final : Object {
  Ref<Frame> parent;
  Values slots;
};

struct MacroObject final : Object {
  const Stmt* node = nullptr;
  Ref<Frame> frame;
  bool autoescape = false;
};

struct LoopObject final : Object {
  Value iterable;
  Ref<Iterator> iterator;
  const Stmt* recursive = nullptr;  // what calling it runs
  Ref<Frame> outer;
  int64_t index0 = -1;
  int64_t length = -1;  // -1: not asked for yet
  int64_t depth0 = 0;
  Value after = Value::missing();
  Value current = Value::missing();
  Value before = Value::missing();
  Value last_changed = Value::missing();

  bool advance(Env& env);
  const Value& peek(Env& env);  // missing at the end
  int64_t count(Env& env);
  Value attribute(Env& env, const Value& self, std::string_view name);  // missing when there is none
};

Value macro_attribute(const MacroObject& macro, std::string_view name);  // missing when there is none

// The function of that name that every template has; missing when there is none.
Value global_function(std::string_view name);

// The variable `name` of the context; all that it says is given but for the house's words.
Value from_context(Env& env, const std::string& name, const Json& json, const HouseWords& house);

class Evaluator final : public Caller {
 public:
  Evaluator(const Template& tree, const Json& context, const HouseWords& house, Env& env);
  ~Evaluator() override;
  // Throws TemplateError with the line of the statement or expression.
  Text run();
  Value call(const Value& callee, CallArgs& args) override;

  // The test of a filtered for, asked by its iterator.
  bool for_test(const Stmt& node, Frame& frame, const Value& item);

 private:
  enum class Flow : uint8_t { kNext, kBreak, kContinue };
  class Scope;
  class Keeper;

  Ref<Frame> enter(const FrameInfo& info, Ref<Frame> parent);
  void load(const FrameInfo& info, Frame& frame);
  static Value& at(Frame& frame, Slot slot);
  const Value& resolve(uint32_t name);

  Flow exec_body(const Body& body, const Ref<Frame>& frame, Text& out);
  Flow exec(const Stmt& node, const Ref<Frame>& frame, Text& out);
  Flow exec_if(const Stmt& node, const Ref<Frame>& frame, Text& out);
  Flow exec_scope(const Stmt& node, const Ref<Frame>& frame, Text& out);
  Flow exec_with(const Stmt& node, const Ref<Frame>& frame, Text& out);
  Flow exec_filter_block(const Stmt& node, const Ref<Frame>& frame, Text& out);
  Flow exec_set_block(const Stmt& node, const Ref<Frame>& frame);
  Flow run_for(const Stmt& node, const Ref<Frame>& outer, const Value& iterable, int64_t depth0, Text& out);
  Flow run_iterations(const Stmt& node, const Ref<Frame>& frame, Iterator& source, LoopObject* loop,
                      bool& completed, Text& out);
  void exec_set(const Stmt& node, const Ref<Frame>& frame);
  void exec_call_block(const Stmt& node, const Ref<Frame>& frame, Text& out);
  void print(const Value& value, Text& out);
  void append_text(const Value& value, Text& out);
  void charge_output(const Text& out, size_t bytes);
  void append(Text& out, const Text& text);

  void assign(const Expr& target, const Ref<Frame>& frame, const Value& value);
  void check_namespaces(const Expr& target, Frame& frame);
  void publish(const Expr& target, Frame& frame);
  Value make_macro(const Stmt& node, const Ref<Frame>& frame);
  Value call_macro(const MacroObject& macro, CallArgs& args);
  void bind_parameters(const MacroObject& macro, CallArgs& args, Frame& frame);
  Value text_value(Text text) const;

  Value eval(const Expr& node, Frame& frame);
  Value eval_composite(const Expr& node, Frame& frame);
  Value eval_binary(const Expr& node, Frame& frame);
  Value eval_compare(const Expr& node, Frame& frame);
  Value eval_concat(const Expr& node, Frame& frame);
  Value eval_dict(const Expr& node, Frame& frame);
  Value eval_slice(const Expr& node, Frame& frame);
  Value eval_call(const Expr& node, Frame& frame, const Value* caller);
  Value eval_filter(const Expr& node, Frame& frame);
  bool eval_test(const Expr& node, Frame& frame);
  Values eval_all(const std::vector<ExprPtr>& nodes, Frame& frame);
  void eval_arguments(const Arguments& node, Frame& frame, CallArgs& out);

  const Template& tree_;
  const Json& context_;
  const HouseWords& house_;
  Env& env_;
  uint32_t line_ = 0;
  Values resolved_;                                     // by name id
  std::vector<bool> known_;                             // which of them are there
  std::unordered_map<std::string, uint32_t> name_ids_;  // with blocks
  // Inside a printed expression without names or calls: Jinja computes it when it compiles, and looks slices
  // up as leniently as items there.
  bool folding_ = false;
  const Value* block_input_ = nullptr;  // what a filter without input filters
  std::vector<Ref<Frame>> kept_;        // frames that macros may still hold
};

}  // namespace gantry::jinja
