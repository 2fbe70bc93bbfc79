// Arguments of a call sorted into the parameters of a native function, as Python binds them.
#pragma once

#include <initializer_list>
#include <string>

#include "jinja/env.h"
#include "jinja/value.h"

namespace gantry::jinja {

class Bound {
 public:
  // Parameters by name; the first `required` must be given. Throws as Python would for what does not fit.
  Bound(const char* function, const CallArgs& args, std::initializer_list<const char*> parameters,
        size_t required = 0);

  bool has(size_t at) const { return !values_[at].is_missing(); }
  const Value& operator[](size_t at) const { return values_[at]; }
  Value value_or(size_t at, Value otherwise) const { return has(at) ? values_[at] : std::move(otherwise); }
  bool flag(Env& env, size_t at, bool otherwise) const;
  int64_t integer(size_t at, int64_t otherwise) const;
  std::string text(size_t at, const char* otherwise) const;  // must be a string
  // Given and not None.
  bool given(size_t at) const { return has(at) && !values_[at].is_none(); }

 private:
  Values values_;
};

// For C methods that take no keywords.
void refuse_named(const char* function, const CallArgs& args);
const std::string& need_string(const Value& value, const char* what);

}  // namespace gantry::jinja
