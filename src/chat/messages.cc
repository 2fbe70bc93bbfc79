#include "chat/messages.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "chat/fields.h"

namespace gantry::chat {
namespace {

void check_role(std::string_view role, const std::string& where) {
  static constexpr const char* kRoles[] = {"system", "developer", "user", "assistant", "tool", "function"};
  bool known =
      std::any_of(std::begin(kRoles), std::end(kRoles), [&](const char* name) { return role == name; });
  if (!known) {
    refuse(where + ".role", fmt::format("'{}' is no role", role),
           "it is one of system, developer, user, assistant, tool, function");
  }
}

// A part in which an assistant reasons: its text, or texts in a list.
std::string thinking_text(const Json& part, const std::string& where) {
  const Json* thinking = member(part, "thinking");
  if (thinking == nullptr || !thinking->is_array()) return std::string(need_text(part, "thinking", where));
  std::string text;
  for (size_t i = 0; i < thinking->size(); ++i) {
    const std::string here = fmt::format("{}.thinking[{}]", where, i);
    if (!(*thinking)[i].is_object())
      refuse(here, "a part has to be an object, not " + kind_of((*thinking)[i]));
    text += need_text((*thinking)[i], "text", here);
  }
  return text;
}

// The text of one part; refuses what is no text by the name of its type.
std::string_view part_text(const Json& part, const std::string& where) {
  if (!part.is_object()) refuse(where, "a part has to be an object, not " + kind_of(part));
  const std::string_view type = need_text(part, "type", where);
  if (type == "text") return need_text(part, "text", where);
  if (type == "refusal") return need_text(part, "refusal", where);
  if (type == "input_text" || type == "output_text") {
    refuse(where + ".type", fmt::format("'{}' is a part of the responses API", type), "write \"text\" here");
  }
  bool media = type == "image_url" || type == "input_image" || type == "image" || type == "input_audio" ||
               type == "audio" || type == "video" || type == "video_url" || type == "file" ||
               type == "input_file";
  refuse(where + ".type",
         media ? fmt::format("parts of type '{}' are not supported: this model reads text", type)
               : fmt::format("'{}' is no type of a part", type),
         "give parts of type \"text\"");
}

Json normalise_content(const Json& content, const std::string& where, bool keep_parts) {
  if (content.is_string()) return content;
  if (!content.is_array()) refuse(where, "it has to be a string or a list of parts, not " + kind_of(content));
  Json parts = Json::array();
  std::string text;
  for (size_t i = 0; i < content.size(); ++i) {
    const std::string_view piece = part_text(content[i], fmt::format("{}[{}]", where, i));
    text += piece;
    Json part = content[i];
    part["type"] = "text";
    part["text"] = piece;
    parts.push_back(std::move(part));
  }
  return keep_parts ? parts : Json(text);
}

// Reasoning that stands among the parts of an assistant's content becomes reasoning_content.
void take_thinking(Json& message, const std::string& where) {
  const auto content = message.find("content");
  if (content == message.end() || !content->is_array()) return;
  Json parts = Json::array();
  std::string reasoning;
  for (size_t i = 0; i < content->size(); ++i) {
    const Json& part = (*content)[i];
    const Json* type = part.is_object() ? member(part, "type") : nullptr;
    if (type != nullptr && *type == "thinking")
      reasoning += thinking_text(part, fmt::format("{}.content[{}]", where, i));
    else
      parts.push_back(part);
  }
  if (reasoning.empty()) return;
  message["content"] = std::move(parts);
  if (!message.contains("reasoning_content")) message["reasoning_content"] = reasoning;
}

// Reasoning under the name that this server gives it, whatever the server was called that gave it out.
void name_reasoning(Json& message) {
  for (const char* name : {"reasoning", "thinking"}) {
    const auto other = message.find(name);
    if (other == message.end() || !other->is_string()) continue;
    const auto own = message.find("reasoning_content");
    if (own == message.end() || own->get<std::string_view>().empty()) {
      Json text = *other;
      message["reasoning_content"] = std::move(text);
    }
    message.erase(name);
  }
}

void normalise_call(Json& function, const std::string& where) {
  if (!function.is_object()) refuse(where, "it has to be an object, not " + kind_of(function));
  need_text(function, "name", where);
  auto arguments = function.find("arguments");
  if (arguments == function.end() || arguments->is_null()) {
    function["arguments"] = Json::object();
  } else if (arguments->is_string()) {
    // Templates want the object; text that is none (a model may have written anything) is passed on as it is.
    const auto text = arguments->get<std::string_view>();
    std::optional<Json> parsed = Json::try_parse(text);
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos || (parsed && parsed->is_null()))
      *arguments = Json::object();
    else if (parsed && parsed->is_object())
      *arguments = std::move(*parsed);
  } else if (!arguments->is_object()) {
    refuse(where + ".arguments", "it has to be JSON text or an object, not " + kind_of(*arguments));
  }
}

void normalise_tool_calls(Json& calls, const std::string& where) {
  if (!calls.is_array()) refuse(where, "it has to be a list, not " + kind_of(calls));
  for (size_t i = 0; i < calls.size(); ++i) {
    std::string here = fmt::format("{}[{}]", where, i);
    if (!calls[i].is_object()) refuse(here, "it has to be an object, not " + kind_of(calls[i]));
    calls[i] = without_nulls(calls[i]);
    check_optional_text(calls[i], "id", here);
    check_optional_text(calls[i], "type", here);
    if (const Json* type = member(calls[i], "type");
        type != nullptr && type->is_string() && *type != "function") {
      refuse(here + ".type", fmt::format("'{}' is no type of a tool call", type->get<std::string_view>()),
             "write \"function\"");
    }
    if (!calls[i].contains("function"))
      refuse(here + ".function", "it is missing", "give the function's name");
    normalise_call(calls[i]["function"], here + ".function");
  }
}

Json normalise_message(const Json& given, const std::string& where, const MessageOptions& options) {
  if (!given.is_object()) refuse(where, "a message has to be an object, not " + kind_of(given));
  Json message = without_nulls(given);
  const std::string role(need_text(message, "role", where));
  check_role(role, where);
  if (role == "developer" && !options.keep_developer) message["role"] = "system";
  for (const char* name : {"name", "tool_call_id", "reasoning_content", "refusal"}) {
    check_optional_text(message, name, where);
  }
  if (role == "assistant") {
    take_thinking(message, where);
    name_reasoning(message);
  }
  if (auto calls = message.find("tool_calls"); calls != message.end()) {
    if (calls->is_array() && calls->empty()) {
      message.erase(calls);
    } else {
      if (role != "assistant") refuse(where + ".tool_calls", "only an assistant calls tools");
      normalise_tool_calls(*calls, where + ".tool_calls");
    }
  }
  if (auto call = message.find("function_call"); call != message.end()) {
    if (role != "assistant") refuse(where + ".function_call", "only an assistant calls functions");
    normalise_call(*call, where + ".function_call");
  }
  if (auto content = message.find("content"); content != message.end()) {
    *content = normalise_content(*content, where + ".content", options.keep_parts);
    return message;
  }
  if (role == "user") refuse(where + ".content", "it is missing", "give a string");
  if (role != "assistant") {  // a tool without a result, or nothing to be told first
    message["content"] = "";
    return message;
  }
  // Something else may say what the assistant did; else it was an answer without a word.
  const bool speaks = message.contains("tool_calls") || message.contains("function_call") ||
                      message.contains("reasoning_content") || message.contains("refusal");
  message["content"] = speaks ? Json() : Json("");
  return message;
}

}  // namespace

bool knows_developer(const jinja::ChatTemplate& chat_template) {
  const std::string& source = chat_template.source();
  return source.find("'developer'") != std::string::npos || source.find("\"developer\"") != std::string::npos;
}

Json normalise_messages(const Json& openai_messages, const MessageOptions& options) {
  if (!openai_messages.is_array()) {
    refuse("messages", "it has to be a list, not " + kind_of(openai_messages));
  }
  if (openai_messages.empty()) refuse("messages", "it is empty", "give at least one message");
  Json messages = Json::array();
  for (size_t i = 0; i < openai_messages.size(); ++i) {
    check_interrupt();
    messages.push_back(normalise_message(openai_messages[i], fmt::format("messages[{}]", i), options));
  }
  return messages;
}

}  // namespace gantry::chat
