// Filters that yield: map, select and its kin, unique, batch, slice, items.
#include <algorithm>

#include "jinja/args.h"
#include "jinja/filters.h"
#include "jinja/format.h"
#include "jinja/ops.h"

namespace gantry::jinja {
namespace {

// Prepares at the first item, as a Python generator runs nothing before that.
class LazyFilter : public Iterator {
 public:
  LazyFilter(Value input, CallArgs args) : input_(std::move(input)), args_(std::move(args)) {}

 protected:
  virtual void prepare(Env& env) = 0;
  virtual bool step(Env& env, Value& out) = 0;
  bool advance(Env& env, Value& out) final {
    if (!items_) {
      if (falsy_is_empty() && !truth(env, input_)) return false;
      prepare(env);
      items_ = iterate(env, input_);
    }
    return step(env, out);
  }
  virtual bool falsy_is_empty() const { return true; }

  Value input_;
  CallArgs args_;
  Ref<Iterator> items_;
};

// The rest of the arguments after the name of a filter or test.
CallArgs without_first(const CallArgs& args, size_t count) {
  CallArgs rest;
  rest.positional.assign(args.positional.begin() + static_cast<ptrdiff_t>(count), args.positional.end());
  rest.named = args.named;
  rest.given_names = args.given_names;
  return rest;
}

class MapFilter final : public LazyFilter {
 public:
  using LazyFilter::LazyFilter;
  const char* function_name() const override { return "sync_do_map"; }

 protected:
  void prepare(Env& env) override {
    Value attribute = Value::missing(), fallback = Value::missing();
    std::string unexpected;
    for (const auto& [key, value] : args_.named) {
      if (key == "attribute") {
        attribute = value;
      } else if (key == "default") {
        fallback = value;
      } else {
        unexpected = key;
      }
    }
    if (args_.positional.empty() && !attribute.is_missing()) {
      if (!unexpected.empty()) fail_type("Unexpected keyword argument '" + unexpected + "'");
      getter_ = std::make_unique<AttributeGetter>(env, attribute, fallback);
      return;
    }
    if (args_.positional.empty()) fail_type("map requires a filter argument");
    std::string name = need_string(args_.positional[0], "the name of a filter");
    filter_ = find_filter(name);
    if (filter_ == nullptr) fail_type("No filter named '" + name + "'.");
    rest_ = without_first(args_, 1);
  }
  bool step(Env& env, Value& out) override {
    Value item;
    if (!items_->next(env, item)) return false;
    if (getter_) {
      out = getter_->get(env, item);
    } else {
      CallArgs args = rest_;
      out = filter_->function(env, item, args);
    }
    return true;
  }

 private:
  std::unique_ptr<AttributeGetter> getter_;
  const FilterRow* filter_ = nullptr;
  CallArgs rest_;
};

class SelectFilter final : public LazyFilter {
 public:
  SelectFilter(Value input, CallArgs args, bool keep, bool attribute)
      : LazyFilter(std::move(input), std::move(args)), keep_(keep), by_attribute_(attribute) {}
  const char* function_name() const override { return "select_or_reject"; }

 protected:
  void prepare(Env& env) override {
    size_t at = 0;
    if (by_attribute_) {
      if (args_.positional.empty()) fail_type("Missing parameter for attribute name");
      getter_ = std::make_unique<AttributeGetter>(env, args_.positional[0]);
      at = 1;
    }
    if (args_.positional.size() <= at) return;
    std::string name = need_string(args_.positional[at], "the name of a test");
    test_ = find_test(name);
    if (test_ == nullptr) fail_type("No test named '" + name + "'.");
    rest_ = without_first(args_, at + 1);
  }
  bool step(Env& env, Value& out) override {
    for (Value item; items_->next(env, item);) {
      Value subject = getter_ ? getter_->get(env, item) : item;
      bool holds = false;
      if (test_ != nullptr) {
        CallArgs args = rest_;
        holds = test_->function(env, subject, args);
      } else {
        holds = truth(env, subject);
      }
      if (holds != keep_) continue;
      out = std::move(item);
      return true;
    }
    return false;
  }

 private:
  bool keep_, by_attribute_;
  std::unique_ptr<AttributeGetter> getter_;
  const TestRow* test_ = nullptr;
  CallArgs rest_;
};

class UniqueFilter final : public LazyFilter {
 public:
  using LazyFilter::LazyFilter;
  const char* function_name() const override { return "sync_do_unique"; }

 protected:
  bool falsy_is_empty() const override { return false; }
  void prepare(Env& env) override {
    Bound bound("unique", args_, {"case_sensitive", "attribute"});
    case_sensitive_ = bound.flag(env, 0, false);
    getter_ = std::make_unique<AttributeGetter>(env, bound[1]);
    seen_ = Ref<DictObject>(new DictObject);
  }
  bool step(Env& env, Value& out) override {
    for (Value item; items_->next(env, item);) {
      Value key = getter_->get(env, item);
      if (!case_sensitive_) key = ignore_case(env, key);
      if (seen_->find(env, key) != nullptr) continue;
      seen_->set(env, key, Value());
      out = std::move(item);
      return true;
    }
    return false;
  }

