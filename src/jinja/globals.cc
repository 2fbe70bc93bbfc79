// The functions that every template has.

#include "jinja/args.h"
#include "jinja/evaluator.h"
#include "jinja/format.h"
#include "jinja/methods.h"
#include "jinja/ops.h"

namespace gantry::jinja {
namespace {

// Jinja's sandbox allows no longer range.
constexpr int64_t kRangeMax = 100000;

Value global_range(Env&, CallArgs& args) {
  refuse_named("range", args);
  Bound bound("range", args, {"start", "stop", "step"}, 1);
  auto* range = new RangeObject;
  Value value = Value::object(Kind::kRange, range);
  range->start = bound.has(1) ? to_index(bound[0]) : 0;
  range->stop = to_index(bound[bound.has(1) ? 1 : 0]);
  range->step = bound.integer(2, 1);
  if (range->step == 0) fail_type("range() arg 3 must not be zero");
  Int distance = Int{range->stop} - Int{range->start};
  Int count = distance / range->step;
  if (count > kRangeMax || range->length() > kRangeMax) {
    fail_type("Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
  }
  return value;
}

void fill(Env& env, const char* name, DictObject& out, CallArgs& args) {
  if (args.positional.size() > 1) {
    fail_type(std::string(name) + " expected at most 1 argument, got " +
              std::to_string(args.positional.size()));
  }
  if (!args.positional.empty()) fill_dict(env, out, args.positional[0]);
  for (const auto& [key, value] : args.named) out.set(env, args.name(key), value);
}

Value global_dict(Env& env, CallArgs& args) {
  Value dict = make_dict();
  fill(env, "dict", dict.as<DictObject>(), args);
  return dict;
}

Value global_namespace(Env& env, CallArgs& args) {
  auto* object = new NamespaceObject;
  Value value = Value::object(Kind::kNamespace, object);
  env.changed(value);
  fill(env, "namespace", object->attributes, args);
  return value;
}

Value global_cycler(Env&, CallArgs& args) {
  refuse_named("cycler", args);
  if (args.positional.empty()) fail_type("at least one item has to be provided");
  auto* object = new CyclerObject;
  Value value = Value::object(Kind::kCycler, object);
  object->items = args.positional;
  return value;
}

Value global_joiner(Env&, CallArgs& args) {
  Bound bound("joiner", args, {"sep"});
  auto* object = new JoinerObject;
  Value value = Value::object(Kind::kJoiner, object);
  object->separator = bound.value_or(0, Value::string(", "));
  return value;
}

// It is defined, for templates that ask; random text is no part of a prompt.
Value global_lipsum(Env&, CallArgs&) {
  fail_type("lipsum() makes random text, which a chat template cannot use");
}

Value global_raise_exception(Env& env, CallArgs& args) {
  Bound bound("raise_exception", args, {"message"}, 1);
  throw TemplateError(TemplateErrorKind::kRaise, to_str(env, bound[0]).str());
}

Value global_strftime_now(Env& env, CallArgs& args) {
  Bound bound("strftime_now", args, {"format"}, 1);
  int64_t now = env.now() ? *env.now() : local_now();
  std::string text = format_time(env, now, need_string(bound[0], "strftime() argument 1"));
  return Value::string(Text(std::move(text), bound[0].text().given()));
}

struct Row {
  const char* name;
  NativeFunction function;
};
constexpr Row kGlobals[] = {
    {"range", global_range},
    {"dict", global_dict},
    {"namespace", global_namespace},
    {"cycler", global_cycler},
    {"joiner", global_joiner},
    {"lipsum", global_lipsum},
    {"raise_exception", global_raise_exception},
    {"strftime_now", global_strftime_now},
};

}  // namespace

Value global_function(std::string_view name) {
  for (const Row& row : kGlobals) {
    if (name != row.name) continue;
    auto* object = new FunctionObject;
    Value value = Value::object(Kind::kFunction, object);
    object->name = row.name;
    object->function = row.function;
    return value;
  }
  return Value::missing();
}

}  // namespace gantry::jinja
