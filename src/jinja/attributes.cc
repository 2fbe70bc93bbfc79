// Attributes and items as Jinja's immutable sandbox hands them out.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "jinja/args.h"
#include "jinja/evaluator.h"
#include "jinja/format.h"
#include "jinja/methods.h"
#include "jinja/ops.h"
#include "jinja/spec.h"

namespace gantry::jinja {
namespace {

using MethodTable = std::unordered_map<std::string_view, const MethodRow*>;

MethodTable table_of(std::initializer_list<std::span<const MethodRow>> parts) {
  MethodTable table;
  for (std::span<const MethodRow> part : parts) {
    for (const MethodRow& row : part) table.emplace(row.name, &row);
  }
  return table;
}

const MethodTable* methods_of(const Value& value) {
  static const MethodTable strings =
      table_of({string_methods(), string_form_methods(), string_question_methods()});
  static const MethodTable lists = table_of({list_methods()});
  static const MethodTable tuples = table_of({tuple_methods()});
  static const MethodTable dicts = table_of({dict_methods()});
  static const MethodTable bytes = table_of({bytes_methods()});
  static const MethodTable ranges = table_of({range_methods()});
  if (value.is(Kind::kRange)) return &ranges;
  if (value.is_string()) return &strings;
  if (value.is(Kind::kList)) return &lists;
  if (value.is(Kind::kTuple)) return &tuples;
  if (value.is(Kind::kDict)) return &dicts;
  if (value.is(Kind::kBytes)) return &bytes;
  return nullptr;
}

Value bound_method(const Value& self, const char* name, NativeMethod function) {
  auto* object = new MethodObject;
  Value value = Value::object(Kind::kMethod, object);
  object->self = self;
  object->name = name;
  object->method = function;
  return value;
}

Value unsafe(const Value& value, std::string_view name) {
  return make_undefined("access to attribute " + string_repr(name) + " of '" + type_name(value) +
                        "' object is unsafe.");
}

// What every Python object has: there, and out of reach.
bool is_object_attribute(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "__class__", "__delattr__",      "__dir__",    "__doc__",  "__eq__",          "__format__",
      "__ge__",    "__getattribute__", "__gt__",     "__hash__", "__init__",        "__init_subclass__",
      "__le__",    "__lt__",           "__ne__",     "__new__",  "__reduce__",      "__reduce_ex__",
      "__repr__",  "__setattr__",      "__sizeof__", "__str__",  "__subclasshook__"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

Value int_bit_length(Env&, const Value& self, CallArgs& args) {
  Bound bound("bit_length", args, {});
  Int value = self.as_int();
  int64_t bits = 0;
  for (; value != 0; value /= 2) ++bits;
  return Value::integer(bits);
}

Value int_bit_count(Env&, const Value& self, CallArgs& args) {
  Bound bound("bit_count", args, {});
  int64_t bits = 0;
  for (Int value = self.as_int(); value != 0; value /= 2) bits += value % 2 != 0 ? 1 : 0;
  return Value::integer(bits);
}

Value number_conjugate(Env&, const Value& self, CallArgs& args) {
  Bound bound("conjugate", args, {});
  return self.is_integral() ? Value::integer(self.as_int()) : self;
}

Value float_is_integer(Env&, const Value& self, CallArgs& args) {
  Bound bound("is_integer", args, {});
  return Value::boolean(std::isfinite(self.as_real()) && std::floor(self.as_real()) == self.as_real());
}

Value number_attribute(const Value& value, std::string_view name) {
  bool integral = value.is_integral();
  if (name == "real") return integral ? Value::integer(value.as_int()) : value;
  if (name == "imag") return integral ? Value::integer(0) : Value::real(0.0);
  if (name == "conjugate") return bound_method(value, "conjugate", number_conjugate);
  if (!integral) {
    return name == "is_integer" ? bound_method(value, "is_integer", float_is_integer) : Value::missing();
  }
  if (name == "numerator") return Value::integer(value.as_int());
  if (name == "denominator") return Value::integer(1);
  if (name == "bit_count") return bound_method(value, "bit_count", int_bit_count);
  if (name == "bit_length") return bound_method(value, "bit_length", int_bit_length);
  return Value::missing();
}

Value cycler_next(Env&, const Value& self, CallArgs& args) {
  Bound bound("next", args, {});
  auto& cycler = self.as<CyclerObject>();
  Value item = cycler.items[cycler.position];
  cycler.position = (cycler.position + 1) % cycler.items.size();
  return item;
}

Value cycler_reset(Env&, const Value& self, CallArgs& args) {
  Bound bound("reset", args, {});
  self.as<CyclerObject>().position = 0;
  return Value();
}

Value cycler_attribute(const Value& value, std::string_view name) {
  auto& cycler = value.as<CyclerObject>();
  if (name == "next") return bound_method(value, "next", cycler_next);
  if (name == "reset") return bound_method(value, "reset", cycler_reset);
  if (name == "current") return cycler.items[cycler.position];
  if (name == "pos") return Value::integer(static_cast<int64_t>(cycler.position));
  if (name == "items") return make_tuple(cycler.items);
  return Value::missing();
}

Value range_attribute(const RangeObject& range, std::string_view name) {
  if (name == "start") return Value::integer(range.start);
  if (name == "stop") return Value::integer(range.stop);
  if (name == "step") return Value::integer(range.step);
  return Value::missing();
}

Value joiner_attribute(const JoinerObject& joiner, std::string_view name) {
  if (name == "sep") return joiner.separator;
  if (name == "used") return Value::boolean(joiner.used);
  return Value::missing();
}

Value group_attribute(const ListObject& group, std::string_view name) {
  if (!group.group) return Value::missing();
  return name == "grouper" ? group.items[0] : name == "list" ? group.items[1] : Value::missing();
}

Value special_attribute(Env& env, const Value& value, const std::string& name) {
  if (value.is_number()) return number_attribute(value, name);
  if (value.is(Kind::kTuple)) return group_attribute(value.as<ListObject>(), name);
  if (value.is(Kind::kLoop)) return value.as<LoopObject>().attribute(env, value, name);
  if (value.is(Kind::kMacro)) return macro_attribute(value.as<MacroObject>(), name);
  if (value.is(Kind::kCycler)) return cycler_attribute(value, name);
  if (value.is(Kind::kJoiner)) return joiner_attribute(value.as<JoinerObject>(), name);
  if (value.is(Kind::kRange)) return range_attribute(value.as<RangeObject>(), name);
  return Value::missing();
}

}  // namespace

std::string type_name(const Value& value) {
  static constexpr const char* kNames[] = {
      "Undefined", "NoneType",  "bool",        "int",
      "float",     "Undefined", "str",         "bytes",
      "list",      "tuple",     "dict",        "range",
      "dict_keys", "generator", "function",    "builtin_function_or_method",
      "Macro",     "Namespace", "LoopContext", "Cycler",
      "Joiner"};
  if (value.markup()) return "Markup";
  if (value.is(Kind::kDictView)) {
    ViewKind view = value.as<DictViewObject>().view;
    return view == ViewKind::kKeys ? "dict_keys" : view == ViewKind::kValues ? "dict_values" : "dict_items";
  }
  if (value.is(Kind::kIterator)) return value.as<Iterator>().type_name();
  return kNames[static_cast<size_t>(value.kind())];
}

std::string describe(const Value& value) {
  if (value.is_none()) return "None";
  std::string name = type_name(value);
  if (value.is(Kind::kNamespace) || value.is(Kind::kCycler) || value.is(Kind::kJoiner)) {
    name = "jinja2.utils." + name;
  } else if (value.is(Kind::kMacro) || value.is(Kind::kLoop)) {
    name = "jinja2.runtime." + name;
  }
  return name + " object";
}

Value try_attribute(Env& env, const Value& value, const Value& name_value) {
  const std::string& name = name_value.str();
  if (value.is_undefined() && is_object_attribute(name)) return unsafe(value, name);
  if (value.is_undefined()) fail_type(value.as<UndefinedObject>().message);
  if (value.is(Kind::kNamespace)) {
    Value* found = value.as<NamespaceObject>().attributes.find(env, name_value);
    if (found == nullptr) return Value::missing();
    return name[0] == '_' ? unsafe(value, name) : *found;
  }
  if (!name.empty() && name[0] == '_')
    return is_object_attribute(name) ? unsafe(value, name) : Value::missing();
  if (const MethodTable* table = methods_of(value)) {
    if (auto it = table->find(name); it != table->end()) {
      const MethodRow& row = *it->second;
      if (row.changes && !env.mutable_containers()) return unsafe(value, name);
      return bound_method(value, row.name, row.method);
    }
  }
  return special_attribute(env, value, name);
}

Value get_attribute(Env& env, const Value& value, const Value& name) {
  Value found = try_attribute(env, value, name);
  if (found.is_missing()) found = try_subscript(env, value, name);
  if (found.is_missing())
    return make_undefined("'" + describe(value) + "' has no attribute " + string_repr(name.str()));
  return found;
}

Value get_item(Env& env, const Value& value, const Value& key) {
  Value found = try_subscript(env, value, key);
  if (!found.is_missing()) return found;
  if (!key.is_string()) return make_undefined(describe(value) + " has no element " + to_repr(env, key).str());
  found = try_attribute(env, value, key);
  if (found.is_missing())
    return make_undefined("'" + describe(value) + "' has no attribute " + string_repr(key.str()));
  return found;
}

Value macro_attribute(const MacroObject& macro, std::string_view name) {
  const Stmt& node = *macro.node;
  if (name == "name") return node.kind == StmtKind::kMacro ? Value::string(node.text) : Value();
  if (name == "catch_kwargs") return Value::boolean(node.kwargs_slot >= 0);
  if (name == "catch_varargs") return Value::boolean(node.varargs_slot >= 0);
  Values names;
  bool explicit_caller = false;
  for (const ExprPtr& target : node.targets) {
    names.push_back(Value::string(target->name));
    explicit_caller = explicit_caller || target->name == "caller";
  }
  if (name == "arguments") return make_tuple(std::move(names));
  if (name == "explicit_caller") return Value::boolean(explicit_caller);
  if (name == "caller") return Value::boolean(node.caller_slot >= 0 || explicit_caller);
  return Value::missing();
}

}  // namespace gantry::jinja
