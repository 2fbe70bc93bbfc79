// Statements.
#include <algorithm>
#include <utility>

#include "jinja/evaluator.h"
#include "jinja/format.h"
#include "jinja/ops.h"

namespace gantry::jinja {
namespace {

// What a filtered for iterates over: the test is asked as the items are.
class FilteredIterator final : public Iterator {
 public:
  FilteredIterator(Evaluator& evaluator, const Stmt& node, Ref<Frame> frame, Value source)
      : evaluator_(evaluator), node_(node), frame_(std::move(frame)), source_(std::move(source)) {}

 protected:
  bool advance(Env& env, Value& out) override {
    if (!items_) items_ = iterate(env, source_);
    for (Value item; items_->next(env, item);) {
      if (!evaluator_.for_test(node_, *frame_, item)) continue;
      out = std::move(item);
      return true;
    }
    return false;
  }

 private:
  Evaluator& evaluator_;
  const Stmt& node_;
  Ref<Frame> frame_;
  Value source_;
  Ref<Iterator> items_;
};

}  // namespace

// Forgets a frame's variables when the scope ends, whichever way it ends.
class Evaluator::Scope {
 public:
  explicit Scope(Ref<Frame> frame) : frame_(std::move(frame)) {}
  ~Scope() { frame_->slots.assign(frame_->slots.size(), Value::missing()); }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  Ref<Frame> frame_;
};

// Python keeps a function's variables for the closures made in it; so does this, until the rendering ends.
class Evaluator::Keeper {
 public:
  Keeper(Evaluator& evaluator, const Ref<Frame>& frame) : evaluator_(evaluator), frame_(frame) {}
  ~Keeper() {
    if (frame_->references() > 1) evaluator_.kept_.push_back(frame_);
  }
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

