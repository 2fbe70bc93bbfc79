#include "cli/saved_talk.h"

#include <fmt/format.h>

#include "base/error.h"

namespace gantry::cli {
namespace {

using settings::Kind;
using settings::Scope;
using settings::Setting;

constexpr const char* kWhatItIs = "a saved conversation is what /save writes: see docs/operating/cli.md";

[[noreturn]] void refuse(const std::string& path, const std::string& field, std::string what,
                         std::string hint = kWhatItIs) {
  throw Error(ErrorCode::kBadFile, std::move(what), field.empty() ? path : path + ": " + field,
              std::move(hint));
}

const Setting* setting_of_requests(std::string_view name) {
  for (const Setting& row : settings::kTable)
    if (row.scope == Scope::kRequest && row.name == name) return &row;
  return nullptr;
}

Json json_of(const settings::Value& value) {
  if (const auto* number = std::get_if<uint64_t>(&value)) return *number;
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* truth = std::get_if<bool>(&value)) return *truth;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return std::get<std::vector<std::string>>(value);
}

std::string text_at(const Json& object, std::string_view key, const std::string& path,
                    const std::string& place) {
  const Json& value = object[key];
  if (!value.is_string()) refuse(path, place, "it has to be a text");
  return value.get<std::string>();
}

void take_message(const Json& message, size_t index, const std::string& path, SavedTalk& out) {
  const std::string place = fmt::format("messages[{}]", index);
  if (!message.is_object()) refuse(path, place, "it has to be an object with role and content");
  for (const char* needed : {"role", "content"})
    if (!message.contains(needed)) refuse(path, place, fmt::format("the field {} is missing", needed));
  const std::string role = text_at(message, "role", path, place + ".role");
  const std::string content = text_at(message, "content", path, place + ".content");
  for (const auto& [key, value] : message.items())
    if (key != "role" && key != "content" && !(key == "reasoning_content" && role == "assistant"))
      refuse(path, place, fmt::format("there is no place for the field '{}'", key));
  if (role == "system") {
    if (index != 0) refuse(path, place, "only the first message may be the system's");
    out.system = content;
    return;
  }
  if (role != "user" && role != "assistant")
    refuse(path, place + ".role", fmt::format("'{}' is not one of system, user, assistant", role));
  Json taken = {{"role", role}, {"content", content}};
  if (message.contains("reasoning_content"))
    taken["reasoning_content"] = text_at(message, "reasoning_content", path, place + ".reasoning_content");
  out.messages.push_back(std::move(taken));
}

void take_setting(const Setting& row, const Json& value, const std::string& path, SavedTalk& out) {
  const std::string name(row.name);
  const bool fits = row.kind == Kind::kCount ? value.is_number_integer() : value.is_number();
  if (!fits) refuse(path, name, fmt::format("it has to be {}", settings::wanted(row)));
  try {
    out.values.put(row.id, {settings::read_text(row, value.dump()), settings::Source::kFlag, name});
  } catch (const Error& error) {
    refuse(path, name, error.message());
  }
}

}  // namespace

std::string talk_text(const SavedTalk& talk) {
  Json messages = Json::array();
  if (!talk.system.empty()) messages.push_back({{"role", "system"}, {"content", talk.system}});
  for (const Json& message : talk.messages) messages.push_back(message);
  Json out = {{"model", talk.model}, {"messages", std::move(messages)}};
  for (const Setting& row : settings::kTable) {
    const settings::Held* held = row.scope == Scope::kRequest ? talk.values.find(row.id) : nullptr;
    if (held != nullptr) out[row.name] = json_of(held->value);
  }
  return out.dump(2) + "\n";
}

SavedTalk parse_talk(std::string_view text, const std::string& path) {
  Json file;
  try {
    file = Json::parse(text);
  } catch (const JsonError& error) {
    refuse(path, "", fmt::format("it is no JSON: {}", error.what()));
  }
  if (!file.is_object() || !file.contains("messages"))
    refuse(path, "", "it is no object with the field messages");
  const Json& messages = file["messages"];
  if (!messages.is_array()) refuse(path, "messages", "it has to be a list of messages");
  SavedTalk out;
  for (size_t i = 0; i < messages.size(); ++i) take_message(messages[i], i, path, out);
  for (const auto& [key, value] : file.items()) {
    if (key == "messages") continue;
    if (key == "model") {
      out.model = text_at(file, key, path, "model");
    } else if (const Setting* row = setting_of_requests(key)) {
      take_setting(*row, value, path, out);
    } else {
      refuse(path, std::string(key), "there is no setting of that name");
    }
  }
  return out;
}

}  // namespace gantry::cli
