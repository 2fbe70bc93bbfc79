// Lengths, iteration and subscripts.
#include <algorithm>

#include "jinja/ops.h"
#include "jinja/utf8.h"

namespace gantry::jinja {
namespace {

// Looks at the list anew for every item: it may change meanwhile.
class SequenceIterator final : public Iterator {
 public:
  SequenceIterator(Value sequence, bool reversed) : sequence_(std::move(sequence)), reversed_(reversed) {
    at_ = reversed ? sequence_.items().size() : 0;
  }
  const char* type_name() const override {
    bool list = sequence_.is(Kind::kList);
    if (reversed_) return list ? "list_reverseiterator" : "reversed";
    return list ? "list_iterator" : "tuple_iterator";
  }

 protected:
  bool advance(Env&, Value& out) override {
    const Values& items = sequence_.items();
    if (reversed_) {
      if (at_ == 0 || at_ > items.size()) return false;
      out = items[--at_];
      return true;
    }
    if (at_ >= items.size()) return false;
    out = items[at_++];
    return true;
  }

 private:
  Value sequence_;
  size_t at_ = 0;
  bool reversed_;
};

class StringIterator final : public Iterator {
 public:
  explicit StringIterator(Value text) : text_(std::move(text)) {}
  const char* type_name() const override { return "str_iterator"; }

 protected:
  bool advance(Env&, Value& out) override {
    const std::string& text = text_.str();
    if (at_ >= text.size()) return false;
    size_t begin = at_;
    utf8_next(text, at_);
    out = Value::string(text_.text().part({begin, at_}));
    return true;
  }

 private:
  Value text_;
  size_t at_ = 0;
};

class BytesIterator final : public Iterator {
 public:
  explicit BytesIterator(Value data) : data_(std::move(data)) {}

 protected:
  bool advance(Env&, Value& out) override {
    const std::string& data = data_.as<BytesObject>().data;
    if (at_ >= data.size()) return false;
    out = Value::integer(static_cast<unsigned char>(data[at_++]));
    return true;
  }

 private:
  Value data_;
  size_t at_ = 0;
};

class DictIterator final : public Iterator {
 public:
  DictIterator(Ref<DictObject> dict, ViewKind view, bool reversed)
      : dict_(std::move(dict)), view_(view), reversed_(reversed), size_(dict_->entries.size()) {}
  const char* type_name() const override {
    if (view_ == ViewKind::kKeys) return reversed_ ? "dict_reversekeyiterator" : "dict_keyiterator";
    if (view_ == ViewKind::kValues) return reversed_ ? "dict_reversevalueiterator" : "dict_valueiterator";
    return reversed_ ? "dict_reverseitemiterator" : "dict_itemiterator";
  }

 protected:
  bool advance(Env&, Value& out) override {
    if (dict_->entries.size() != size_) fail_type("dictionary changed size during iteration");
    if (at_ >= size_) return false;
    const auto& [key, value] = dict_->entries[reversed_ ? size_ - 1 - at_ : at_];
    ++at_;
    if (view_ == ViewKind::kKeys) {
      out = key;
    } else if (view_ == ViewKind::kValues) {
      out = value;
    } else {
      out = make_tuple({key, value});
    }
    return true;
  }

 private:
  Ref<DictObject> dict_;
  ViewKind view_;
  bool reversed_;
  size_t size_;
  size_t at_ = 0;
};

class RangeIterator final : public Iterator {
 public:
  RangeIterator(const RangeObject& range, bool reversed) : step_(range.step), left_(range.length()) {
    next_ = range.start;
    if (reversed && left_ > 0) {
      next_ = static_cast<int64_t>(Int{range.start} + Int{range.step} * (left_ - 1));
      step_ = -step_;
    }
  }
  const char* type_name() const override { return "range_iterator"; }

 protected:
  bool advance(Env&, Value& out) override {
    if (left_ == 0) return false;
    out = Value::integer(next_);
    --left_;
    if (left_ > 0) next_ += step_;
    return true;
  }

