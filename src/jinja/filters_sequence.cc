// Filters over sequences and mappings.
#include <algorithm>

#include "jinja/args.h"
#include "jinja/filters.h"
#include "jinja/format.h"
#include "jinja/methods.h"
#include "jinja/ops.h"

namespace gantry::jinja {
namespace {

Value do_length(Env& env, const Value& input, CallArgs& args) {
  refuse_named("len", args);
  Bound bound("len", args, {});
  return Value::integer(length(env, input));
}

Value do_list(Env& env, const Value& input, CallArgs& args) {
  Bound bound("list", args, {});
  return make_list(collect(env, input));
}

Value do_first(Env& env, const Value& input, CallArgs& args) {
  Bound bound("first", args, {});
  Value item;
  return iterate(env, input)->next(env, item) ? item : make_undefined("No first item, sequence was empty.");
}

Value do_last(Env& env, const Value& input, CallArgs& args) {
  Bound bound("last", args, {});
  Ref<Iterator> items = iterate_reversed(env, input);
  if (!items) fail_type("'" + type_name(input) + "' object is not reversible");
  Value item;
  return items->next(env, item) ? item : make_undefined("No last item, sequence was empty.");
}

Value do_random(Env&, const Value&, CallArgs&) { fail_type("random makes a prompt that cannot be repeated"); }

Value do_reverse(Env& env, const Value& input, CallArgs& args) {
  Bound bound("reverse", args, {});
  if (input.is_string()) return get_slice(env, input, Value(), Value(), Value::integer(-1));
  if (Ref<Iterator> items = iterate_reversed(env, input)) return make_iterator(items.get());
  if (!try_iterate(env, input)) fail_type("argument must be iterable");
  Values items = collect(env, input);
  std::reverse(items.begin(), items.end());
  return make_list(std::move(items));
}

Value do_join(Env& env, const Value& input, CallArgs& args) {
  Bound bound("join", args, {"d", "attribute"});
  Value separator = bound.value_or(0, Value::string(""));
  Value items = input;
  if (bound.given(1)) {
    AttributeGetter getter(env, bound[1]);
    Values mapped;
    Ref<Iterator> source = iterate(env, input);
    for (Value item; source->next(env, item);) mapped.push_back(getter.get(env, item));
    items = make_list(std::move(mapped));
  }
  if (!env.autoescape)
    return Value::string(join_values(env, Value::string(to_str(env, separator)), items, false));
  Values parts = collect(env, items);
  bool markup = separator.markup();
  for (const Value& part : parts) markup = markup || part.markup();
  Value glue =
      markup ? Value::string(escape_html(env, separator), true) : Value::string(to_str(env, separator));
  return Value::string(join_values(env, glue, make_list(std::move(parts)), false), markup);
}

// Sort keys are lists, one part for each of the attributes "a,b.c".
std::vector<AttributeGetter> sort_getters(Env& env, const Value& attribute) {
  std::vector<AttributeGetter> getters;
  if (!attribute.is_string()) {
    getters.emplace_back(env, attribute);
    return getters;
  }
  const std::string& text = attribute.str();
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(',', begin), text.size());
    getters.emplace_back(env, Value::string(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return getters;
}

Value do_sort(Env& env, const Value& input, CallArgs& args) {
  Bound bound("sort", args, {"reverse", "case_sensitive", "attribute"});
  bool case_sensitive = bound.flag(env, 1, false);
  std::vector<AttributeGetter> getters = sort_getters(env, bound[2]);
  KeyedValues rows;
  for (Value& item : collect(env, input)) {
    Values key;
    for (const AttributeGetter& getter : getters) {
      Value part = getter.get(env, item);
      key.push_back(case_sensitive ? part : ignore_case(env, part));
    }
    rows.emplace_back(make_list(std::move(key)), std::move(item));
  }
  sort_keyed(env, rows, bound.integer(0, 0) != 0);
  Values out;
  for (Keyed& row : rows) out.push_back(std::move(row.second));
  return make_list(std::move(out));
}

Value do_dictsort(Env& env, const Value& input, CallArgs& args) {
  Bound bound("dictsort", args, {"case_sensitive", "by", "reverse"});
  bool case_sensitive = bound.flag(env, 0, false);
  std::string by = bound.text(1, "key");
  if (by != "key" && by != "value") fail_type("You can only sort by either \"key\" or \"value\"");
  if (input.is_undefined()) fail_type(input.as<UndefinedObject>().message);
  if (!input.is(Kind::kDict)) fail_type("'" + type_name(input) + "' object has no attribute 'items'");
  KeyedValues rows;
  for (const auto& [key, value] : input.as<DictObject>().entries) {
    const Value& part = by == "key" ? key : value;
    rows.emplace_back(case_sensitive ? part : ignore_case(env, part), make_tuple({key, value}));
  }
  sort_keyed(env, rows, bound.integer(2, 0) != 0);
  Values out;
  for (Keyed& row : rows) out.push_back(std::move(row.second));
  return make_list(std::move(out));
}

Value do_groupby(Env& env, const Value& input, CallArgs& args) {
  Bound bound("groupby", args, {"attribute", "default", "case_sensitive"}, 1);
  bool case_sensitive = bound.flag(env, 2, false);
  AttributeGetter getter(env, bound[0], bound[1]);
  KeyedValues rows;
  for (Value& item : collect(env, input)) {
    Value key = getter.get(env, item);
    rows.emplace_back(case_sensitive ? key : ignore_case(env, key), std::move(item));
  }
  sort_keyed(env, rows, false);
  Values groups;
  for (size_t i = 0; i < rows.size();) {
    Values members;
    size_t first = i;
    for (; i < rows.size() && equal(env, rows[first].first, rows[i].first); ++i)
      members.push_back(rows[i].second);
    if (members.empty()) members.push_back(rows[i++].second);  // a key that does not equal itself
    Value grouper = case_sensitive ? rows[first].first : getter.get(env, members[0]);
    Value group = make_tuple({grouper, make_list(std::move(members))});
    group.as<ListObject>().group = true;
    groups.push_back(group);
  }
  return make_list(std::move(groups));
}

template <bool kMax>
Value do_extreme(Env& env, const Value& input, CallArgs& args) {
  Bound bound(kMax ? "max" : "min", args, {"case_sensitive", "attribute"});
  bool case_sensitive = bound.flag(env, 0, false);
  AttributeGetter getter(env, bound[1]);
  auto key_of = [&](const Value& item) {
    Value key = getter.get(env, item);
    return case_sensitive ? key : ignore_case(env, key);
  };
  Ref<Iterator> items = iterate(env, input);
  Value best;
  if (!items->next(env, best)) return make_undefined("No aggregated item, sequence was empty.");
  Value best_key = key_of(best);
  for (Value item; items->next(env, item);) {
    Value key = key_of(item);
    if (ordered(env, key, best_key, kMax ? ">" : "<")) {
      best = item;
      best_key = key;
    }
  }
  return best;
}

Value do_sum(Env& env, const Value& input, CallArgs& args) {
  Bound bound("sum", args, {"attribute", "start"});
  Value total = bound.value_or(1, Value::integer(0));
  if (total.is_string()) fail_type("sum() can't sum strings [use ''.join(seq) instead]");
  AttributeGetter getter(env, bound[0]);
  Ref<Iterator> items = iterate(env, input);
  for (Value item; items->next(env, item);) total = add(env, total, getter.get(env, item));
  return total;
}

Value do_attr(Env& env, const Value& input, CallArgs& args) {
  Bound bound("attr", args, {"name"}, 1);
  const std::string& name = need_string(bound[0], "attribute name");
  if (input.is_undefined()) fail_type(input.as<UndefinedObject>().message);
  Value found = try_attribute(env, input, bound[0]);
  if (found.is_missing())
    return make_undefined("'" + describe(input) + "' has no attribute " + string_repr(name));
  return found;
}

Value do_default(Env& env, const Value& input, CallArgs& args) {
  Bound bound("default", args, {"default_value", "boolean"});
  bool use = input.is_undefined() || (bound.flag(env, 1, false) && !truth(env, input));
  return use ? bound.value_or(0, Value::string("")) : input;
}

Value do_tojson(Env& env, const Value& input, CallArgs& args) {
  Bound bound("tojson", args, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ensure_ascii = bound.flag(env, 0, false);
  style.sort_keys = bound.flag(env, 3, false);
  style.pretty = bound.given(1);
  bool given = false;  // of the style
  if (style.pretty) {
    style.item_separator = ",";
    if (bound[1].is_string()) {
      given = bound[1].text().given();
      style.indent = bound[1].str();
    } else {
      int64_t width = std::max<int64_t>(0, to_index(bound[1]));
      env.charge_text(static_cast<uint64_t>(width));
      style.indent.assign(static_cast<size_t>(width), ' ');
    }
  }
  if (bound.given(2)) {
    Values parts = collect(env, bound[2]);
    if (parts.size() != 2) fail_type("separators must be a pair");
    style.item_separator = need_string(parts[0], "separator");
    style.key_separator = need_string(parts[1], "separator");
    given = given || parts[0].text().given() || parts[1].text().given();
  }
  Text out = dump_json(env, input, style);
  if (given) out.mark_all();
  return Value::string(std::move(out));
}

constexpr FilterRow kSequenceRows[] = {
    {"attr", do_attr},          {"count", do_length},      {"d", do_default},
    {"default", do_default},    {"dictsort", do_dictsort}, {"first", do_first},
    {"groupby", do_groupby},    {"join", do_join},         {"last", do_last},
    {"length", do_length},      {"list", do_list},         {"max", do_extreme<true>},
    {"min", do_extreme<false>}, {"random", do_random},     {"reverse", do_reverse},
    {"sort", do_sort},          {"sum", do_sum},           {"tojson", do_tojson},
};

}  // namespace

std::span<const FilterRow> sequence_filters() { return kSequenceRows; }

}  // namespace gantry::jinja
