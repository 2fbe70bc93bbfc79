#include "settings/values.h"

#include "settings/spelling.h"

namespace gantry::settings {

void Values::put(Id id, Held held) {
  std::optional<Held>& there = held_[static_cast<size_t>(id)];
  if (!there || there->source <= held.source) there = std::move(held);
}

void Values::put_all(const Values& others) {
  for (const Setting& row : kTable)
    if (const Held* held = others.find(row.id)) put(row.id, *held);
}

void Values::put_text(const Setting& setting, std::string_view text, Source source,
                      const std::string& place) {
  try {
    put(setting.id, {read_text(setting, text), source, place});
  } catch (const Error& error) {
    throw Error(error.code(), error.message(), place, error.mend());
  }
}

const Held* Values::find(Id id) const {
  const std::optional<Held>& there = held_[static_cast<size_t>(id)];
  return there ? &*there : nullptr;
}

std::vector<Id> Values::untaken() const {
  std::vector<Id> out;
  for (const Setting& row : kTable)
    if (given(row.id) && !taken_[static_cast<size_t>(row.id)]) out.push_back(row.id);
  return out;
}

Values defaults(Command command) {
  Values out;
  for (const Setting& row : kTable) {
    if (!row.commands.has(command)) continue;
    const std::string_view text = fallback(row, command);
    if (!text.empty()) out.put_text(row, text, Source::kDefault, {});
  }
  return out;
}

void put_environment(Values& values, Command command, const Lookup& lookup) {
  for (const Setting& row : kTable) {
    const std::string name = row.commands.has(command) ? environment(row) : std::string();
    const char* text = name.empty() ? nullptr : lookup(name);
    if (text != nullptr && (text[0] != '\0' || row.empty_ok))
      values.put_text(row, text, Source::kEnvironment, "$" + name);
  }
}

Error at_its_place(const Error& error, Command command, const Values& values) {
  std::string where = error.where();
  if (const Setting* row = find_setting(command, where)) {
    const Held* held = values.find(row->id);
    where = held != nullptr && !held->place.empty() ? held->place : flag(*row);
  }
  return {error.code(), as_flags(error.message(), command), std::move(where),
          as_flags(error.mend(), command)};
}

}  // namespace gantry::settings
