#include "fleet/wording.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/log.h"
#include "os/file.h"
#include "text/utf8.h"
#include "tokenizer/pre_split.h"

namespace gantry::fleet {
namespace {

constexpr size_t kTemplateBytesMax = size_t{4} << 20;

std::unique_ptr<const jinja::ChatTemplate> read_named_template(const std::string& path) {
  const std::string source = os::read_file(path, kTemplateBytesMax);
  try {
    return jinja::ChatTemplate::parse(text::without_mark(source));
  } catch (const jinja::TemplateError& error) {
    throw Error(ErrorCode::kBadFile, error.message(), fmt::format("{}:{}", path, error.line()));
  }
}

// nullptr: the template says.
const reply::ReplyFormat* named_format(const std::string& name) {
  if (name.empty() || name == "auto") return nullptr;
  if (const reply::ReplyFormat* named = reply::find_reply_format(name)) return named;
  throw Error(ErrorCode::kUsage, fmt::format("there is no reply format '{}'", name), "reply_format",
              "it is one of " + known_reply_formats());
}

}  // namespace

std::string known_reply_formats() {
  std::string names = "auto";
  for (const reply::ReplyFormat& format : reply::reply_formats()) names += ", " + format.name;
  return names;
}

void check_wording(const LoadSettings& settings) {
  named_format(settings.reply_format);
  if (!settings.chat_template_path.empty()) read_named_template(settings.chat_template_path);
  if (!settings.pre_split_override.empty() &&
      tokenizer::find_pre_split(settings.pre_split_override) == nullptr)
    throw Error(ErrorCode::kUsage,
                fmt::format("there is no rule '{}' to split text by", settings.pre_split_override),
                "pre_split", "it is one of " + tokenizer::known_pre_splits());
}

std::unique_ptr<const jinja::ChatTemplate> read_template(const LoadSettings& settings,
                                                         const gguf::GgufFile& file) {
  if (!settings.chat_template_path.empty()) return read_named_template(settings.chat_template_path);
  const auto source = file.metadata().get_string("tokenizer.chat_template");
  if (!source) return nullptr;
  try {
    return jinja::ChatTemplate::parse(*source);
  } catch (const jinja::TemplateError& error) {
    log::warn("fleet",
              "{}: the file's chat template does not parse (line {}: {}); chat is off until the setting "
              "chat_template names another",
              file.path(), error.line(), error.message());
    return nullptr;
  }
}

const reply::ReplyFormat& choose_format(const LoadSettings& settings,
                                        const jinja::ChatTemplate* chat_template) {
  if (const reply::ReplyFormat* named = named_format(settings.reply_format)) return *named;
  return reply::reply_format_of(chat_template == nullptr ? "" : chat_template->source());
}

}  // namespace gantry::fleet
