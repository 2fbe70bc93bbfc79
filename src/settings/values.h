// What was given for the settings, each with the place it was given in. One thread.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "settings/value.h"

namespace gantry::settings {

// The later one goes before the earlier one.
enum class Source : uint8_t { kDefault, kFile, kEnvironment, kFlag };

struct Held {
  Value value;
  Source source = Source::kDefault;
  std::string place;  // "--kv-type", "$GANTRY_KV_TYPE", "gantry.toml:12: kv_type"; empty: the table
};

class Values {
 public:
  // Kept unless what is there has a source that goes before.
  void put(Id id, Held held);
  void put_all(const Values& others);
  // Reads the text first; its Error names `place`.
  void put_text(const Setting& setting, std::string_view text, Source source, const std::string& place);

  const Held* find(Id id) const;
  void remove(Id id) { held_[static_cast<size_t>(id)].reset(); }

  bool given(Id id) const { return find(id) != nullptr; }

  // Puts the value into the field that it is meant for; without one the field stays as it is.
  template <typename T>
  void take(Id id, T& field) const;

  // Rows that have a value which nobody took.
  std::vector<Id> untaken() const;

 private:
  std::array<std::optional<Held>, kSettingCount> held_;
  mutable std::array<bool, kSettingCount> taken_{};
};

// What the table says of this command.
Values defaults(Command command);

// Variables that are empty count as absent. `lookup`: null where there is none.
using Lookup = std::function<const char*(const std::string& name)>;
void put_environment(Values& values, Command command, const Lookup& lookup);

// An error of a room below as the reader of `command` understands it: a setting in its `where` becomes the
// place where it was given, else its flag; settings in its words become flags.
Error at_its_place(const Error& error, Command command, const Values& values);

// --- inline ---

namespace detail {

template <typename T>
void assign(T& field, const Value& value) {
  if constexpr (std::same_as<T, bool> || std::same_as<T, double> || std::same_as<T, std::string> ||
                std::same_as<T, std::vector<std::string>>) {
    field = std::get<T>(value);
  } else if constexpr (std::unsigned_integral<T>) {
    const uint64_t number = std::get<uint64_t>(value);
    GANTRY_CHECK(number <= std::numeric_limits<T>::max());  // the row's range is the field's
    field = static_cast<T>(number);
  } else {
    field = std::chrono::duration_cast<T>(std::chrono::milliseconds(std::get<uint64_t>(value)));
  }
}

template <typename T>
void assign(std::optional<T>& field, const Value& value) {
  assign(field.emplace(), value);
}

}  // namespace detail

template <typename T>
void Values::take(Id id, T& field) const {
  taken_[static_cast<size_t>(id)] = true;
  if (const Held* held = find(id)) detail::assign(field, held->value);
}

}  // namespace gantry::settings
