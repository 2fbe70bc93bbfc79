// Tokens to a syntax tree, by Jinja's grammar. Names are not yet resolved: see scope.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/ast.h"
#include "jinja/chat_template.h"
#include "jinja/lexer.h"

namespace gantry::jinja {

// Levels of nesting that a source may have; Python compiles no deeper expression either.
constexpr uint32_t kParseDepthMax = 200;

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}
  // Throws TemplateError: kType with the line, kLimit for nesting.
  Body parse();

 private:
  class Nesting;

  // Tokens.
  const Token& current() const { return tokens_[at_]; }
  const Token& look() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  Token next();
  bool is(TokenKind kind) const { return current().kind == kind; }
  bool is_name(std::string_view name) const { return is(TokenKind::kName) && current().text == name; }
  bool is_op(std::string_view op) const { return is(TokenKind::kOperator) && current().text == op; }
  bool skip_name(std::string_view name);
  bool skip_op(std::string_view op);
  Token expect(TokenKind kind, const char* wanted);
  void expect_name(const char* name);
  void expect_op(const char* op);
  [[noreturn]] void fail_expected(const std::string& wanted) const;

  // Statements.
  using Ends = std::vector<const char*>;
  Body parse_until(const Ends* ends);
  Body parse_body(const Ends& ends, bool drop_end);
  std::unique_ptr<Stmt> parse_statement();
  std::unique_ptr<Stmt> parse_tag(const std::string& tag);
  std::unique_ptr<Stmt> start(StmtKind kind);
  std::unique_ptr<Stmt> parse_for();
  std::unique_ptr<Stmt> parse_if();
  std::unique_ptr<Stmt> parse_set();
  std::unique_ptr<Stmt> parse_with();
  std::unique_ptr<Stmt> parse_macro();
  std::unique_ptr<Stmt> parse_call_block();
  std::unique_ptr<Stmt> parse_filter_block();
  std::unique_ptr<Stmt> parse_print();
  std::unique_ptr<Stmt> parse_block();
  std::unique_ptr<Stmt> parse_loader(const std::string& tag);
  void parse_import_names(Stmt& node);
  bool parse_context_words();
  std::unique_ptr<Stmt> parse_simple(StmtKind kind);
  void parse_signature(Stmt& node);
  [[noreturn]] void fail_unknown_tag(const std::string& tag, uint32_t line);
  [[noreturn]] void fail_end();
  std::string open_tags_text() const;

  // Expressions.
  ExprPtr parse_expression(bool with_condition = true);
  ExprPtr parse_condition();
  ExprPtr parse_or();
  ExprPtr parse_and();
  ExprPtr parse_not();
  ExprPtr parse_compare();
  ExprPtr parse_sum();
  ExprPtr parse_concat();
  ExprPtr parse_product();
  ExprPtr parse_power();
  ExprPtr parse_unary(bool with_filter = true);
  ExprPtr parse_primary(bool with_namespace = false);
  ExprPtr parse_name(bool with_namespace);
  struct TupleRules {
    bool simplified = false;
    bool with_condition = true;
    bool parentheses = false;
    bool with_namespace = false;
  };
  ExprPtr parse_tuple(const TupleRules& rules);
  bool tuple_ends() const;
  ExprPtr parse_list();
  ExprPtr parse_dict();
  ExprPtr parse_postfix(ExprPtr node);
  ExprPtr parse_filters_and_tests(ExprPtr node);
  ExprPtr parse_subscript(ExprPtr node);
  ExprPtr parse_subscribed(ExprPtr object, bool& slice);
  ExprPtr parse_call(ExprPtr node);
  ExprPtr parse_filter(ExprPtr node, bool inline_start);
  ExprPtr parse_test(ExprPtr node);
  std::unique_ptr<Arguments> parse_arguments(uint32_t& depth);
  std::string dotted_name();
  ExprPtr parse_target(bool with_namespace);
  Token parse_target_name();

  ExprPtr make(ExprKind kind, uint32_t line);
  // Sets the depth from the children; refuses what is too deep.
  ExprPtr finish(ExprPtr node, uint32_t arguments_depth = 0);
  ExprPtr join(ExprKind kind, uint32_t line, ExprPtr left, ExprPtr right, Op op = Op::kAdd);

  std::vector<Token> tokens_;
  size_t at_ = 0;
  uint32_t depth_ = 0;
  uint32_t loops_ = 0;  // for-bodies around this place, in this function
  std::vector<std::string> tags_;
  std::vector<const Ends*> ends_;
};

class Parser::Nesting {
 public:
  explicit Nesting(Parser& parser);
  ~Nesting() { --parser_.depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  Parser& parser_;
};

}  // namespace gantry::jinja
