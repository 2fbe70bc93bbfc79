#include "chat/tools.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "chat/fields.h"
#include "reply/call_writer.h"

namespace gantry::chat {
namespace {

constexpr int kReferencesMax = 8;     // in one another
constexpr size_t kSchemasMax = 1024;  // of one request, references followed: they may be circular

Json normalise_tool(const Json& given, const std::string& where) {
  if (!given.is_object()) refuse(where, "a tool has to be an object, not " + kind_of(given));
  Json tool = without_nulls(given);
  if (!tool.contains("type") && tool.contains("function")) tool["type"] = "function";
  const std::string_view type = need_text(tool, "type", where);
  if (type != "function") {
    refuse(where + ".type", fmt::format("tools of type '{}' are not supported", type),
           "give tools of type \"function\"");
  }
  if (!tool.contains("function")) refuse(where + ".function", "it is missing");
  if (!tool["function"].is_object())
    refuse(where + ".function", "it has to be an object, not " + kind_of(tool["function"]));
  Json function = without_nulls(tool["function"]);
  need_text(function, "name", where + ".function");
  check_optional_text(function, "description", where + ".function");
  if (const Json* parameters = member(function, "parameters");
      parameters != nullptr && !parameters->is_object()) {
    refuse(where + ".function.parameters", "it has to be an object, not " + kind_of(*parameters));
  }
  tool["function"] = std::move(function);
  return tool;
}

class Simplifier {
 public:
  bool run(Json& parameters) {
    const Json root = parameters;
    root_ = &root;
    changed_ = false;
    if (parameters.empty()) return false;
    if (!parameters.contains("type") && !parameters.contains("$ref")) {
      parameters["type"] = "object";
      changed_ = true;
    }
    schema(parameters, 0);
    for (const char* definitions : {"$defs", "definitions"})
      if (parameters.erase(definitions) > 0) changed_ = true;
    return changed_;
  }

 private:
  void schema(Json& one, int references) {
    if (!one.is_object() || ++schemas_ > kSchemasMax) return;
    follow(one, references);
    choose(one, "anyOf");
    choose(one, "oneOf");
    follow(one, references);
    if (const auto type = one.find("type"); type != one.end() && type->is_array()) {
      Json first = "string";
      for (const Json& name : *type)
        if (name.is_string() && name != "null") {
          first = name;
          break;
        }
      *type = std::move(first);
      changed_ = true;
    }
    if (!one.contains("type")) {
      one["type"] = type_of(one);
      changed_ = true;
    }
    if (const auto properties = one.find("properties"); properties != one.end() && properties->is_object())
      for (const auto& [key, value] : properties->items()) schema(value, references);
    if (const auto items = one.find("items"); items != one.end()) schema(*items, references);
  }

  // What a schema is of that does not say it.
  static const char* type_of(const Json& one) {
    if (one.contains("properties")) return "object";
    if (one.contains("items")) return "array";
    return "string";
  }

  // "#/$defs/NAME": what stands there takes the reference's place.
  void follow(Json& one, int& references) {
    const auto reference = one.find("$ref");
    if (reference == one.end() || !reference->is_string()) return;
    std::string_view path = reference->get<std::string_view>();
    const Json* target = path.starts_with("#/") ? root_ : nullptr;
    for (path.remove_prefix(std::min<size_t>(2, path.size())); target != nullptr && !path.empty();) {
      const size_t end = std::min(path.find('/'), path.size());
      const auto found = target->find(path.substr(0, end));
      target = found == target->end() ? nullptr : &*found;
      path.remove_prefix(std::min(end + 1, path.size()));
    }
    one.erase("$ref");
    changed_ = true;
    if (target == nullptr || !target->is_object() || ++references > kReferencesMax) {
      if (!one.contains("type")) one["type"] = "object";
      return;
    }
    for (const auto& [key, value] : target->items())
      if (!one.contains(key)) one[key] = value;
    if (one.contains("$ref")) follow(one, references);
  }

  // Of several choices the first that is not null.
  void choose(Json& one, const char* choices) {
    const auto list = one.find(choices);
    if (list == one.end() || !list->is_array() || one.contains("type")) return;
    Json chosen;
    for (const Json& choice : *list)
      if (choice.is_object() && !(choice.contains("type") && choice["type"] == "null")) {
        chosen = choice;
        break;
      }
    one.erase(choices);
    changed_ = true;
    for (const auto& [key, value] : chosen.items())
      if (!one.contains(key)) one[key] = value;
  }

  const Json* root_ = nullptr;
  size_t schemas_ = 0;
  bool changed_ = false;
};

}  // namespace

Json normalise_tools(const Json& tools) {
  if (tools.is_null()) return nullptr;
  if (!tools.is_array()) refuse("tools", "it has to be a list, not " + kind_of(tools));
  if (tools.empty()) return nullptr;
  Json out = Json::array();
  for (size_t i = 0; i < tools.size(); ++i)
    out.push_back(normalise_tool(tools[i], fmt::format("tools[{}]", i)));
  return out;
}

bool fill_in_tools(Json& tools) {
  bool filled = false;
  for (Json& tool : tools) {
    Json& function = tool["function"];
    const auto fill = [&](Json& object, const char* name, Json value) {
      if (object.contains(name)) return;
      object[name] = std::move(value);
      filled = true;
    };
    fill(function, "description", "");
    fill(function, "parameters", Json::object());
    Json& parameters = function["parameters"];
    fill(parameters, "type", "object");
    fill(parameters, "properties", Json::object());
    fill(parameters, "required", Json::array());
  }
  return filled;
}

bool simplify_tools(Json& tools) {
  bool simplified = false;
  Simplifier simplifier;
  for (Json& tool : tools) {
    const auto parameters = tool["function"].find("parameters");
    if (parameters != tool["function"].end() && simplifier.run(*parameters)) simplified = true;
  }
  return simplified;
}

text::Words tools_in_words(const Json& tools, const reply::ReplyFormat& format) {
  text::Words words;
  words.own("You can call these functions:\n");
  for (const Json& tool : tools) words.given(reply::spaced_json(tool["function"])).own("\n");
  const Json arguments = Json::object({{"ARGUMENT", "VALUE"}});
  const reply::WrittenCall example[] = {{"NAME", &arguments, "abc123def"}};
  const text::Words call = reply::write_calls(format, example);
  // Here the words of the example are the house's as well.
  if (!call.empty())
    words.own("To call one, answer with nothing but the call, in this form:\n").own(call.text()).own("\n");
  return words.own("Its result comes in the next message.");
}

}  // namespace gantry::chat
