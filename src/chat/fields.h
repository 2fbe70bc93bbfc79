// Reading members of what a client sent, each refusal naming its field. Pure.
#pragma once

#include <string>
#include <string_view>

#include "text/json.h"

namespace gantry::chat {

[[noreturn]] void refuse(const std::string& where, std::string what, std::string mend = {});

std::string kind_of(const Json& value);  // "a number"

// nullptr where there is none.
const Json* member(const Json& object, const char* name);

std::string_view need_text(const Json& object, const char* name, const std::string& where);

// A field that may be absent or null, and is a string otherwise.
void check_optional_text(const Json& object, const char* name, const std::string& where);

// null is the same as absent.
Json without_nulls(const Json& object);

}  // namespace gantry::chat
