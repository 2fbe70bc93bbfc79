#include "jinja/parser.h"

#include <algorithm>

#include "jinja/env.h"

namespace gantry::jinja {

Token Parser::next() {
  Token token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool Parser::skip_name(std::string_view name) {
  if (!is_name(name)) return false;
  next();
  return true;
}

bool Parser::skip_op(std::string_view op) {
  if (!is_op(op)) return false;
  next();
  return true;
}

void Parser::fail_expected(const std::string& wanted) const {
  if (is(TokenKind::kEnd)) {
    fail_syntax("unexpected end of template, expected '" + wanted + "'.", current().line);
  }
  fail_syntax("expected token '" + wanted + "', got '" + describe_token(current()) + "'", current().line);
}

Token Parser::expect(TokenKind kind, const char* wanted) {
  if (!is(kind)) fail_expected(wanted);
  return next();
}

void Parser::expect_name(const char* name) {
  if (!skip_name(name)) fail_expected(name);
}

void Parser::expect_op(const char* op) {
  if (!skip_op(op)) fail_expected(op);
}

Body Parser::parse() { return parse_until(nullptr); }

std::string Parser::open_tags_text() const {
  std::string text;
  if (!ends_.empty()) {
    std::string wanted;
    for (const char* end : *ends_.back()) wanted += std::string(wanted.empty() ? "'" : " or '") + end + "'";
    text += " Jinja was looking for the following tags: " + wanted + ".";
  }
  if (!tags_.empty()) text += " The innermost block that needs to be closed is '" + tags_.back() + "'.";
  return text;
}

void Parser::fail_unknown_tag(const std::string& tag, uint32_t line) {
  bool known_end = std::any_of(ends_.begin(), ends_.end(), [&](const Ends* ends) {
    return std::any_of(ends->begin(), ends->end(), [&](const char* end) { return tag == end; });
  });
  std::string text = "Encountered unknown tag '" + tag + "'.";
  if (known_end) text += " You probably made a nesting mistake.";
  fail_syntax(text + open_tags_text(), line);
}

void Parser::fail_end() { fail_syntax("Unexpected end of template." + open_tags_text(), current().line); }

// Up to a tag of `ends`, whose name is then current; up to the end of the template without `ends`.
Body Parser::parse_until(const Ends* ends) {
  Body body;
  if (ends != nullptr) ends_.push_back(ends);
  while (!is(TokenKind::kEnd)) {
    if (is(TokenKind::kData)) {
      auto node = start(StmtKind::kData);
      node->text = next().text;
      body.push_back(std::move(node));
    } else if (is(TokenKind::kVariableBegin)) {
      next();
      auto node = start(StmtKind::kOutput);
      node->exprs.push_back(parse_tuple({}));
      expect(TokenKind::kVariableEnd, "end of print statement");
      body.push_back(std::move(node));
    } else {
      expect(TokenKind::kBlockBegin, "begin of statement block");
      bool ended = ends != nullptr && is(TokenKind::kName) &&
                   std::any_of(ends->begin(), ends->end(), [&](const char* end) { return is_name(end); });
      if (ended) {
        ends_.pop_back();
        return body;
      }
      body.push_back(parse_statement());
      expect(TokenKind::kBlockEnd, "end of statement block");
    }
  }
  if (ends != nullptr) fail_end();
  return body;
}

Body Parser::parse_body(const Ends& ends, bool drop_end) {
  skip_op(":");
  expect(TokenKind::kBlockEnd, "end of statement block");
  Body body = parse_until(&ends);
  if (drop_end) next();
  return body;
}

std::unique_ptr<Stmt> Parser::start(StmtKind kind) {
  auto node = std::make_unique<Stmt>();
  node->kind = kind;
  node->line = current().line;
  return node;
}

std::unique_ptr<Stmt> Parser::parse_statement() {
  Nesting nesting(*this);
  if (!is(TokenKind::kName)) fail_syntax("tag name expected", current().line);
  std::string tag = current().text;
  tags_.push_back(tag);
  auto node = parse_tag(tag);
  tags_.pop_back();
  return node;
}

std::unique_ptr<Stmt> Parser::parse_tag(const std::string& tag) {
  if (tag == "for") return parse_for();
  if (tag == "if") return parse_if();
  if (tag == "set") return parse_set();
  if (tag == "with") return parse_with();
  if (tag == "macro") return parse_macro();
  if (tag == "call") return parse_call_block();
  if (tag == "filter") return parse_filter_block();
  if (tag == "print") return parse_print();
  if (tag == "block") return parse_block();
  if (tag == "include" || tag == "import" || tag == "from" || tag == "extends") return parse_loader(tag);
  if (tag == "break" || tag == "continue") {
    return parse_simple(tag == "break" ? StmtKind::kBreak : StmtKind::kContinue);
  }
  if (tag == "autoescape") {
    auto node = start(StmtKind::kAutoescape);
    next();
    node->exprs.push_back(parse_expression());
    node->body = parse_body({"endautoescape"}, true);
    return node;
  }
  if (tag == "generation") {
    auto node = start(StmtKind::kCallBlock);
    next();
    uint32_t loops = std::exchange(loops_, 0);
    node->body = parse_body({"endgeneration"}, true);
    loops_ = loops;
    return node;
  }
  uint32_t line = current().line;
  tags_.pop_back();
  fail_unknown_tag(tag, line);
}

std::unique_ptr<Stmt> Parser::parse_simple(StmtKind kind) {
  auto node = start(kind);
  std::string tag = next().text;
  if (loops_ == 0) fail_syntax("'" + tag + "' outside loop", node->line);
  return node;
}

std::unique_ptr<Stmt> Parser::parse_for() {
  auto node = start(StmtKind::kFor);
  next();
  node->targets.push_back(parse_target(false));
  expect_name("in");
  TupleRules rules;
  rules.with_condition = false;
  node->exprs.push_back(parse_tuple(rules));
  if (skip_name("if")) node->test = parse_expression();
  node->recursive = skip_name("recursive");
  ++loops_;
  node->body = parse_body({"endfor", "else"}, false);
  --loops_;
  if (next().text == "else") {
    // The else part of a recursive loop stands in a function of its own.
    uint32_t loops = node->recursive ? std::exchange(loops_, 0) : loops_;
    node->else_body = parse_body({"endfor"}, true);
    loops_ = loops;
  }
  return node;
}

std::unique_ptr<Stmt> Parser::parse_if() {
  auto node = start(StmtKind::kIf);
  next();
  TupleRules rules;
  rules.with_condition = false;
  while (true) {
    node->exprs.push_back(parse_tuple(rules));
    node->branches.push_back(parse_body({"elif", "else", "endif"}, false));
    std::string end = next().text;
    if (end == "elif") continue;
    if (end == "else") node->else_body = parse_body({"endif"}, true);
    return node;
  }
}

std::unique_ptr<Stmt> Parser::parse_set() {
  auto node = start(StmtKind::kSet);
  next();
  node->targets.push_back(parse_target(true));
  if (skip_op("=")) {
    node->exprs.push_back(parse_tuple({}));
    return node;
  }
  node->kind = StmtKind::kSetBlock;
  if (ExprPtr filter = parse_filter(nullptr, false)) node->exprs.push_back(std::move(filter));
  node->body = parse_body({"endset"}, true);
  return node;
}

std::unique_ptr<Stmt> Parser::parse_with() {
  auto node = start(StmtKind::kWith);
  next();
  while (!is(TokenKind::kBlockEnd)) {
    if (!node->targets.empty()) expect_op(",");
    node->targets.push_back(parse_target(false));
    expect_op("=");
    node->exprs.push_back(parse_expression());
  }
  node->body = parse_body({"endwith"}, true);
  return node;
}

void Parser::parse_signature(Stmt& node) {
  expect_op("(");
  while (!is_op(")")) {
    if (!node.targets.empty()) expect_op(",");
    Token token = parse_target_name();
    for (const ExprPtr& known : node.targets) {
      if (known->name == token.text) fail_syntax("duplicate argument '" + token.text + "'", token.line);
    }
    ExprPtr parameter = make(ExprKind::kName, token.line);
    parameter->name = token.text;
    node.targets.push_back(std::move(parameter));
    if (skip_op("=")) {
      node.exprs.push_back(parse_expression());
    } else if (!node.exprs.empty()) {
      fail_syntax("non-default argument follows default argument", current().line);
    }
  }
  expect_op(")");
}

std::unique_ptr<Stmt> Parser::parse_macro() {
  auto node = start(StmtKind::kMacro);
  next();
  node->text = parse_target_name().text;
  parse_signature(*node);
  uint32_t loops = std::exchange(loops_, 0);
  node->body = parse_body({"endmacro"}, true);
  loops_ = loops;
  return node;
}

std::unique_ptr<Stmt> Parser::parse_call_block() {
  auto node = start(StmtKind::kCallBlock);
  next();
  if (is_op("(")) parse_signature(*node);
  node->call = parse_expression();
  if (node->call->kind != ExprKind::kCall) fail_syntax("expected call", node->line);
  uint32_t loops = std::exchange(loops_, 0);
  node->body = parse_body({"endcall"}, true);
  loops_ = loops;
  return node;
}

std::unique_ptr<Stmt> Parser::parse_filter_block() {
  auto node = start(StmtKind::kFilterBlock);
  next();
  node->exprs.push_back(parse_filter(nullptr, true));
  node->body = parse_body({"endfilter"}, true);
  return node;
}

std::unique_ptr<Stmt> Parser::parse_print() {
  auto node = start(StmtKind::kOutput);
  next();
  while (!is(TokenKind::kBlockEnd)) {
    if (!node->exprs.empty()) expect_op(",");
    node->exprs.push_back(parse_expression());
  }
  return node;
}

std::unique_ptr<Stmt> Parser::parse_block() {
  auto node = start(StmtKind::kBlock);
  next();
  node->text = expect(TokenKind::kName, "name").text;
  node->scoped = skip_name("scoped");
  bool required = skip_name("required");
  if (is_op("-")) fail_syntax("names of blocks may not contain hyphens", current().line);
  uint32_t loops = std::exchange(loops_, 0);
  node->body = parse_body({"endblock"}, true);
  loops_ = loops;
  if (required && !node->body.empty()) {
    bool blank = std::all_of(node->body.begin(), node->body.end(), [](const auto& child) {
      return child->kind == StmtKind::kData &&
             child->text.find_first_not_of(" \t\n\v\f") == std::string::npos;
    });
    if (!blank) fail_syntax("Required blocks can only contain comments or whitespace", node->line);
  }
  skip_name(node->text);
  return node;
}

bool Parser::parse_context_words() {
  if ((is_name("with") || is_name("without")) && look().kind == TokenKind::kName &&
      look().text == "context") {
    next();
    next();
    return true;
  }
  return false;
}

void Parser::parse_import_names(Stmt& node) {
  bool first = true;
  while (true) {
    if (!first) expect_op(",");
    first = false;
    if (!is(TokenKind::kName)) fail_expected("name");
    if (parse_context_words()) return;
    Token name = parse_target_name();
    if (name.text[0] == '_') fail_syntax("names starting with an underline can not be imported", name.line);
    if (skip_name("as")) name = parse_target_name();
    ExprPtr target = make(ExprKind::kName, name.line);
    target->name = name.text;
    node.targets.push_back(std::move(target));
    if (parse_context_words() || !is_op(",")) return;
  }
}

std::unique_ptr<Stmt> Parser::parse_loader(const std::string& tag) {
  auto node = start(StmtKind::kLoad);
  next();
  node->exprs.push_back(parse_expression());
  if (tag == "include") {
    if (is_name("ignore") && look().text == "missing") {
      next();
      next();
    }
    parse_context_words();
  } else if (tag == "import") {
    expect_name("as");
    ExprPtr target = make(ExprKind::kName, current().line);
    target->name = parse_target_name().text;
    node->targets.push_back(std::move(target));
    parse_context_words();
  } else if (tag == "from") {
    expect_name("import");
    parse_import_names(*node);
  }
  return node;
}

Token Parser::parse_target_name() {
  Token token = expect(TokenKind::kName, "name");
  for (const char* word : {"true", "false", "none", "True", "False", "None"}) {
    if (token.text == word) fail_syntax("can't assign to 'name'", token.line);
  }
  return token;
}

namespace {

void check_target(const Expr& node) {
  if (node.kind == ExprKind::kTuple) {
    for (const ExprPtr& item : node.items) check_target(*item);
  } else if (node.kind != ExprKind::kName && node.kind != ExprKind::kNamespaceRef) {
    fail_syntax("can't assign to this expression", node.line);
  }
}

}  // namespace

ExprPtr Parser::parse_target(bool with_namespace) {
  TupleRules rules;
  rules.simplified = true;
  rules.with_namespace = with_namespace;
  ExprPtr node = parse_tuple(rules);
  check_target(*node);
  return node;
}

}  // namespace gantry::jinja
