// The loop variable.
#include "jinja/evaluator.h"
#include "jinja/ops.h"

namespace gantry::jinja {
namespace {

Value loop_cycle(Env&, const Value& self, CallArgs& args) {
  if (args.positional.empty() || !args.named.empty()) fail_type("no items for cycling given");
  auto count = static_cast<int64_t>(args.positional.size());
  int64_t at = ((self.as<LoopObject>().index0 % count) + count) % count;
  return args.positional[static_cast<size_t>(at)];
}

Value loop_changed(Env& env, const Value& self, CallArgs& args) {
  if (!args.named.empty()) fail_type("changed() takes no keyword arguments");
  auto& loop = self.as<LoopObject>();
  Value now = make_tuple(args.positional);
  if (!loop.last_changed.is_missing() && equal(env, loop.last_changed, now)) return Value::boolean(false);
  loop.last_changed = now;
  return Value::boolean(true);
}

Value method(const Value& self, const char* name, NativeMethod function) {
  auto* object = new MethodObject;
  Value value = Value::object(Kind::kMethod, object);
  object->self = self;
  object->name = name;
  object->method = function;
  return value;
}

}  // namespace

const Value& LoopObject::peek(Env& env) {
  if (after.is_missing()) {
    Value next;
    if (iterator->next(env, next)) after = std::move(next);
  }
  return after;
}

bool LoopObject::advance(Env& env) {
  Value next;
  if (!after.is_missing()) {
    next = std::exchange(after, Value::missing());
  } else if (!iterator->next(env, next)) {
    return false;
  }
  ++index0;
  before = std::exchange(current, std::move(next));
  return true;
}

int64_t LoopObject::count(Env& env) {
  if (length >= 0) return length;
  if (auto known = try_length(env, iterable)) return length = *known;
  // A generator: taken to its end now, and walked over from here on.
  Values rest;
  for (Value item; iterator->next(env, item);) rest.push_back(std::move(item));
  length = static_cast<int64_t>(rest.size()) + index0 + 1 + (after.is_missing() ? 0 : 1);
  iterator = iterate(env, make_list(std::move(rest)));
  return length;
}

Value LoopObject::attribute(Env& env, const Value& self, std::string_view name) {
  if (name == "index0") return Value::integer(index0);
  if (name == "index") return Value::integer(index0 + 1);
  if (name == "first") return Value::boolean(index0 == 0);
  if (name == "last") return Value::boolean(peek(env).is_missing());
  if (name == "length") return Value::integer(count(env));
  if (name == "revindex") return Value::integer(count(env) - index0);
  if (name == "revindex0") return Value::integer(count(env) - index0 - 1);
  if (name == "depth") return Value::integer(depth0 + 1);
  if (name == "depth0") return Value::integer(depth0);
  if (name == "previtem") return index0 == 0 ? make_undefined("there is no previous item") : before;
  if (name == "nextitem") {
    const Value& next = peek(env);
    return next.is_missing() ? make_undefined("there is no next item") : next;
  }
  if (name == "cycle") return method(self, "cycle", loop_cycle);
  if (name == "changed") return method(self, "changed", loop_changed);
  return Value::missing();
}

}  // namespace gantry::jinja
