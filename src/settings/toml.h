// TOML text as a tree that keeps its lines, for whoever reads a file of that form; the only place that knows
// toml++. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::settings {

inline constexpr size_t kTomlBytesMax = size_t{1} << 20;
inline constexpr size_t kTomlDepthMax = 32;  // brackets within brackets, dots within a key

enum class TomlKind : uint8_t { kBool, kInteger, kReal, kText, kList, kTree, kDate };

struct TomlEntry;

// What belongs to another kind is empty.
struct TomlValue {
  TomlKind kind = TomlKind::kDate;  // of dates and times no more is kept
  size_t line = 0;
  bool truth = false;
  int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<TomlValue> items;
  std::vector<TomlEntry> entries;  // by key

  const TomlValue* find(std::string_view key) const;  // of a table; null: none
};

struct TomlEntry {
  std::string key;
  size_t line = 0;
  TomlValue value;
};

// The whole file as a table. `name`: its path, for places ("gantry.toml:12"); `heads`: what its tables are,
// for a hint: "[server] or [[model]]". Error kUsage with the line; kTooLarge.
TomlValue read_toml(std::string_view text, const std::string& name, const std::string& heads);

}  // namespace gantry::settings
