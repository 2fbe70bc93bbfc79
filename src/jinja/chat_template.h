// A model's own Jinja chat template, rendered as Hugging Face transformers renders it: immutable sandbox,
// trim_blocks, lstrip_blocks, loop controls, a {% generation %} tag, tojson without ASCII escapes,
// raise_exception, strftime_now. Immutable after parsing: any thread. A rendering reaches nothing but its
// inputs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/range.h"
#include "text/json.h"

namespace gantry::jinja {

struct RenderLimits {
  size_t output_bytes = size_t{16} << 20;
  uint64_t steps = 20'000'000;              // nodes evaluated and items iterated
  size_t memory_bytes = size_t{256} << 20;  // of values alive at a time
  uint32_t depth = 200;                     // nested expressions, macro calls and values
};

// How a rendering failed; the server turns each into a 400 with the words.
enum class TemplateErrorKind : uint8_t {
  kRaise,  // the template called raise_exception: its own words
  kType,   // everything else that Jinja itself would refuse: syntax, undefined attribute, wrong type
  kLimit,  // a limit above
};

class TemplateError : public std::exception {
 public:
  TemplateError(TemplateErrorKind kind, std::string message, uint32_t line = 0);
  TemplateErrorKind kind() const { return kind_; }
  const std::string& message() const { return message_; }  // without the line
  uint32_t line() const { return line_; }                  // 1-based; 0 where unknown
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  TemplateErrorKind kind_;
  std::string message_;
  uint32_t line_;
};

struct TemplateOptions {
  bool trim_blocks = true;
  bool lstrip_blocks = true;
  bool keep_trailing_newline = false;
  bool mutable_containers = false;  // allow list.append and its relatives (Jinja's plain sandbox)
};

using gantry::Range;

// A text and which of its bytes came with the context, as far as they can be told from the template's own:
// in order, none empty, none touching another.
struct Rendering {
  std::string text;
  std::vector<Range> given;
};

// What of a context are words of the house, as the template's own are: everything else is marked as given.
struct OwnWords {
  size_t message = 0;  // of the list `messages`
  std::string member;  // of that message; a text, or a list of parts with texts
  Range range;         // of that text, or of the parts' in a row; what lies behind its end counts for nothing
};
struct HouseWords {
  std::vector<std::string> variables;  // of the context
  std::vector<std::string> members;    // of every message, where they are texts
  std::vector<OwnWords> words;
};

class ChatTemplate {
 public:
  // Throws TemplateError (kType) with the line of a syntax error.
  static std::unique_ptr<const ChatTemplate> parse(std::string_view source,
                                                   const TemplateOptions& options = {});
  virtual ~ChatTemplate() = default;

  // `context`: an object; each member is a variable (messages, tools, add_generation_prompt, bos_token, ...).
  // `now`: what strftime_now formats, seconds since the epoch plus the local time's offset; absent: the clock
  // of the machine.
  virtual Rendering render_marked(const Json& context, const HouseWords& house,
                                  const RenderLimits& limits = {}, std::optional<int64_t> now = {}) const = 0;
  // The text alone.
  std::string render(const Json& context, const RenderLimits& limits = {},
                     std::optional<int64_t> now = {}) const {
    return render_marked(context, {}, limits, now).text;
  }
  virtual const std::string& source() const = 0;
};

}  // namespace gantry::jinja
