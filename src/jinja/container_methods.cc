// Methods of list, tuple, dict and bytes. Those that change a container exist for the mutable sandbox only;
// what they change is remembered by the Env, because it may now hold itself.
#include <algorithm>

#include "jinja/args.h"
#include "jinja/methods.h"
#include "jinja/ops.h"
#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

Value index_of(Env& env, const Value& self, CallArgs& args) {
  refuse_named("index", args);
  Bound bound("index", args, {"value", "start", "stop"}, 1);
  auto size = static_cast<int64_t>(self.items().size());
  auto place = [&](size_t at, int64_t otherwise) {
    int64_t value = bound.integer(at, otherwise);
    return std::clamp<int64_t>(value < 0 ? value + size : value, 0, size);
  };
  int64_t stop = place(2, size);
  for (int64_t i = place(1, 0); i < stop; ++i) {
    env.charge(1);
    const Value& item = self.items()[static_cast<size_t>(i)];
    if (same(item, bound[0]) || equal(env, item, bound[0])) return Value::integer(i);
  }
  fail_type("value is not in " + type_name(self));
}

Value count_of(Env& env, const Value& self, CallArgs& args) {
  refuse_named("count", args);
  Bound bound("count", args, {"value"}, 1);
  int64_t found = 0;
  for (const Value& item : self.items()) {
    env.charge(1);
    found += same(item, bound[0]) || equal(env, item, bound[0]) ? 1 : 0;
  }
  return Value::integer(found);
}

Value list_copy(Env& env, const Value& self, CallArgs& args) {
  Bound bound("copy", args, {});
  env.charge_values(self.items().size());
  return make_list(self.items());
}

Value list_append(Env& env, const Value& self, CallArgs& args) {
  refuse_named("append", args);
  Bound bound("append", args, {"object"}, 1);
  env.changed(self);
  self.items().push_back(bound[0]);
  return Value();
}

Value list_extend(Env& env, const Value& self, CallArgs& args) {
  refuse_named("extend", args);
  Bound bound("extend", args, {"iterable"}, 1);
  Values more = collect(env, bound[0]);
  env.changed(self);
  self.items().insert(self.items().end(), more.begin(), more.end());
  return Value();
}

Value list_insert(Env& env, const Value& self, CallArgs& args) {
  refuse_named("insert", args);
  Bound bound("insert", args, {"index", "object"}, 2);
  auto size = static_cast<int64_t>(self.items().size());
  int64_t at = to_index(bound[0]);
  at = std::clamp<int64_t>(at < 0 ? at + size : at, 0, size);
  env.charge(static_cast<uint64_t>(size) / 16);
  env.changed(self);
  self.items().insert(self.items().begin() + at, bound[1]);
  return Value();
}

Value list_pop(Env& env, const Value& self, CallArgs& args) {
  refuse_named("pop", args);
  Bound bound("pop", args, {"index"});
  auto size = static_cast<int64_t>(self.items().size());
  if (size == 0) fail_type("pop from empty list");
  int64_t at = bound.integer(0, -1);
  if (at < 0) at += size;
  if (at < 0 || at >= size) fail_type("pop index out of range");
  env.charge(static_cast<uint64_t>(size) / 16);
  Value taken = self.items()[static_cast<size_t>(at)];
  self.items().erase(self.items().begin() + at);
  return taken;
}

Value list_remove(Env& env, const Value& self, CallArgs& args) {
  int64_t at = static_cast<int64_t>(index_of(env, self, args).as_int());
  self.items().erase(self.items().begin() + at);
  return Value();
}

Value list_reverse(Env& env, const Value& self, CallArgs& args) {
  Bound bound("reverse", args, {});
  env.charge(self.items().size());
  std::reverse(self.items().begin(), self.items().end());
  return Value();
}

Value list_sort(Env& env, const Value& self, CallArgs& args) {
  Bound bound("sort", args, {"key", "reverse"});
  KeyedValues rows;
  Values items = self.items();  // a key function may change the list
  for (const Value& item : items) {
    CallArgs one;
    one.positional.push_back(item);
    rows.emplace_back(bound.given(0) ? env.caller->call(bound[0], one) : item, item);
  }
  sort_keyed(env, rows, bound.integer(1, 0) != 0);
  Values sorted;
  for (Keyed& row : rows) sorted.push_back(std::move(row.second));
  self.items() = std::move(sorted);
  return Value();
}

Value list_clear(Env&, const Value& self, CallArgs& args) {
  Bound bound("clear", args, {});
  Values().swap(self.items());
  return Value();
}

DictObject& dict_of(const Value& self) { return self.as<DictObject>(); }

Value dict_get(Env& env, const Value& self, CallArgs& args) {
  refuse_named("get", args);
  Bound bound("get", args, {"key", "default"}, 1);
  Value* found = dict_of(self).find(env, bound[0]);
  return found != nullptr ? *found : bound.value_or(1, Value());
}

template <ViewKind kView>
Value dict_view(Env&, const Value& self, CallArgs& args) {
  Bound bound("method", args, {});
  auto* view = new DictViewObject;
  Value result = Value::object(Kind::kDictView, view);
  view->dict = Ref<DictObject>(&dict_of(self));
  view->view = kView;
  return result;
}

Value dict_copy(Env& env, const Value& self, CallArgs& args) {
  Bound bound("copy", args, {});
  Value copy = make_dict();
  for (const auto& [key, value] : dict_of(self).entries) dict_of(copy).set(env, key, value);
  return copy;
}

Value dict_fromkeys(Env& env, const Value&, CallArgs& args) {
  refuse_named("fromkeys", args);
  Bound bound("fromkeys", args, {"iterable", "value"}, 1);
  Value made = make_dict();
  for (const Value& key : collect(env, bound[0])) dict_of(made).set(env, key, bound.value_or(1, Value()));
  return made;
}

