#include "chat/chat_template.h"

#include "chat/jinja/ast.h"
#include "chat/jinja/env.h"
#include "chat/jinja/evaluator.h"
#include "chat/jinja/parser.h"
#include "chat/jinja/scope.h"
#include "chat/jinja/utf8.h"

namespace gantry::chat {

TemplateError::TemplateError(TemplateErrorKind kind, std::string message, uint32_t line)
    : kind_(kind), message_(std::move(message)), line_(line) {}

namespace {

class JinjaTemplate final : public ChatTemplate {
 public:
  JinjaTemplate(std::string_view source, const TemplateOptions& options)
      : options_(options), source_(source) {
    tree_.body = jinja::Parser(jinja::tokenize(source, options)).parse();
    jinja::resolve_names(tree_);
  }

  std::string render(const Json& context, const RenderLimits& limits,
                     std::optional<int64_t> now) const override {
    if (!context.is_object()) throw TemplateError(TemplateErrorKind::kType, "the context is not an object");
    jinja::Env env(limits, options_.mutable_containers, now);
    std::string out = jinja::Evaluator(tree_, context, env).run();
    if (!jinja::is_utf8(out)) throw TemplateError(TemplateErrorKind::kType, "surrogates not allowed");
    return out;
  }

  const std::string& source() const override { return source_; }

 private:
  TemplateOptions options_;
  std::string source_;
  jinja::Template tree_;
};

}  // namespace

std::unique_ptr<const ChatTemplate> ChatTemplate::parse(std::string_view source,
                                                        const TemplateOptions& options) {
  return std::make_unique<JinjaTemplate>(source, options);
}

}  // namespace gantry::chat
