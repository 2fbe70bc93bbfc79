// The way from a context's JSON to values, and which of its words are given.
#include <algorithm>
#include <tuple>

#include "jinja/evaluator.h"

namespace gantry::jinja {
namespace {

Value from_json(Env& env, const Json& json, bool given) {
  env.charge(1);
  if (json.is_null()) return Value();
  if (json.is_boolean()) return Value::boolean(json.get<bool>());
  if (json.is_number_unsigned()) return Value::integer(json.get<uint64_t>());
  if (json.is_number_integer()) return Value::integer(json.get<int64_t>());
  if (json.is_number_float()) return Value::real(json.get<double>());
  if (json.is_string()) return Value::string(Text(json.get<std::string>(), given));
  DepthGuard guard(env);
  if (json.is_array()) {
    Values items;
    items.reserve(json.size());
    for (const Json& item : json) items.push_back(from_json(env, item, given));
    return make_list(std::move(items));
  }
  if (!json.is_object()) fail_type("a value of the context is not JSON");
  Value dict = make_dict();
  auto& out = dict.as<DictObject>();
  for (const auto& [key, item] : json.items())
    out.set(env, Value::string(Text(std::string(key), given)), from_json(env, item, given));
  return dict;
}

bool is_one_of(std::string_view name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The house's words in messages, by message, member and place.
class OwnIndex {
 public:
  explicit OwnIndex(const std::vector<OwnWords>& words) {
    for (const OwnWords& own : words) sorted_.push_back(&own);
    std::sort(sorted_.begin(), sorted_.end(), [](const OwnWords* a, const OwnWords* b) {
      return std::tie(a->message, a->member, a->range.begin) <
             std::tie(b->message, b->member, b->range.begin);
    });
  }

  bool any(size_t message, std::string_view member) const {
    const auto first = first_of(message, member);
    return first != sorted_.end() && (*first)->message == message && (*first)->member == member;
  }

  // All of a text is given but for what is the house's. `from`: where it begins, of the member's texts.
  Text text(size_t message, std::string_view member, size_t from, std::string words) const {
    Text out(std::move(words));
    size_t at = 0;
    for (auto own = first_of(message, member);
         own != sorted_.end() && (*own)->message == message && (*own)->member == member; ++own) {
      const Range range{std::max((*own)->range.begin, from) - from, std::max((*own)->range.end, from) - from};
      if (range.begin > at) out.mark({at, std::min(range.begin, out.size())});
      at = std::min(std::max(at, range.end), out.size());
    }
    out.mark({at, out.size()});
    return out;
  }

 private:
  using Sorted = std::vector<const OwnWords*>;
  Sorted::const_iterator first_of(size_t message, std::string_view member) const {
    const auto before = [&](const OwnWords* own, std::string_view name) {
      return std::tuple(own->message, std::string_view(own->member)) < std::tuple(message, name);
    };
    return std::lower_bound(sorted_.begin(), sorted_.end(), member, before);
  }

  Sorted sorted_;
};

// The texts of a member that is a list of parts.
Value from_parts(Env& env, const Json& parts, size_t message, std::string_view member,
                 const OwnIndex& words) {
  constexpr std::string_view kText = "text";
  DepthGuard guard(env);
  env.charge(1);
  Values items;
  items.reserve(parts.size());
  size_t from = 0;
  for (const Json& part : parts) {
    Value item = from_json(env, part, true);
    if (const auto text = part.find(kText); text != part.end() && text->is_string()) {
      const auto spoken = text->get<std::string>();
      item.as<DictObject>().set(env, Value::string(Text(std::string(kText), true)),
                                Value::string(words.text(message, member, from, spoken)));
      from += spoken.size();
    }
    items.push_back(std::move(item));
  }
  return make_list(std::move(items));
}

Value from_message(Env& env, const Json& message, size_t index, const HouseWords& house,
                   const OwnIndex& words) {
  if (!message.is_object()) return from_json(env, message, true);
  DepthGuard guard(env);
  env.charge(1);
  Value dict = make_dict();
  auto& out = dict.as<DictObject>();
  for (const auto& [key, item] : message.items()) {
    Value value;
    if (item.is_string() && !is_one_of(key, house.members)) {
      env.charge(1);
      value = Value::string(words.text(index, key, 0, item.get<std::string>()));
    } else if (item.is_array() && words.any(index, key)) {
      value = from_parts(env, item, index, key, words);
    } else {
      value = from_json(env, item, !item.is_string());
    }
    out.set(env, Value::string(Text(std::string(key), true)), std::move(value));
  }
  return dict;
}

}  // namespace

Value from_context(Env& env, const std::string& name, const Json& json, const HouseWords& house) {
  if (name != "messages" || !json.is_array()) return from_json(env, json, !is_one_of(name, house.variables));
  DepthGuard guard(env);
  env.charge(1);
  const OwnIndex words(house.words);
  Values items;
  items.reserve(json.size());
  for (size_t i = 0; i < json.size(); ++i) items.push_back(from_message(env, json[i], i, house, words));
  return make_list(std::move(items));
}

}  // namespace gantry::jinja
