#include "chat/messages.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "base/interrupt.h"

namespace gantry::chat {
namespace {

[[noreturn]] void refuse(const std::string& where, std::string what, std::string mend = {}) {
  throw Error(ErrorCode::kInvalidRequest, std::move(what), where, std::move(mend));
}

std::string kind_of(const Json& value) {
  if (value.is_number()) return "a number";
  if (value.is_null()) return "null";
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  return value.is_boolean() ? "a boolean" : "a string";
}

const Json* member(const Json& object, const char* name) {
  auto it = object.find(name);
  return it == object.end() ? nullptr : &*it;
}

std::string_view need_text(const Json& object, const char* name, const std::string& where) {
  const Json* value = member(object, name);
  std::string field = where + "." + name;
  if (value == nullptr) refuse(field, "it is missing", "give a string");
  if (!value->is_string()) refuse(field, "it has to be a string, not " + kind_of(*value));
  return value->get<std::string_view>();
}

// A field that may be absent or null, and is a string otherwise.
void check_optional_text(const Json& object, const char* name, const std::string& where) {
  const Json* value = member(object, name);
  if (value != nullptr && !value->is_null() && !value->is_string()) {
    refuse(where + "." + name, "it has to be a string, not " + kind_of(*value));
  }
}

void check_role(std::string_view role, const std::string& where) {
  static constexpr const char* kRoles[] = {"system", "developer", "user", "assistant", "tool", "function"};
  bool known =
      std::any_of(std::begin(kRoles), std::end(kRoles), [&](const char* name) { return role == name; });
  if (!known) {
    refuse(where + ".role", fmt::format("'{}' is no role", role),
           "it is one of system, developer, user, assistant, tool, function");
  }
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

void normalise_call(Json& function, const std::string& where) {
  if (!function.is_object()) refuse(where, "it has to be an object, not " + kind_of(function));
  need_text(function, "name", where);
  auto arguments = function.find("arguments");
  if (arguments == function.end() || arguments->is_null()) {
    function["arguments"] = Json::object();
  } else if (arguments->is_string()) {
    // Templates want the object; text that is none (a model may have written anything) is passed on as it is.
    std::optional<Json> parsed = Json::try_parse(arguments->get<std::string_view>());
    if (parsed && parsed->is_object()) *arguments = std::move(*parsed);
  } else if (!arguments->is_object()) {
    refuse(where + ".arguments", "it has to be JSON text or an object, not " + kind_of(*arguments));
  }
}

void normalise_tool_calls(Json& calls, const std::string& where) {
  if (!calls.is_array()) refuse(where, "it has to be a list, not " + kind_of(calls));
  for (size_t i = 0; i < calls.size(); ++i) {
    std::string here = fmt::format("{}[{}]", where, i);
    if (!calls[i].is_object()) refuse(here, "it has to be an object, not " + kind_of(calls[i]));
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
  Json message = Json::object();
  for (const auto& [name, value] : given.items())
    if (!value.is_null()) message[name] = value;  // null is the same as absent
  const std::string role(need_text(message, "role", where));
  check_role(role, where);
  if (role == "developer" && !options.keep_developer) message["role"] = "system";
  for (const char* name : {"name", "tool_call_id", "reasoning_content", "refusal"}) {
    check_optional_text(message, name, where);
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
    normalise_call(*call, where + ".function_call");
  }
  if (auto content = message.find("content"); content != message.end()) {
    *content = normalise_content(*content, where + ".content", options.keep_parts);
    return message;
  }
  if (role != "assistant") refuse(where + ".content", "it is missing", "give a string");
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

void check_tools(const Json& tools) {
  if (tools.is_null()) return;
  if (!tools.is_array()) refuse("tools", "it has to be a list, not " + kind_of(tools));
  for (size_t i = 0; i < tools.size(); ++i) {
    std::string where = fmt::format("tools[{}]", i);
    if (!tools[i].is_object()) refuse(where, "a tool has to be an object, not " + kind_of(tools[i]));
    const std::string_view type = need_text(tools[i], "type", where);
    if (type != "function") {
      refuse(where + ".type", fmt::format("tools of type '{}' are not supported", type),
             "give tools of type \"function\"");
    }
    const Json* function = member(tools[i], "function");
    if (function == nullptr) refuse(where + ".function", "it is missing");
    if (!function->is_object())
      refuse(where + ".function", "it has to be an object, not " + kind_of(*function));
    need_text(*function, "name", where + ".function");
    check_optional_text(*function, "description", where + ".function");
    const Json* parameters = member(*function, "parameters");
    if (parameters != nullptr && !parameters->is_null() && !parameters->is_object()) {
      refuse(where + ".function.parameters", "it has to be an object, not " + kind_of(*parameters));
    }
  }
}

}  // namespace gantry::chat
