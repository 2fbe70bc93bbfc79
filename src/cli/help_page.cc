#include "cli/help_page.h"

#include "cli/word_wrap.h"

namespace gantry::cli {
namespace {

constexpr size_t kWordsColumn = 26;  // where what is said of a flag begins

std::string line(const std::string& name, const std::string& words) {
  std::string text = "  " + name;
  text += text.size() < kWordsColumn ? std::string(kWordsColumn - text.size(), ' ')
                                     : "\n" + std::string(kWordsColumn, ' ');
  // The first line's words are wrapped as if they stood alone.
  return text +
         wrapped(std::string(kWordsColumn, ' ') + words, kHelpColumns, kWordsColumn).substr(kWordsColumn) +
         "\n";
}

class Page final : public CLI::Formatter {
 public:
  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    const bool takes_value = option->get_items_expected_max() != 0 && !option->get_type_name().empty();
    std::string words = option->get_description();
    if (!option->get_default_str().empty()) words += " (default: " + option->get_default_str() + ")";
    return line(make_option_name(option, is_positional) +
                    (takes_value && !is_positional ? " " + option->get_type_name() : ""),
                words);
  }
  std::string make_subcommand(const CLI::App* command) const override {
    return line(command->get_name(), command->get_description());
  }
  std::string make_description(const CLI::App* app) const override {
    return wrapped(app->get_description(), kHelpColumns) + "\n\n";
  }
  std::string make_footer(const CLI::App* app) const override {
    return app->get_footer().empty() ? "" : wrapped(app->get_footer(), kHelpColumns) + "\n";
  }
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    std::string page = CLI::Formatter::make_help(app, std::move(name), mode);
    for (size_t at = 0; (at = page.find("\n\n\n", at)) != std::string::npos;) page.erase(at, 1);
    while (page.ends_with("\n\n")) page.pop_back();
    return page;
  }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> help_pages() {
  auto page = std::make_shared<Page>();
  page->label("Positionals", "Arguments");
  page->label("SUBCOMMAND", "COMMAND");
  return page;
}

}  // namespace gantry::cli
