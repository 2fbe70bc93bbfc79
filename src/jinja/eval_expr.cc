// Expressions and calls.
#include <cmath>

#include "jinja/evaluator.h"
#include "jinja/filters.h"
#include "jinja/format.h"
#include "jinja/ops.h"

namespace gantry::jinja {

Value Evaluator::eval(const Expr& node, Frame& frame) {
  env_.charge(1);
  if (node.kind == ExprKind::kConst) return node.value;
  line_ = node.line;
  if (node.kind == ExprKind::kName) {
    const Value& value = at(frame, node.slot);
    return value.is_missing() ? make_undefined("'" + node.name + "' is undefined") : value;
  }
  StackGuard guard(env_);
  return eval_composite(node, frame);
}

Value Evaluator::eval_composite(const Expr& node, Frame& frame) {
  switch (node.kind) {
    case ExprKind::kTuple:
      return make_tuple(eval_all(node.items, frame));
    case ExprKind::kList:
      return make_list(eval_all(node.items, frame));
    case ExprKind::kDict:
      return eval_dict(node, frame);
    case ExprKind::kNot:
      return Value::boolean(!truth(env_, eval(*node.items[0], frame)));
    case ExprKind::kNegate:
      return negate(env_, eval(*node.items[0], frame));
    case ExprKind::kPositive:
      return positive(env_, eval(*node.items[0], frame));
    case ExprKind::kAnd:
    case ExprKind::kOr: {
      Value left = eval(*node.items[0], frame);
      if (truth(env_, left) == (node.kind == ExprKind::kOr)) return left;
      return eval(*node.items[1], frame);
    }
    case ExprKind::kBinary:
      return eval_binary(node, frame);
    case ExprKind::kCompare:
      return eval_compare(node, frame);
    case ExprKind::kConcat:
      return eval_concat(node, frame);
    case ExprKind::kCond:
      if (truth(env_, eval(*node.items[0], frame))) return eval(*node.items[1], frame);
      if (node.items.size() > 2) return eval(*node.items[2], frame);
      return make_undefined("the inline if-expression on line " + std::to_string(node.line) +
                            " evaluated to false and no else section was defined.");
    case ExprKind::kGetattr:
      return get_attribute(env_, eval(*node.items[0], frame), node.value);
    case ExprKind::kGetitem: {
      Value object = eval(*node.items[0], frame);
      return get_item(env_, object, eval(*node.items[1], frame));
    }
    case ExprKind::kSlice:
      return eval_slice(node, frame);
    case ExprKind::kCall:
      return eval_call(node, frame, nullptr);
    case ExprKind::kFilter:
      return eval_filter(node, frame);
    case ExprKind::kTest:
      return Value::boolean(eval_test(node, frame));
    case ExprKind::kConst:
    case ExprKind::kName:
    case ExprKind::kNamespaceRef:
      break;
  }
  return node.value;
}

Values Evaluator::eval_all(const std::vector<ExprPtr>& nodes, Frame& frame) {
  Values out;
  out.reserve(nodes.size());
  for (const ExprPtr& node : nodes) out.push_back(eval(*node, frame));
  return out;
}

Value Evaluator::eval_dict(const Expr& node, Frame& frame) {
  Value dict = make_dict();
  for (size_t i = 0; i + 1 < node.items.size(); i += 2) {
    Value key = eval(*node.items[i], frame);
    dict.as<DictObject>().set(env_, key, eval(*node.items[i + 1], frame));
  }
  return dict;
}

Value Evaluator::eval_binary(const Expr& node, Frame& frame) {
  Value a = eval(*node.items[0], frame), b = eval(*node.items[1], frame);
  if (node.op == Op::kAdd) return add(env_, a, b);
  if (node.op == Op::kSubtract) return subtract(env_, a, b);
  if (node.op == Op::kMultiply) return multiply(env_, a, b);
  if (node.op == Op::kDivide) return divide(env_, a, b);
  if (node.op == Op::kFloorDivide) return floor_divide(env_, a, b);
  if (node.op == Op::kModulo) return modulo(env_, a, b);
  // Jinja writes a constant base into Python's source without parentheses: -2 ** n is -(2 ** n) there.
  const bool bare = node.items[0]->constant && !node.items[1]->constant;
  if (bare && (a.is(Kind::kInt) ? a.as_int() < 0 : a.is(Kind::kFloat) && std::signbit(a.as_real())))
    return negate(env_, power(env_, negate(env_, a), b));
  return power(env_, a, b);
}

Value Evaluator::eval_compare(const Expr& node, Frame& frame) {
  static constexpr const char* kSymbols[] = {"<", "<=", ">", ">="};
  Value left = eval(*node.items[0], frame);
  for (size_t i = 0; i < node.ops.size(); ++i) {
    Value right = eval(*node.items[i + 1], frame);
    Op op = node.ops[i];
    bool holds = false;
    if (op == Op::kEqual || op == Op::kNotEqual) {
      holds = equal(env_, left, right) == (op == Op::kEqual);
    } else if (op == Op::kIn || op == Op::kNotIn) {
      holds = contains(env_, right, left) == (op == Op::kIn);
    } else {
      holds = ordered(env_, left, right, kSymbols[static_cast<size_t>(op) - static_cast<size_t>(Op::kLess)]);
    }
    if (!holds) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Evaluator::eval_concat(const Expr& node, Frame& frame) {
  Values parts = eval_all(node.items, frame);
  bool markup = false;
  for (const Value& part : parts) markup = markup || (env_.autoescape && part.markup());
  Text out;
  for (const Value& part : parts) {
    append(out, markup ? escape_html(env_, part) : to_str(env_, part));
  }
  return Value::string(std::move(out), markup);
}

Value Evaluator::eval_slice(const Expr& node, Frame& frame) {
  Value object = eval(*node.items[0], frame);
  Values parts;
  for (size_t i = 1; i < 4; ++i) parts.push_back(node.items[i] ? eval(*node.items[i], frame) : Value());
  bool sliceable =
      object.is_string() || object.is_sequence() || object.is(Kind::kRange) || object.is(Kind::kBytes);
  if (folding_ && !sliceable && !object.is_undefined()) {
    return make_undefined("'" + describe(object) + "' has no such slice");
  }
  return get_slice(env_, object, parts[0], parts[1], parts[2]);
}

void Evaluator::eval_arguments(const Arguments& node, Frame& frame, CallArgs& out) {
  out.positional = eval_all(node.positional, frame);
  for (const auto& [name, expr] : node.named) out.named.emplace_back(name, eval(*expr, frame));
  if (node.more_positional) {
    Values more = collect(env_, eval(*node.more_positional, frame));
    out.positional.insert(out.positional.end(), more.begin(), more.end());
  }
  if (!node.more_named) return;
  Value more = eval(*node.more_named, frame);
  if (!more.is(Kind::kDict)) fail_type("argument after ** must be a mapping, not " + type_name(more));
  for (const auto& [key, value] : more.as<DictObject>().entries) {
    env_.charge(1 + out.named.size() / 8);
    if (!key.is_string()) fail_type("keywords must be strings");
    for (const auto& [known, other] : out.named) {
      if (known == key.str()) fail_type("got multiple values for keyword argument '" + known + "'");
    }
    out.named.emplace_back(key.str(), value);
    out.given_names = out.given_names || key.text().given();
  }
}

Value Evaluator::eval_call(const Expr& node, Frame& frame, const Value* caller) {
  Value callee = eval(*node.items[0], frame);
  CallArgs args;
  eval_arguments(*node.arguments, frame, args);
  if (caller != nullptr) {
    for (const auto& [name, value] : args.named) {
      if (name == "caller") fail_type("keyword argument repeated: caller");
    }
    args.named.emplace_back("caller", *caller);
  }
  line_ = node.line;
  return call(callee, args);
}

Value Evaluator::call(const Value& callee, CallArgs& args) {
  StackGuard guard(env_);
  env_.charge(1);
  if (callee.is(Kind::kMethod)) {
    const auto& method = callee.as<MethodObject>();
    return method.method(env_, method.self, args);
  }
  if (callee.is(Kind::kFunction)) return callee.as<FunctionObject>().function(env_, args);
  if (callee.is(Kind::kMacro)) return call_macro(callee.as<MacroObject>(), args);
  if (callee.is(Kind::kLoop)) {
    auto& loop = callee.as<LoopObject>();
    if (loop.recursive == nullptr) {
      fail_type("The loop must have the 'recursive' marker to be called recursively.");
    }
    if (args.positional.size() != 1 || !args.named.empty()) fail_type("loop() takes one argument");
    DepthGuard depth(env_);
    Text out;
    run_for(*loop.recursive, loop.outer, args.positional[0], loop.depth0 + 1, out);
    return text_value(std::move(out));
  }
  if (callee.is(Kind::kJoiner)) {
    auto& joiner = callee.as<JoinerObject>();
    if (!args.positional.empty() || !args.named.empty()) fail_type("a joiner takes no arguments");
    if (joiner.used) return joiner.separator;
    joiner.used = true;
    return Value::string("");
  }
  if (callee.is_undefined()) fail_type(callee.as<UndefinedObject>().message);
  fail_type("'" + type_name(callee) + "' object is not callable");
}

Value Evaluator::eval_filter(const Expr& node, Frame& frame) {
  Value input = node.items.empty() ? *block_input_ : eval(*node.items[0], frame);
  if (node.filter == nullptr) fail_type("No filter named '" + node.name + "' found.");
  CallArgs args;
  eval_arguments(*node.arguments, frame, args);
  line_ = node.line;
  return node.filter->function(env_, input, args);
}

bool Evaluator::eval_test(const Expr& node, Frame& frame) {
  Value input = eval(*node.items[0], frame);
  if (node.test == nullptr) fail_type("No test named '" + node.name + "' found.");
  CallArgs args;
  eval_arguments(*node.arguments, frame, args);
  line_ = node.line;
  return node.test->function(env_, input, args);
}

}  // namespace gantry::jinja
