// The /commands of a conversation. Main thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/conversation.h"
#include "engine/engine.h"
#include "settings/values.h"

namespace gantry::cli {

// "/clear  forget the conversation", ...: a line for each, at most 80 columns.
std::string slash_help();

// What `before`, the line up to the cursor, may become: whole beginnings of lines. None where it is no
// command.
std::vector<std::string> complete_slash(const std::string& before);

class Slash {
 public:
  enum class Wish : uint8_t { kNone, kLeave, kRetry };

  Slash(Conversation& conversation, const engine::Engine& engine, std::string model_id,
        settings::Values values)
      : conversation_(conversation),
        engine_(engine),
        model_id_(std::move(model_id)),
        values_(std::move(values)) {}

  // A line that begins with '/'. What it says goes to standard error; it throws nothing for the line's sake.
  Wish obey(const std::string& line);
  // Numbers of the last answer, for /stats.
  void remember(const Answer& answer) { last_ = answer; }

 private:
  struct Row;
  static const Row kRows[];
  friend std::string slash_help();
  friend std::vector<std::string> complete_slash(const std::string& before);

  Wish help(const std::string&);
  Wish leave(const std::string&) { return Wish::kLeave; }
  Wish retry(const std::string&);
  Wish undo(const std::string&);
  Wish clear(const std::string&);
  Wish system(const std::string& text);
  Wish set(const std::string& text);
  Wish show(const std::string&);
  Wish stats(const std::string&);
  Wish save(const std::string& path);
  Wish save_over(const std::string& path);
  Wish load(const std::string& path);

  bool remembers() const;
  Wish write(const std::string& path, bool over);
  void show_setting(const settings::Setting& row) const;

  Conversation& conversation_;
  const engine::Engine& engine_;
  const std::string model_id_;
  settings::Values values_;  // of requests
  std::optional<Answer> last_;
};

}  // namespace gantry::cli
