// A setting's value: read and held against its row in this one place, whoever says it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "settings/table.h"

namespace gantry::settings {

// By the row's kind: bool; uint64_t for kCount, kBytes and kDuration (milliseconds); double; the text; texts.
using Value = std::variant<bool, uint64_t, double, std::string, std::vector<std::string>>;

// As a file's format has typed it already.
using Typed = std::variant<bool, int64_t, double, std::string, std::vector<std::string>>;

// Of a flag or a variable; a variable may have several texts between spaces. Error kUsage whose `where` is
// the row's name.
Value read_text(const Setting& setting, std::string_view text);
// The same for a flag that was given several times.
Value read_texts(const Setting& setting, std::vector<std::string> texts);
Value read_typed(const Setting& setting, const Typed& typed);

// As read_text reads it, in its shortest form; a secret is not shown.
std::string to_text(const Setting& setting, const Value& value);

// What its values are: "a whole number from 0 to 65535".
std::string wanted(const Setting& setting);

// "4096", "800MiB", "4GB", "1.5GiB" as bytes, at least 1; nullopt for anything else.
std::optional<uint64_t> parse_size(std::string_view text);
// "30" (seconds), "1.5s", "500ms", "2min", "1h" as milliseconds; nullopt for anything else.
std::optional<uint64_t> parse_duration(std::string_view text);

}  // namespace gantry::settings