 private:
  bool case_sensitive_ = false;
  std::unique_ptr<AttributeGetter> getter_;
  Ref<DictObject> seen_;
};

class BatchFilter final : public LazyFilter {
 public:
  using LazyFilter::LazyFilter;
  const char* function_name() const override { return "do_batch"; }

 protected:
  bool falsy_is_empty() const override { return false; }
  void prepare(Env&) override {
    Bound bound("batch", args_, {"linecount", "fill_with"}, 1);
    count_ = bound[0];
    fill_ = bound.value_or(1, Value());
  }
  bool full(Env& env, size_t size) { return equal(env, Value::integer(static_cast<int64_t>(size)), count_); }
  bool step(Env& env, Value& out) override {
    Values row = std::exchange(pending_, {});
    for (Value item; items_->next(env, item);) {
      if (full(env, row.size())) {
        pending_.push_back(std::move(item));
        out = make_list(std::move(row));
        return true;
      }
      row.push_back(std::move(item));
    }
    if (row.empty()) return false;
    if (!fill_.is_none() && less(env, Value::integer(static_cast<int64_t>(row.size())), count_)) {
      auto missing = to_index(count_) - static_cast<int64_t>(row.size());
      env.charge_values(static_cast<uint64_t>(missing));
      row.resize(row.size() + static_cast<size_t>(missing), fill_);
    }
    out = make_list(std::move(row));
    return true;
  }

 private:
  Value count_, fill_;
  Values pending_;
};

class SliceFilter final : public LazyFilter {
 public:
  using LazyFilter::LazyFilter;
  const char* function_name() const override { return "sync_do_slice"; }

 protected:
  bool falsy_is_empty() const override { return false; }
  void prepare(Env& env) override {
    Bound bound("slice", args_, {"slices", "fill_with"}, 1);
    all_ = collect(env, input_);
    input_ = make_list({});
    slices_ = to_index(bound[0]);
    if (slices_ == 0) fail_type("integer division or modulo by zero");
    fill_ = bound.value_or(1, Value());
  }
  bool step(Env& env, Value& out) override {
    if (at_ >= slices_) return false;
    env.charge_values(4);
    auto size = static_cast<int64_t>(all_.size());
    int64_t base = size / slices_, extra = size % slices_;
    int64_t begin = at_ * base + std::min(at_, extra), end = (at_ + 1) * base + std::min(at_ + 1, extra);
    Values row(all_.begin() + begin, all_.begin() + end);
    if (!fill_.is_none() && at_ >= extra) row.push_back(fill_);
    ++at_;
    out = make_list(std::move(row));
    return true;
  }

 private:
  Values all_;
  Value fill_;
  int64_t slices_ = 1;
  int64_t at_ = 0;
};

class ItemsFilter final : public LazyFilter {
 public:
  using LazyFilter::LazyFilter;
  const char* function_name() const override { return "do_items"; }

 protected:
  bool falsy_is_empty() const override { return input_.is_undefined(); }
  void prepare(Env&) override {
    if (!input_.is(Kind::kDict)) fail_type("Can only get item pairs from a mapping.");
    auto* view = new DictViewObject;
    Value value = Value::object(Kind::kDictView, view);
    view->dict = Ref<DictObject>(&input_.as<DictObject>());
    view->view = ViewKind::kItems;
    input_ = value;
  }
  bool step(Env& env, Value& out) override { return items_->next(env, out); }
};

template <class Filter>
Value lazy(Env&, const Value& input, CallArgs& args) {
  return make_iterator(new Filter(input, std::move(args)));
}

template <bool kKeep, bool kAttribute>
Value select(Env&, const Value& input, CallArgs& args) {
  return make_iterator(new SelectFilter(input, std::move(args), kKeep, kAttribute));
}

Value items(Env&, const Value& input, CallArgs& args) {
  Bound bound("items", args, {});
  return make_iterator(new ItemsFilter(input, {}));
}

// The arguments of these are bound when the filter is called, as Python binds them for any generator.
template <class Filter>
Value checked(Env& env, const Value& input, CallArgs& args) {
  if (std::is_same_v<Filter, UniqueFilter>) {
    Bound bound("unique", args, {"case_sensitive", "attribute"});
  } else {
    Bound bound("filter", args, {std::is_same_v<Filter, BatchFilter> ? "linecount" : "slices", "fill_with"},
                1);
  }
  return lazy<Filter>(env, input, args);
}

constexpr FilterRow kLazyRows[] = {
    {"batch", checked<BatchFilter>},
    {"items", items},
    {"map", lazy<MapFilter>},
    {"reject", select<false, false>},
    {"rejectattr", select<false, true>},
    {"select", select<true, false>},
    {"selectattr", select<true, true>},
    {"slice", checked<SliceFilter>},
    {"unique", checked<UniqueFilter>},
};

}  // namespace

std::span<const FilterRow> lazy_filters() { return kLazyRows; }

}  // namespace gantry::jinja
