// The names of one frame while a template is resolved. A branch of an if is an overlay on the symbols around
// it: same frame, own additions, merged when the if ends.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "jinja/ast.h"

namespace gantry::jinja {

// Where the frame keeps each name. One for all overlays of a frame.
struct FramePlaces {
  std::map<std::string, uint32_t> index;
  uint32_t place(const std::string& name) {
    return index.emplace(name, static_cast<uint32_t>(index.size())).first->second;
  }
};

struct PlannedLoad {
  LoadKind kind;
  Slot source;
};

class Symbols {
 public:
  // A new frame inside `parent` (nullptr: the outermost).
  Symbols(FramePlaces& places, const Symbols* parent) : places_(places), parent_(parent) {}
  // An overlay for a branch.
  explicit Symbols(Symbols& base) : places_(base.places_), parent_(base.parent_), base_(&base) {}

  std::optional<Slot> find(const std::string& name) const;
  void load(const std::string& name);
  void store(const std::string& name);
  uint32_t declare_parameter(const std::string& name);
  void merge_branches(std::initializer_list<const Symbols*> branches);
  const std::map<std::string, PlannedLoad>& loads() const { return loads_; }
  FramePlaces& places() const { return places_; }

 private:
  void define(const std::string& name, PlannedLoad load);
  bool known_here(const std::string& name) const;
  bool stored_here(const std::string& name) const;

  FramePlaces& places_;
  const Symbols* parent_;
  const Symbols* base_ = nullptr;
  std::set<std::string> stores_;
  std::map<std::string, PlannedLoad> loads_;  // its keys are the names known here
};

}  // namespace gantry::jinja