 private:
  Evaluator& evaluator_;
  const Ref<Frame>& frame_;
};

Evaluator::Evaluator(const Template& tree, const Json& context, const HouseWords& house, Env& env)
    : tree_(tree),
      context_(context),
      house_(house),
      env_(env),
      resolved_(tree.names.size()),
      known_(tree.names.size()) {
  env_.caller = this;
  if (tree.has_blocks) {
    for (uint32_t i = 0; i < tree.names.size(); ++i) name_ids_.emplace(tree.names[i], i);
  }
}

Evaluator::~Evaluator() {
  // Macros hold their frames and frames their macros.
  for (const Ref<Frame>& frame : kept_) Values().swap(frame->slots);
}

Text Evaluator::run() {
  Text out;
  try {
    Ref<Frame> root = enter(tree_.frame, {});
    kept_.push_back(root);
    exec_body(tree_.body, root, out);
  } catch (const TemplateError& error) {
    if (error.line() != 0) throw;
    throw TemplateError(error.kind(), error.message(), line_);
  }
  return out;
}

Ref<Frame> Evaluator::enter(const FrameInfo& info, Ref<Frame> parent) {
  Ref<Frame> frame(new Frame);
  frame->parent = std::move(parent);
  frame->slots.assign(info.size, Value::missing());
  env_.charge(1 + info.size / 4);
  load(info, *frame);
  return frame;
}

void Evaluator::load(const FrameInfo& info, Frame& frame) {
  for (const Load& load : info.loads) {
    Value& slot = frame.slots[load.index];
    if (load.kind == LoadKind::kResolve) {
      slot = resolve(load.name);
    } else if (load.kind == LoadKind::kAlias) {
      slot = at(frame, load.source);
    } else if (load.kind == LoadKind::kUndefined) {
      slot = Value::missing();
    }
  }
}

Value& Evaluator::at(Frame& frame, Slot slot) {
  Frame* where = &frame;
  for (uint32_t i = 0; i < slot.hops; ++i) where = where->parent.get();
  return where->slots[slot.index];
}

const Value& Evaluator::resolve(uint32_t name) {
  if (!known_[name]) {
    auto it = context_.find(tree_.names[name]);
    resolved_[name] = it != context_.end() ? from_context(env_, tree_.names[name], *it, house_)
                                           : global_function(tree_.names[name]);
    known_[name] = true;
  }
  return resolved_[name];
}

void Evaluator::charge_output(const Text& out, size_t bytes) {
  if (bytes > env_.limits().output_bytes - std::min(out.size(), env_.limits().output_bytes)) {
    fail_limit("the output is larger than " + std::to_string(env_.limits().output_bytes) + " bytes");
  }
  env_.charge(bytes / 64);
}

void Evaluator::append(Text& out, const Text& text) {
  charge_output(out, text.size());
  out += text;
}

void Evaluator::print(const Value& value, Text& out) {
  if (env_.autoescape && !value.markup()) {
    append(out, escape_html(env_, value));
  } else if (value.is_string()) {
    append(out, value.text());
  } else {
    append(out, to_str(env_, value));
  }
}

// What Jinja puts between the other texts of the output as it is: it can only join texts.
void Evaluator::append_text(const Value& value, Text& out) {
  if (!value.is_string()) fail_type("sequence item: expected str instance, " + type_name(value) + " found");
  append(out, value.text());
}

Value Evaluator::text_value(Text text) const { return Value::string(std::move(text), env_.autoescape); }

Evaluator::Flow Evaluator::exec_body(const Body& body, const Ref<Frame>& frame, Text& out) {
  StackGuard guard(env_);
  for (const auto& node : body) {
    env_.charge(1);
    Flow flow = exec(*node, frame, out);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::exec(const Stmt& node, const Ref<Frame>& frame, Text& out) {
  line_ = node.line;
  switch (node.kind) {
    case StmtKind::kData:
      charge_output(out, node.text.size());
      out.append_own(node.text);
      return Flow::kNext;
    case StmtKind::kOutput:
      for (const ExprPtr& expr : node.exprs) {
        folding_ = expr->constant;
        Value value = eval(*expr, *frame);
        folding_ = false;
        print(value, out);
      }
      return Flow::kNext;
    case StmtKind::kFor: {
      Value iterable = eval(*node.exprs[0], *frame);
      if (!node.recursive) return run_for(node, frame, iterable, 0, out);
      Text text;
      run_for(node, frame, iterable, 0, text);
      append(out, text);
      return Flow::kNext;
    }
    case StmtKind::kIf:
      return exec_if(node, frame, out);
    case StmtKind::kMacro:
      at(*frame, node.target) = make_macro(node, frame);
      if (node.toplevel) {
        if (auto it = name_ids_.find(node.text); it != name_ids_.end()) {
          resolved_[it->second] = at(*frame, node.target);
          known_[it->second] = true;
        }
      }
      return Flow::kNext;
    case StmtKind::kCallBlock:
      exec_call_block(node, frame, out);
      return Flow::kNext;
    case StmtKind::kFilterBlock:
      return exec_filter_block(node, frame, out);
    case StmtKind::kWith:
      return exec_with(node, frame, out);
    case StmtKind::kSet:
      exec_set(node, frame);
      return Flow::kNext;
    case StmtKind::kSetBlock:
      return exec_set_block(node, frame);
    case StmtKind::kBreak:
      return Flow::kBreak;
    case StmtKind::kContinue:
      return Flow::kContinue;
    case StmtKind::kAutoescape:
    case StmtKind::kBlock:
      return exec_scope(node, frame, out);
    case StmtKind::kLoad:
      eval(*node.exprs[0], *frame);
      fail_type("no loader for this environment specified");
  }
  return Flow::kNext;
}

Evaluator::Flow Evaluator::exec_if(const Stmt& node, const Ref<Frame>& frame, Text& out) {
  for (size_t i = 0; i < node.branches.size(); ++i) {
    if (truth(env_, eval(*node.exprs[i], *frame))) return exec_body(node.branches[i], frame, out);
  }
  return exec_body(node.else_body, frame, out);
}

Evaluator::Flow Evaluator::exec_scope(const Stmt& node, const Ref<Frame>& frame, Text& out) {
  bool inside = node.kind == StmtKind::kAutoescape || node.scoped;
  Ref<Frame> inner = enter(node.frame, inside ? frame : Ref<Frame>());
  Scope scope(inner);
  if (node.kind == StmtKind::kBlock) return exec_body(node.body, inner, out);
  bool before = env_.autoescape;
  env_.autoescape = truth(env_, eval(*node.exprs[0], *inner));
  Flow flow = exec_body(node.body, inner, out);
  env_.autoescape = before;
  return flow;
}

Evaluator::Flow Evaluator::exec_with(const Stmt& node, const Ref<Frame>& frame, Text& out) {
  Ref<Frame> inner = enter(node.frame, frame);
  Scope scope(inner);
  for (size_t i = 0; i < node.targets.size(); ++i)
    assign(*node.targets[i], inner, eval(*node.exprs[i], *frame));
  return exec_body(node.body, inner, out);
}

Evaluator::Flow Evaluator::exec_filter_block(const Stmt& node, const Ref<Frame>& frame, Text& out) {
  Ref<Frame> inner = enter(node.frame, frame);
  Scope scope(inner);
  Text text;
  Flow flow = exec_body(node.body, inner, text);
  if (flow != Flow::kNext) return flow;
  Value input = text_value(std::move(text));
  const Value* before = std::exchange(block_input_, &input);
  Value filtered = eval(*node.exprs[0], *inner);
  block_input_ = before;
  append_text(filtered, out);
  return Flow::kNext;
}

Evaluator::Flow Evaluator::exec_set_block(const Stmt& node, const Ref<Frame>& frame) {
  check_namespaces(*node.targets[0], *frame);
  Ref<Frame> inner = enter(node.frame, frame);
  Scope scope(inner);
  Text text;
  Flow flow = exec_body(node.body, inner, text);
  if (flow != Flow::kNext) return flow;
  Value value = text_value(std::move(text));
  if (!node.exprs.empty()) {
    Value input = value;
    const Value* before = std::exchange(block_input_, &input);
    value = eval(*node.exprs[0], *inner);
    block_input_ = before;
    if (env_.autoescape && !value.markup()) value = Value::string(to_str(env_, value), true);
  }
  assign(*node.targets[0], frame, value);
  if (node.toplevel) publish(*node.targets[0], *frame);
  return Flow::kNext;
}

void Evaluator::exec_set(const Stmt& node, const Ref<Frame>& frame) {
  check_namespaces(*node.targets[0], *frame);
  assign(*node.targets[0], frame, eval(*node.exprs[0], *frame));
  if (node.toplevel) publish(*node.targets[0], *frame);
}

void Evaluator::check_namespaces(const Expr& target, Frame& frame) {
  if (target.kind == ExprKind::kTuple) {
    for (const ExprPtr& item : target.items) check_namespaces(*item, frame);
  } else if (target.kind == ExprKind::kNamespaceRef && !at(frame, target.slot).is(Kind::kNamespace)) {
    fail_type("cannot assign attribute on non-namespace object");
  }
}

// Blocks look names up in the context: what the top level sets goes there, too.
void Evaluator::publish(const Expr& target, Frame& frame) {
  if (name_ids_.empty()) return;
  if (target.kind == ExprKind::kTuple) {
    for (const ExprPtr& item : target.items) publish(*item, frame);
  } else if (auto it = name_ids_.find(target.name); target.kind == ExprKind::kName && it != name_ids_.end()) {
    resolved_[it->second] = at(frame, target.slot);
    known_[it->second] = true;
  }
}

void Evaluator::assign(const Expr& target, const Ref<Frame>& frame, const Value& value) {
  if (target.kind == ExprKind::kName) {
    at(*frame, target.slot) = value;
    return;
  }
  if (target.kind == ExprKind::kNamespaceRef) {
    at(*frame, target.slot).as<NamespaceObject>().attributes.set(env_, target.value, value);
    return;
  }
  if (!try_iterate(env_, value)) fail_type("cannot unpack non-iterable " + type_name(value) + " object");
  Values items;
  Ref<Iterator> source = iterate(env_, value);
  for (Value item; items.size() <= target.items.size() && source->next(env_, item);) {
    items.push_back(std::move(item));
  }
  if (items.size() != target.items.size()) {
    std::string expected = std::to_string(target.items.size());
    fail_type(items.size() > target.items.size() ? "too many values to unpack (expected " + expected + ")"
                                                 : "not enough values to unpack (expected " + expected +
                                                       ", got " + std::to_string(items.size()) + ")");
  }
  for (size_t i = 0; i < items.size(); ++i) assign(*target.items[i], frame, items[i]);
}

bool Evaluator::for_test(const Stmt& node, Frame& frame, const Value& item) {
  assign(*node.test_target, Ref<Frame>(&frame), item);
  return truth(env_, eval(*node.test, frame));
}

Evaluator::Flow Evaluator::run_for(const Stmt& node, const Ref<Frame>& outer, const Value& iterable,
                                   int64_t depth0, Text& out) {
  Ref<Frame> frame(new Frame);
  frame->parent = outer;
  frame->slots.assign(node.frame.size, Value::missing());
  bool completed = false;
  Flow flow = Flow::kNext;
  {
    Scope scope(frame);
    Value source = iterable;
    if (node.test) {
      source = make_iterator(new FilteredIterator(*this, node, enter(node.test_frame, outer), iterable));
    }
    Ref<Iterator> items = iterate(env_, source);
    Ref<LoopObject> loop;
    if (node.loop_slot >= 0) {
      loop = Ref<LoopObject>(new LoopObject);
      loop->iterable = source;
      loop->iterator = items;
      loop->recursive = node.recursive ? &node : nullptr;
      loop->outer = outer;
      loop->depth0 = depth0;
      frame->slots[static_cast<size_t>(node.loop_slot)] = Value::object(Kind::kLoop, loop.get());
    }
    flow = run_iterations(node, frame, *items, loop.get(), completed, out);
  }
  if (flow != Flow::kNext || completed || node.else_body.empty()) return flow;
  Ref<Frame> otherwise = enter(node.else_frame, outer);
  Scope scope(otherwise);
  return exec_body(node.else_body, otherwise, out);
}

// `completed`: an iteration came to its end. One that was cut short by continue or break does not count, in
// Jinja as here, when it is decided whether the else part runs.
Evaluator::Flow Evaluator::run_iterations(const Stmt& node, const Ref<Frame>& frame, Iterator& source,
                                          LoopObject* loop, bool& completed, Text& out) {
  Value item;
  while (loop != nullptr ? loop->advance(env_) : source.next(env_, item)) {
    env_.charge(1);
    if (loop != nullptr) item = loop->current;
    assign(*node.targets[0], frame, item);
    load(node.frame, *frame);
    Flow flow = exec_body(node.body, frame, out);
    if (flow == Flow::kBreak) break;
    if (flow == Flow::kNext) completed = true;
  }
  return Flow::kNext;
}

void Evaluator::exec_call_block(const Stmt& node, const Ref<Frame>& frame, Text& out) {
  Value caller = make_macro(node, frame);
  if (node.call) {
    append_text(eval_call(*node.call, *frame, &caller), out);
    return;
  }
  CallArgs none;
  print(call_macro(caller.as<MacroObject>(), none), out);
}

Value Evaluator::make_macro(const Stmt& node, const Ref<Frame>& frame) {
  env_.charge(16);
  auto* macro = new MacroObject;
  Value value = Value::object(Kind::kMacro, macro);
  macro->node = &node;
  macro->frame = frame;
  macro->autoescape = env_.autoescape;
  return value;
}

void Evaluator::bind_parameters(const MacroObject& macro, CallArgs& args, Frame& frame) {
  const Stmt& node = *macro.node;
  std::string name = node.kind == StmtKind::kMacro ? "'" + node.text + "'" : "None";
  auto take = [&](const std::string& key) {
    for (size_t i = 0; i < args.named.size(); ++i) {
      if (args.named[i].first != key) continue;
      Value value = std::move(args.named[i].second);
      args.named.erase(args.named.begin() + static_cast<ptrdiff_t>(i));
      return value;
    }
    return Value::missing();
  };
  size_t count = node.targets.size();
  for (size_t i = 0; i < count; ++i) {
    Value& slot = frame.slots[node.targets[i]->slot.index];
    slot = i < args.positional.size() ? args.positional[i] : take(node.targets[i]->name);
  }
  if (node.caller_slot >= 0) {
    Value caller = take("caller");
    if (caller.is_missing() || caller.is_none()) caller = make_undefined("No caller defined");
    frame.slots[static_cast<size_t>(node.caller_slot)] = caller;
  }
  if (node.kwargs_slot >= 0) {
    Value kwargs = make_dict();
    for (auto& [key, value] : args.named) kwargs.as<DictObject>().set(env_, args.name(key), value);
    frame.slots[static_cast<size_t>(node.kwargs_slot)] = kwargs;
  } else if (!args.named.empty()) {
    fail_type("macro " + name + " takes no keyword argument '" + args.named[0].first + "'");
  }
  if (node.varargs_slot >= 0) {
    Values rest;
    for (size_t i = count; i < args.positional.size(); ++i) rest.push_back(args.positional[i]);
    frame.slots[static_cast<size_t>(node.varargs_slot)] = make_tuple(std::move(rest));
  } else if (args.positional.size() > count) {
    fail_type("macro " + name + " takes not more than " + std::to_string(count) + " argument(s)");
  }
}

Value Evaluator::call_macro(const MacroObject& macro, CallArgs& args) {
  DepthGuard guard(env_);
  env_.charge(4);
  const Stmt& node = *macro.node;
  uint32_t line = line_;
  Ref<Frame> frame = enter(node.frame, macro.frame);
  Keeper keeper(*this, frame);
  bind_parameters(macro, args, *frame);
  size_t first_default = node.targets.size() - node.exprs.size();
  for (size_t i = 0; i < node.targets.size(); ++i) {
    Value& slot = frame->slots[node.targets[i]->slot.index];
    if (!slot.is_missing()) continue;
    Value value = i >= first_default
                      ? eval(*node.exprs[i - first_default], *frame)
                      : make_undefined("parameter '" + node.targets[i]->name + "' was not provided");
    frame->slots[node.targets[i]->slot.index] = std::move(value);
  }
  bool outside = std::exchange(env_.autoescape, macro.autoescape);
  Text out;
  exec_body(node.body, frame, out);
  env_.autoescape = outside;
  line_ = line;
  return text_value(std::move(out));
}

}  // namespace gantry::jinja
