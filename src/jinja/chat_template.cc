#include "jinja/chat_template.h"

#include "jinja/ast.h"
#include "jinja/env.h"
#include "jinja/evaluator.h"
#include "jinja/parser.h"
#include "jinja/scope.h"
#include "jinja/utf8.h"

namespace gantry::jinja {

TemplateError::TemplateError(TemplateErrorKind kind, std::string message, uint32_t line)
    : kind_(kind), message_(std::move(message)), line_(line) {}

namespace {

class JinjaTemplate final : public ChatTemplate {
 public:
  JinjaTemplate(std::string_view source, const TemplateOptions& options)
      : options_(options), source_(source) {
    tree_.body = Parser(tokenize(source, options)).parse();
    resolve_names(tree_);
  }

  Rendering render_marked(const Json& context, const HouseWords& house, const RenderLimits& limits,
                          std::optional<int64_t> now) const override {
    if (!context.is_object()) throw TemplateError(TemplateErrorKind::kType, "the context is not an object");
    Env env(limits, options_.mutable_containers, now);
    Text out = Evaluator(tree_, context, house, env).run();
    if (!is_utf8(out.str())) throw TemplateError(TemplateErrorKind::kType, "surrogates not allowed");
    Rendering rendering;
    out.marks().for_each([&](const Range& range) { rendering.given.push_back(range); });
    rendering.text = std::move(out).take();
    return rendering;
  }

  const std::string& source() const override { return source_; }

 private:
  TemplateOptions options_;
  std::string source_;
  Template tree_;
};

}  // namespace

std::unique_ptr<const ChatTemplate> ChatTemplate::parse(std::string_view source,
                                                        const TemplateOptions& options) {
  return std::make_unique<JinjaTemplate>(source, options);
}

}  // namespace gantry::jinja
