#include "jinja/filters.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "jinja/ops.h"
#include "jinja/unicode.h"

namespace gantry::jinja {

const FilterRow* find_filter(std::string_view name) {
  static const auto table = [] {
    std::unordered_map<std::string_view, const FilterRow*> rows;
    for (auto part :
         {text_filters(), number_filters(), sequence_filters(), lazy_filters(), markup_filters()}) {
      for (const FilterRow& row : part) rows.emplace(row.name, &row);
    }
    return rows;
  }();
  auto it = table.find(name);
  return it == table.end() ? nullptr : it->second;
}

AttributeGetter::AttributeGetter(Env& env, const Value& attribute, Value fallback)
    : fallback_(std::move(fallback)) {
  if (attribute.is_none() || attribute.is_missing()) return;
  if (!attribute.is_string()) {
    parts_.push_back(attribute);
    return;
  }
  const std::string& text = attribute.str();
  env.charge_text(text.size());
  constexpr size_t kIndexDigits = 18;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find('.', begin), text.size());
    std::string part = text.substr(begin, end - begin);
    bool digits = !part.empty() && part.size() <= kIndexDigits &&
                  part.find_first_not_of("0123456789") == std::string::npos;
    parts_.push_back(digits ? Value::integer(std::stoll(part)) : Value::string(part));
    begin = end + 1;
  }
}

Value AttributeGetter::get(Env& env, const Value& item) const {
  Value value = item;
  for (const Value& part : parts_) {
    env.charge(1);
    value = get_item(env, value, part);
    if (!fallback_.is_missing() && !fallback_.is_none() && value.is_undefined()) value = fallback_;
  }
  return value;
}

Value ignore_case(Env& env, const Value& value) {
  if (!value.is_string()) return value;
  env.charge_text(value.str().size());
  return Value::string(Text(to_lower(value.str()), value.text().given()));
}

}  // namespace gantry::jinja
