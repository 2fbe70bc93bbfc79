#include "jinja/symbols.h"

namespace gantry::jinja {

bool Symbols::known_here(const std::string& name) const {
  for (const Symbols* s = this; s != nullptr; s = s->base_) {
    if (s->loads_.count(name) != 0) return true;
  }
  return false;
}

bool Symbols::stored_here(const std::string& name) const {
  for (const Symbols* s = this; s != nullptr; s = s->base_) {
    if (s->stores_.count(name) != 0) return true;
  }
  return false;
}

std::optional<Slot> Symbols::find(const std::string& name) const {
  uint32_t hops = 0;
  for (const Symbols* s = this; s != nullptr; s = s->parent_, ++hops) {
    if (s->known_here(name)) return Slot{hops, s->places_.place(name)};
  }
  return std::nullopt;
}

void Symbols::define(const std::string& name, PlannedLoad load) {
  places_.place(name);
  loads_.insert_or_assign(name, load);
}

void Symbols::load(const std::string& name) {
  if (!find(name)) define(name, {LoadKind::kResolve, {}});
}

void Symbols::store(const std::string& name) {
  stores_.insert(name);
  if (known_here(name)) return;
  auto outer = parent_ != nullptr ? parent_->find(name) : std::nullopt;
  if (outer) {
    define(name, {LoadKind::kAlias, {outer->hops + 1, outer->index}});
  } else {
    define(name, {LoadKind::kUndefined, {}});
  }
}

uint32_t Symbols::declare_parameter(const std::string& name) {
  stores_.insert(name);
  define(name, {LoadKind::kParameter, {}});
  return places_.place(name);
}

void Symbols::merge_branches(std::initializer_list<const Symbols*> branches) {
  std::set<std::string> fresh;
  for (const Symbols* branch : branches) {
    for (const std::string& name : branch->stores_) {
      if (!stored_here(name)) fresh.insert(name);
    }
  }
  for (const Symbols* branch : branches) {
    for (const auto& [name, load] : branch->loads_) loads_.insert_or_assign(name, load);
    stores_.insert(branch->stores_.begin(), branch->stores_.end());
  }
  // What only some branches set must be there for the others as well.
  for (const std::string& name : fresh) {
    auto outer = parent_ != nullptr ? parent_->find(name) : std::nullopt;
    if (outer) {
      define(name, {LoadKind::kAlias, {outer->hops + 1, outer->index}});
    } else {
      define(name, {LoadKind::kResolve, {}});
    }
  }
}

}  // namespace gantry::jinja