 private:
  int64_t next_ = 0;
  int64_t step_;
  int64_t left_;
};

Value range_item(const RangeObject& range, int64_t index) {
  int64_t count = range.length();
  if (index < 0) index += count;
  if (index < 0 || index >= count) return Value::missing();
  return Value::integer(Int{range.start} + Int{range.step} * index);
}

Value string_item(Env& env, const Value& value, int64_t index) {
  const std::string& text = value.str();
  int64_t count = length(env, value);
  if (index < 0) index += count;
  if (index < 0 || index >= count) return Value::missing();
  if (count == static_cast<int64_t>(text.size())) {
    const auto at = static_cast<size_t>(index);
    return Value::string(value.text().part({at, at + 1}), value.markup());
  }
  env.charge(1 + text.size() / 64);
  size_t begin = utf8_offset(text, static_cast<size_t>(index));
  const size_t end = std::min(begin + utf8_width(text[begin]), text.size());
  return Value::string(value.text().part({begin, end}), value.markup());
}

struct SliceBounds {
  int64_t start, stop, step, count;
  size_t at(size_t i) const { return static_cast<size_t>(start + static_cast<int64_t>(i) * step); }
};

SliceBounds resolve_slice(int64_t size, const Value& start, const Value& stop, const Value& step) {
  int64_t stride = step.is_none() ? 1 : to_index(step);
  if (stride == 0) fail_type("slice step cannot be zero");
  int64_t lowest = stride > 0 ? 0 : -1;
  int64_t highest = stride > 0 ? size : size - 1;
  auto bound = [&](const Value& value, int64_t otherwise) {
    if (value.is_none()) return otherwise;
    int64_t index = to_index(value);
    if (index < 0) index += size;
    return std::clamp(index, lowest, std::max(lowest, highest));
  };
  RangeObject range;
  range.start = bound(start, stride > 0 ? lowest : highest);
  range.stop = bound(stop, stride > 0 ? highest : lowest);
  range.step = stride;
  return {range.start, range.stop, stride, range.length()};
}

void check_slice_part(const Value& part) {
  if (part.is_none() || part.is_integral()) return;
  fail_type("slice indices must be integers or None or have an __index__ method");
}

}  // namespace

std::optional<int64_t> try_length(Env& env, const Value& value) {
  if (value.is_string()) {
    auto& text = value.as<StringObject>();
    size_t known = text.length.load(std::memory_order_relaxed);
    if (known == static_cast<size_t>(-1)) {
      env.charge(1 + text.text.size() / 64);
      known = utf8_length(text.text.str());
      text.length.store(known, std::memory_order_relaxed);
    }
    return static_cast<int64_t>(known);
  }
  if (value.is_sequence()) return static_cast<int64_t>(value.items().size());
  if (value.is(Kind::kDict)) return static_cast<int64_t>(value.as<DictObject>().entries.size());
  if (value.is(Kind::kDictView)) {
    return static_cast<int64_t>(value.as<DictViewObject>().dict->entries.size());
  }
  if (value.is(Kind::kRange)) return value.as<RangeObject>().length();
  if (value.is(Kind::kBytes)) return static_cast<int64_t>(value.as<BytesObject>().data.size());
  if (value.is_undefined()) return 0;
  if (value.is(Kind::kLoop)) {
    return static_cast<int64_t>(try_attribute(env, value, Value::string("length")).as_int());
  }
  return std::nullopt;
}

int64_t length(Env& env, const Value& value) {
  auto known = try_length(env, value);
  if (!known) fail_type("object of type '" + type_name(value) + "' has no len()");
  return *known;
}

Ref<Iterator> try_iterate(Env&, const Value& value) {
  if (value.is_sequence()) return Ref<Iterator>(new SequenceIterator(value, false));
  if (value.is(Kind::kIterator)) return Ref<Iterator>(&value.as<Iterator>());
  if (value.is_string()) return Ref<Iterator>(new StringIterator(value));
  if (value.is(Kind::kBytes)) return Ref<Iterator>(new BytesIterator(value));
  if (value.is(Kind::kDict)) {
    return Ref<Iterator>(new DictIterator(Ref<DictObject>(&value.as<DictObject>()), ViewKind::kKeys, false));
  }
  if (value.is(Kind::kDictView)) {
    auto& view = value.as<DictViewObject>();
    return Ref<Iterator>(new DictIterator(view.dict, view.view, false));
  }
  if (value.is(Kind::kRange)) return Ref<Iterator>(new RangeIterator(value.as<RangeObject>(), false));
  if (value.is_undefined()) return Ref<Iterator>(new SequenceIterator(make_list({}), false));
  return {};
}

Ref<Iterator> iterate(Env& env, const Value& value) {
  Ref<Iterator> items = try_iterate(env, value);
  if (!items) fail_type("'" + type_name(value) + "' object is not iterable");
  return items;
}

Ref<Iterator> iterate_reversed(Env& env, const Value& value) {
  if (value.is_sequence()) return Ref<Iterator>(new SequenceIterator(value, true));
  if (value.is(Kind::kDict)) {
    return Ref<Iterator>(new DictIterator(Ref<DictObject>(&value.as<DictObject>()), ViewKind::kKeys, true));
  }
  if (value.is(Kind::kDictView)) {
    auto& view = value.as<DictViewObject>();
    return Ref<Iterator>(new DictIterator(view.dict, view.view, true));
  }
  if (value.is(Kind::kRange)) return Ref<Iterator>(new RangeIterator(value.as<RangeObject>(), true));
  if (value.is_string() || value.is(Kind::kBytes)) {
    return Ref<Iterator>(new SequenceIterator(make_tuple(collect(env, value)), true));
  }
  if (value.is_undefined()) return Ref<Iterator>(new SequenceIterator(make_tuple({}), true));
  return {};
}

Values collect(Env& env, const Value& iterable) {
  if (iterable.is_sequence()) {
    env.charge_values(iterable.items().size());
    return iterable.items();
  }
  Ref<Iterator> items = iterate(env, iterable);
  Values out;
  for (Value item; items->next(env, item);) out.push_back(std::move(item));
  return out;
}

Value try_subscript(Env& env, const Value& value, const Value& key) {
  if (value.is(Kind::kDict)) {
    // An unhashable key is Python's TypeError, which Jinja takes for "not there".
    if (key.is(Kind::kList) || key.is(Kind::kDict)) return Value::missing();
    Value* found = value.as<DictObject>().find(env, key);
    return found == nullptr ? Value::missing() : *found;
  }
  if (value.is_undefined()) fail_type(value.as<UndefinedObject>().message);
  if (!key.is_integral()) return Value::missing();
  int64_t index = to_index(key);
  if (value.is_sequence()) {
    const Values& items = value.items();
    auto count = static_cast<int64_t>(items.size());
    if (index < 0) index += count;
    return index < 0 || index >= count ? Value::missing() : items[static_cast<size_t>(index)];
  }
  if (value.is_string()) return string_item(env, value, index);
  if (value.is(Kind::kRange)) return range_item(value.as<RangeObject>(), index);
  if (value.is(Kind::kBytes)) {
    const std::string& data = value.as<BytesObject>().data;
    auto count = static_cast<int64_t>(data.size());
    if (index < 0) index += count;
    if (index < 0 || index >= count) return Value::missing();
    return Value::integer(static_cast<unsigned char>(data[static_cast<size_t>(index)]));
  }
  return Value::missing();
}

Value get_slice(Env& env, const Value& value, const Value& start, const Value& stop, const Value& step) {
  if (value.is_undefined()) fail_type(value.as<UndefinedObject>().message);
  if (!value.is_string() && !value.is_sequence() && !value.is(Kind::kRange) && !value.is(Kind::kBytes)) {
    if (value.is(Kind::kDict)) fail_type("unhashable type: 'slice'");
    fail_type("'" + type_name(value) + "' object is not subscriptable");
  }
  for (const Value* part : {&start, &stop, &step}) check_slice_part(*part);
  SliceBounds slice = resolve_slice(length(env, value), start, stop, step);
  auto count = static_cast<size_t>(slice.count);
  if (value.is(Kind::kRange)) {
    const auto& range = value.as<RangeObject>();
    auto* out = new RangeObject;
    Value result = Value::object(Kind::kRange, out);
    // A range of the sandbox holds at most 100,000 numbers: nothing here can wrap once clamped.
    out->start = static_cast<int64_t>(Int{range.start} + Int{range.step} * slice.start);
    out->step = static_cast<int64_t>(std::clamp<Int>(Int{range.step} * slice.step, INT64_MIN, INT64_MAX));
    out->stop = static_cast<int64_t>(
        std::clamp<Int>(Int{range.start} + Int{range.step} * slice.stop, INT64_MIN, INT64_MAX));
    return result;
  }
  if (value.is(Kind::kBytes)) {
    const std::string& data = value.as<BytesObject>().data;
    env.charge_text(count);
    std::string out;
    for (size_t i = 0; i < count; ++i) out += data[slice.at(i)];
    return Value::bytes(std::move(out), value.as<BytesObject>().given);
  }
  if (value.is_sequence()) {
    env.charge_values(count);
    Values out;
    out.reserve(count);
    for (size_t i = 0; i < count; ++i) out.push_back(value.items()[slice.at(i)]);
    return value.is(Kind::kList) ? make_list(std::move(out)) : make_tuple(std::move(out));
  }
  const std::string& text = value.str();
  env.charge_text(text.size());
  if (slice.step == 1) {
    size_t begin = utf8_offset(text, static_cast<size_t>(slice.start));
    size_t size = utf8_offset(std::string_view(text).substr(begin), count);
    return Value::string(value.text().part({begin, begin + (count == 0 ? 0 : size)}), value.markup());
  }
  std::vector<size_t> starts;
  for (size_t at = 0; at < text.size(); utf8_next(text, at)) starts.push_back(at);
  starts.push_back(text.size());
  Text out;
  for (size_t i = 0; i < count; ++i) out.append(value.text(), {starts[slice.at(i)], starts[slice.at(i) + 1]});
  return Value::string(std::move(out), value.markup());
}

}  // namespace gantry::jinja
