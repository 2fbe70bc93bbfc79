#include <algorithm>
#include <set>

#include "jinja/env.h"
#include "jinja/parser.h"

namespace gantry::jinja {
namespace {

[[noreturn]] void too_deep() {
  fail_limit("the template nests deeper than " + std::to_string(kParseDepthMax) + " levels");
}

// Jinja runs filters over constants when it compiles, unless they ask for the context.
bool constant_arguments(const Expr& node) {
  if (node.kind == ExprKind::kCall) return false;
  static constexpr std::string_view kContext[] = {"map",        "select",     "reject",
                                                  "selectattr", "rejectattr", "random"};
  if (node.kind == ExprKind::kFilter &&
      std::find(std::begin(kContext), std::end(kContext), node.name) != std::end(kContext)) {
    return false;
  }
  if (!node.arguments) return true;
  if (node.arguments->more_positional || node.arguments->more_named) return false;
  return std::all_of(node.arguments->positional.begin(), node.arguments->positional.end(),
                     [](const ExprPtr& item) { return item->constant; }) &&
         std::all_of(node.arguments->named.begin(), node.arguments->named.end(),
                     [](const auto& item) { return item.second->constant; });
}

}  // namespace

Parser::Nesting::Nesting(Parser& parser) : parser_(parser) {
  if (++parser.depth_ > kParseDepthMax) {
    --parser.depth_;
    too_deep();
  }
}

ExprPtr Parser::make(ExprKind kind, uint32_t line) {
  auto node = std::make_unique<Expr>();
  node->kind = kind;
  node->line = line;
  node->constant = kind == ExprKind::kConst;
  return node;
}

ExprPtr Parser::finish(ExprPtr node, uint32_t arguments_depth) {
  uint32_t deepest = arguments_depth;
  for (const ExprPtr& item : node->items) {
    if (item) deepest = std::max(deepest, item->depth);
  }
  node->depth = deepest + 1;
  node->constant =
      constant_arguments(*node) && std::all_of(node->items.begin(), node->items.end(),
                                               [](const ExprPtr& item) { return !item || item->constant; });
  if (node->depth > kParseDepthMax) too_deep();
  return node;
}

ExprPtr Parser::join(ExprKind kind, uint32_t line, ExprPtr left, ExprPtr right, Op op) {
  ExprPtr node = make(kind, line);
  node->op = op;
  node->items.push_back(std::move(left));
  node->items.push_back(std::move(right));
  return finish(std::move(node));
}

ExprPtr Parser::parse_expression(bool with_condition) {
  Nesting nesting(*this);
  return with_condition ? parse_condition() : parse_or();
}

ExprPtr Parser::parse_condition() {
  Nesting nesting(*this);
  uint32_t line = current().line;
  ExprPtr then = parse_or();
  while (skip_name("if")) {
    ExprPtr node = make(ExprKind::kCond, line);
    node->items.push_back(parse_or());
    node->items.push_back(std::move(then));
    if (skip_name("else")) node->items.push_back(parse_condition());
    then = finish(std::move(node));
    line = current().line;
  }
  return then;
}

ExprPtr Parser::parse_or() {
  uint32_t line = current().line;
  ExprPtr left = parse_and();
  while (skip_name("or")) left = join(ExprKind::kOr, line, std::move(left), parse_and());
  return left;
}

ExprPtr Parser::parse_and() {
  uint32_t line = current().line;
  ExprPtr left = parse_not();
  while (skip_name("and")) left = join(ExprKind::kAnd, line, std::move(left), parse_not());
  return left;
}

ExprPtr Parser::parse_not() {
  if (!is_name("not")) return parse_compare();
  Nesting nesting(*this);
  ExprPtr node = make(ExprKind::kNot, next().line);
  node->items.push_back(parse_not());
  return finish(std::move(node));
}

ExprPtr Parser::parse_compare() {
  static constexpr std::pair<std::string_view, Op> kOps[] = {
      {"==", Op::kEqual},     {"!=", Op::kNotEqual}, {"<", Op::kLess},
      {"<=", Op::kLessEqual}, {">", Op::kGreater},   {">=", Op::kGreaterEqual},
  };
  uint32_t line = current().line;
  ExprPtr first = parse_sum();
  ExprPtr node;
  while (true) {
    Op op = Op::kIn;
    auto row = std::find_if(std::begin(kOps), std::end(kOps), [&](const auto& r) { return is_op(r.first); });
    if (row != std::end(kOps)) {
      op = row->second;
      next();
    } else if (is_name("not") && look().kind == TokenKind::kName && look().text == "in") {
      op = Op::kNotIn;
      next();
      next();
    } else if (!skip_name("in")) {
      break;
    }
    if (!node) {
      node = make(ExprKind::kCompare, line);
      node->items.push_back(std::move(first));
    }
    node->ops.push_back(op);
    node->items.push_back(parse_sum());
  }
  return node ? finish(std::move(node)) : std::move(first);
}

ExprPtr Parser::parse_sum() {
  uint32_t line = current().line;
  ExprPtr left = parse_concat();
  while (is_op("+") || is_op("-")) {
    Op op = next().text == "+" ? Op::kAdd : Op::kSubtract;
    left = join(ExprKind::kBinary, line, std::move(left), parse_concat(), op);
  }
  return left;
}

ExprPtr Parser::parse_concat() {
  uint32_t line = current().line;
  ExprPtr first = parse_product();
  if (!is_op("~")) return first;
  ExprPtr node = make(ExprKind::kConcat, line);
  node->items.push_back(std::move(first));
  while (skip_op("~")) node->items.push_back(parse_product());
  return finish(std::move(node));
}

ExprPtr Parser::parse_product() {
  uint32_t line = current().line;
  ExprPtr left = parse_power();
  while (is_op("*") || is_op("/") || is_op("//") || is_op("%")) {
    std::string text = next().text;
    Op op = text == "*"   ? Op::kMultiply
            : text == "/" ? Op::kDivide
            : text == "%" ? Op::kModulo
                          : Op::kFloorDivide;
    left = join(ExprKind::kBinary, line, std::move(left), parse_power(), op);
  }
  return left;
}

ExprPtr Parser::parse_power() {
  uint32_t line = current().line;
  ExprPtr left = parse_unary();
  while (skip_op("**")) left = join(ExprKind::kBinary, line, std::move(left), parse_unary(), Op::kPower);
  return left;
}

ExprPtr Parser::parse_unary(bool with_filter) {
  ExprPtr node;
  if (is_op("-") || is_op("+")) {
    Nesting nesting(*this);
    Token sign = next();
    node = make(sign.text == "-" ? ExprKind::kNegate : ExprKind::kPositive, sign.line);
    node->items.push_back(parse_unary(false));
    node = finish(std::move(node));
  } else {
    node = parse_primary();
  }
  node = parse_postfix(std::move(node));
  return with_filter ? parse_filters_and_tests(std::move(node)) : std::move(node);
}

ExprPtr Parser::parse_name(bool with_namespace) {
  Token token = next();
  ExprPtr node = make(ExprKind::kConst, token.line);
  const std::string& name = token.text;
  if (name == "true" || name == "True" || name == "false" || name == "False") {
    node->value = Value::boolean(name == "true" || name == "True");
  } else if (name == "none" || name == "None") {
    node->value = Value();
  } else if (with_namespace && is_op(".")) {
    next();
    node->kind = ExprKind::kNamespaceRef;
    node->constant = false;
    node->name = name;
    node->value = Value::string(expect(TokenKind::kName, "name").text);
  } else {
    node->kind = ExprKind::kName;
    node->constant = false;
    node->name = name;
  }
  return node;
}

ExprPtr Parser::parse_primary(bool with_namespace) {
  if (is(TokenKind::kName)) return parse_name(with_namespace);
  if (is(TokenKind::kString)) {
    ExprPtr node = make(ExprKind::kConst, current().line);
    std::string text;
    while (is(TokenKind::kString)) text += next().text;
    node->value = Value::string(std::move(text));
    return node;
  }
  if (is(TokenKind::kInteger) || is(TokenKind::kFloat)) {
    ExprPtr node = make(ExprKind::kConst, current().line);
    node->value = next().number;
    return node;
  }
  if (skip_op("(")) {
    TupleRules rules;
    rules.parentheses = true;
    ExprPtr node = parse_tuple(rules);
    expect_op(")");
    return node;
  }
  if (is_op("[")) return parse_list();
  if (is_op("{")) return parse_dict();
  fail_syntax("unexpected '" + describe_token(current()) + "'", current().line);
}

// No word ends a tuple: behind the comma of `for x, in y`, `in` is one more name, in Jinja as here.
bool Parser::tuple_ends() const {
  return is(TokenKind::kVariableEnd) || is(TokenKind::kBlockEnd) || is_op(")");
}

ExprPtr Parser::parse_tuple(const TupleRules& rules) {
  ExprPtr tuple = make(ExprKind::kTuple, current().line);
  bool is_tuple = false;
  while (true) {
    if (!tuple->items.empty()) expect_op(",");
    if (tuple_ends()) break;
    tuple->items.push_back(rules.simplified ? parse_primary(rules.with_namespace)
                                            : parse_expression(rules.with_condition));
    if (!is_op(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (!tuple->items.empty()) return std::move(tuple->items[0]);
    if (!rules.parentheses) {
      fail_syntax("Expected an expression, got '" + describe_token(current()) + "'", current().line);
    }
  }
  return finish(std::move(tuple));
}

ExprPtr Parser::parse_list() {
  ExprPtr node = make(ExprKind::kList, current().line);
  expect_op("[");
  while (!is_op("]")) {
    if (!node->items.empty()) expect_op(",");
    if (is_op("]")) break;
    node->items.push_back(parse_expression());
  }
  expect_op("]");
  return finish(std::move(node));
}

ExprPtr Parser::parse_dict() {
  ExprPtr node = make(ExprKind::kDict, current().line);
  expect_op("{");
  while (!is_op("}")) {
    if (!node->items.empty()) expect_op(",");
    if (is_op("}")) break;
    node->items.push_back(parse_expression());
    expect_op(":");
    node->items.push_back(parse_expression());
  }
  expect_op("}");
  return finish(std::move(node));
}

ExprPtr Parser::parse_postfix(ExprPtr node) {
  while (true) {
    if (is_op(".") || is_op("[")) {
      node = parse_subscript(std::move(node));
    } else if (is_op("(")) {
      node = parse_call(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr Parser::parse_filters_and_tests(ExprPtr node) {
  while (true) {
    if (is_op("|")) {
      node = parse_filter(std::move(node), false);
    } else if (is_name("is")) {
      node = parse_test(std::move(node));
    } else if (is_op("(")) {
      node = parse_call(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr Parser::parse_subscript(ExprPtr object) {
  Token token = next();
  if (token.text == ".") {
    Token attribute = next();
    if (attribute.kind == TokenKind::kName) {
      ExprPtr node = make(ExprKind::kGetattr, token.line);
      node->value = Value::string(attribute.text);
      node->items.push_back(std::move(object));
      return finish(std::move(node));
    }
    if (attribute.kind != TokenKind::kInteger) fail_syntax("expected name or number", attribute.line);
    ExprPtr key = make(ExprKind::kConst, attribute.line);
    key->value = attribute.number;
    return join(ExprKind::kGetitem, token.line, std::move(object), std::move(key));
  }
  std::vector<ExprPtr> keys;
  bool slice = false;
  while (!is_op("]")) {
    if (!keys.empty()) expect_op(",");
    keys.push_back(parse_subscribed(nullptr, slice));
  }
  expect_op("]");
  if (slice && keys.size() > 1) fail_syntax("a slice cannot be part of a tuple", token.line);
  if (slice) {
    ExprPtr node = std::move(keys[0]);
    node->items[0] = std::move(object);
    return finish(std::move(node));
  }
  ExprPtr key;
  if (keys.size() == 1) {
    key = std::move(keys[0]);
  } else {
    key = make(ExprKind::kTuple, token.line);
    key->items = std::move(keys);
    key = finish(std::move(key));
  }
  return join(ExprKind::kGetitem, token.line, std::move(object), std::move(key));
}

// One key, or a slice whose object is yet to be put in place.
ExprPtr Parser::parse_subscribed(ExprPtr object, bool& slice) {
  uint32_t line = current().line;
  ExprPtr first;
  if (!is_op(":")) {
    first = parse_expression();
    if (!is_op(":")) return first;
  }
  next();
  slice = true;
  ExprPtr node = make(ExprKind::kSlice, line);
  node->items.push_back(std::move(object));
  node->items.push_back(std::move(first));
  auto part = [&]() -> ExprPtr { return is_op("]") || is_op(",") ? nullptr : parse_expression(); };
  node->items.push_back(is_op(":") ? nullptr : part());
  node->items.push_back(skip_op(":") ? part() : nullptr);
  return node;
}

std::unique_ptr<Arguments> Parser::parse_arguments(uint32_t& depth) {
  auto out = std::make_unique<Arguments>();
  uint32_t line = current().line;
  expect_op("(");
  auto ensure = [&](bool good) {
    if (!good) fail_syntax("invalid syntax for function call expression", line);
  };
  auto parse = [&] {
    ExprPtr node = parse_expression();
    depth = std::max(depth, node->depth);
    return node;
  };
  std::set<std::string> names;
  bool comma = false;
  while (!is_op(")")) {
    if (comma) {
      expect_op(",");
      if (is_op(")")) break;
    }
    comma = true;
    if (skip_op("*")) {
      ensure(!out->more_positional && !out->more_named);
      out->more_positional = parse();
    } else if (skip_op("**")) {
      ensure(!out->more_named);
      out->more_named = parse();
    } else if (is(TokenKind::kName) && look().kind == TokenKind::kOperator && look().text == "=") {
      ensure(!out->more_named);
      std::string name = next().text;
      next();
      if (!names.insert(name).second) fail_syntax("keyword argument repeated: " + name, line);
      out->named.emplace_back(name, parse());
    } else {
      ensure(!out->more_positional && !out->more_named && out->named.empty());
      out->positional.push_back(parse());
    }
  }
  expect_op(")");
  return out;
}

ExprPtr Parser::parse_call(ExprPtr callee) {
  ExprPtr node = make(ExprKind::kCall, current().line);
  node->items.push_back(std::move(callee));
  uint32_t depth = 0;
  node->arguments = parse_arguments(depth);
  return finish(std::move(node), depth);
}

std::string Parser::dotted_name() {
  std::string name = expect(TokenKind::kName, "name").text;
  while (skip_op(".")) name += "." + expect(TokenKind::kName, "name").text;
  return name;
}

ExprPtr Parser::parse_filter(ExprPtr input, bool inline_start) {
  ExprPtr node = std::move(input);
  while (is_op("|") || inline_start) {
    if (!inline_start) next();
    inline_start = false;
    ExprPtr filter = make(ExprKind::kFilter, current().line);
    filter->name = dotted_name();
    if (node) filter->items.push_back(std::move(node));
    uint32_t depth = 0;
    filter->arguments = is_op("(") ? parse_arguments(depth) : std::make_unique<Arguments>();
    node = finish(std::move(filter), depth);
  }
  return node;
}

ExprPtr Parser::parse_test(ExprPtr input) {
  ExprPtr node = make(ExprKind::kTest, next().line);
  bool negated = skip_name("not");
  node->name = dotted_name();
  node->items.push_back(std::move(input));
  uint32_t depth = 0;
  node->arguments = std::make_unique<Arguments>();
  bool starts = is(TokenKind::kName) || is(TokenKind::kString) || is(TokenKind::kInteger) ||
                is(TokenKind::kFloat) || is_op("[") || is_op("{");
  if (is_op("(")) {
    node->arguments = parse_arguments(depth);
  } else if (starts && !is_name("else") && !is_name("or") && !is_name("and")) {
    if (is_name("is")) fail_syntax("You cannot chain multiple tests with is", current().line);
    ExprPtr argument = parse_postfix(parse_primary());
    depth = argument->depth;
    node->arguments->positional.push_back(std::move(argument));
  }
  uint32_t line = node->line;
  node = finish(std::move(node), depth);
  if (!negated) return node;
  ExprPtr negation = make(ExprKind::kNot, line);
  negation->items.push_back(std::move(node));
  return finish(std::move(negation));
}

}  // namespace gantry::jinja