Value dict_pop(Env& env, const Value& self, CallArgs& args) {
  refuse_named("pop", args);
  Bound bound("pop", args, {"key", "default"}, 1);
  Value* found = dict_of(self).find(env, bound[0]);
  if (found == nullptr) {
    if (!bound.has(1)) fail_type("the dict has no such key");
    return bound[1];
  }
  Value taken = *found;
  env.charge(dict_of(self).entries.size() / 16);
  dict_of(self).erase(env, bound[0]);
  return taken;
}

Value dict_popitem(Env& env, const Value& self, CallArgs& args) {
  Bound bound("popitem", args, {});
  auto& entries = dict_of(self).entries;
  if (entries.empty()) fail_type("popitem(): dictionary is empty");
  auto [key, value] = entries.back();
  dict_of(self).erase(env, key);
  return make_tuple({key, value});
}

Value dict_setdefault(Env& env, const Value& self, CallArgs& args) {
  refuse_named("setdefault", args);
  Bound bound("setdefault", args, {"key", "default"}, 1);
  if (Value* found = dict_of(self).find(env, bound[0])) return *found;
  env.changed(self);
  dict_of(self).set(env, bound[0], bound.value_or(1, Value()));
  return bound.value_or(1, Value());
}

Value dict_update(Env& env, const Value& self, CallArgs& args) {
  CallArgs other;
  other.positional = args.positional;
  Bound bound("update", other, {"other"});
  env.changed(self);
  if (bound.has(0)) fill_dict(env, dict_of(self), bound[0]);
  for (const auto& [key, value] : args.named) dict_of(self).set(env, args.name(key), value);
  return Value();
}

Value dict_clear(Env&, const Value& self, CallArgs& args) {
  Bound bound("clear", args, {});
  dict_of(self).clear();
  return Value();
}

Value bytes_decode(Env& env, const Value& self, CallArgs& args) {
  Bound bound("decode", args, {"encoding", "errors"});
  const std::string& data = self.as<BytesObject>().data;
  env.charge_text(data.size());
  if (!is_utf8(data)) fail_type("'utf-8' codec can't decode the bytes");
  return Value::string(Text(data, self.as<BytesObject>().given));
}

Value bytes_hex(Env& env, const Value& self, CallArgs& args) {
  Bound bound("hex", args, {});
  env.charge_text(self.as<BytesObject>().data.size() * 2);
  std::string out;
  for (char c : self.as<BytesObject>().data) {
    auto byte = static_cast<unsigned char>(c);
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return Value::string(Text(std::move(out), self.as<BytesObject>().given));
}

// A number is in a range at one place at most.
Value range_place(Env& env, const Value& self, CallArgs& args) {
  refuse_named("index", args);
  Bound bound("index", args, {"value"}, 1);
  Ref<Iterator> items = iterate(env, self);
  int64_t at = 0;
  for (Value item; items->next(env, item); ++at) {
    if (equal(env, item, bound[0])) return Value::integer(at);
  }
  return Value();
}

Value range_index(Env& env, const Value& self, CallArgs& args) {
  Value place = range_place(env, self, args);
  if (place.is_none()) fail_type("the value is not in range");
  return place;
}

Value range_count(Env& env, const Value& self, CallArgs& args) {
  return Value::integer(range_place(env, self, args).is_none() ? 0 : 1);
}

constexpr MethodRow kRange[] = {{"count", range_count}, {"index", range_index}};
constexpr MethodRow kTuple[] = {{"count", count_of}, {"index", index_of}};
constexpr MethodRow kList[] = {
    {"append", list_append, true}, {"clear", list_clear, true},
    {"copy", list_copy},           {"count", count_of},
    {"extend", list_extend, true}, {"index", index_of},
    {"insert", list_insert, true}, {"pop", list_pop, true},
    {"remove", list_remove, true}, {"reverse", list_reverse, true},
    {"sort", list_sort, true},
};
constexpr MethodRow kDict[] = {
    {"clear", dict_clear, true},
    {"copy", dict_copy},
    {"fromkeys", dict_fromkeys},
    {"get", dict_get},
    {"items", dict_view<ViewKind::kItems>},
    {"keys", dict_view<ViewKind::kKeys>},
    {"pop", dict_pop, true},
    {"popitem", dict_popitem, true},
    {"setdefault", dict_setdefault, true},
    {"update", dict_update, true},
    {"values", dict_view<ViewKind::kValues>},
};
constexpr MethodRow kBytes[] = {{"decode", bytes_decode}, {"hex", bytes_hex}};

}  // namespace

void fill_dict(Env& env, DictObject& out, const Value& source) {
  if (source.is(Kind::kDict)) {
    auto entries = source.as<DictObject>().entries;  // the source may be the target
    env.charge_values(entries.size());
    for (const auto& [key, value] : entries) out.set(env, key, value);
    return;
  }
  Ref<Iterator> rows = iterate(env, source);
  for (Value row; rows->next(env, row);) {
    Values pair = collect(env, row);
    if (pair.size() != 2)
      fail_type("a dict is made of pairs, not of rows of length " + std::to_string(pair.size()));
    out.set(env, pair[0], pair[1]);
  }
}

std::span<const MethodRow> list_methods() { return kList; }
std::span<const MethodRow> tuple_methods() { return kTuple; }
std::span<const MethodRow> dict_methods() { return kDict; }
std::span<const MethodRow> range_methods() { return kRange; }
std::span<const MethodRow> bytes_methods() { return kBytes; }

}  // namespace gantry::jinja
