#include "jinja/args.h"

#include "jinja/ops.h"

namespace gantry::jinja {

Bound::Bound(const char* function, const CallArgs& args, std::initializer_list<const char*> parameters,
             size_t required)
    : values_(parameters.size(), Value::missing()) {
  std::string name = function;
  if (args.positional.size() > parameters.size()) {
    fail_type(name + "() takes " + std::to_string(parameters.size()) + " arguments but " +
              std::to_string(args.positional.size()) + " were given");
  }
  for (size_t i = 0; i < args.positional.size(); ++i) values_[i] = args.positional[i];
  for (const auto& [key, value] : args.named) {
    size_t at = 0;
    for (const char* parameter : parameters) {
      if (key == parameter) break;
      ++at;
    }
    if (at == parameters.size()) fail_type(name + "() got an unexpected keyword argument '" + key + "'");
    if (has(at)) fail_type(name + "() got multiple values for argument '" + key + "'");
    values_[at] = value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (!has(i)) {
      fail_type(name + "() missing a required argument: '" + std::string(parameters.begin()[i]) + "'");
    }
  }
}

bool Bound::flag(Env& env, size_t at, bool otherwise) const {
  return has(at) ? truth(env, values_[at]) : otherwise;
}

int64_t Bound::integer(size_t at, int64_t otherwise) const {
  return has(at) ? to_index(values_[at]) : otherwise;
}

std::string Bound::text(size_t at, const char* otherwise) const {
  return has(at) ? need_string(values_[at], "an argument") : otherwise;
}

void refuse_named(const char* function, const CallArgs& args) {
  if (!args.named.empty()) fail_type(std::string(function) + "() takes no keyword arguments");
}

const std::string& need_string(const Value& value, const char* what) {
  if (value.is_undefined()) fail_type(value.as<UndefinedObject>().message);
  if (!value.is_string()) fail_type(std::string(what) + " must be str, not " + type_name(value));
  return value.str();
}

}  // namespace gantry::jinja
