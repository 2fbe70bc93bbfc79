#include "jinja/scope.h"

#include <functional>

#include "jinja/filters.h"
#include "jinja/lexer.h"
#include "jinja/symbols.h"

namespace gantry::jinja {
namespace {

enum class Use : uint8_t { kLoad, kStore, kParameter };
using NameVisitor = std::function<void(const std::string& name, Use use, uint32_t line)>;

void walk_expr(const Expr* node, Use use, const NameVisitor& visit) {
  if (node == nullptr) return;
  if (node->kind == ExprKind::kName) visit(node->name, use, node->line);
  for (const ExprPtr& item : node->items) walk_expr(item.get(), use, visit);
  if (!node->arguments) return;
  for (const ExprPtr& item : node->arguments->positional) walk_expr(item.get(), use, visit);
  for (const auto& [name, item] : node->arguments->named) walk_expr(item.get(), use, visit);
  walk_expr(node->arguments->more_positional.get(), use, visit);
  walk_expr(node->arguments->more_named.get(), use, visit);
}

void walk_body(const Body& body, const NameVisitor& visit);

// Every name below a statement, in the order in which Jinja's tree lists them. Blocks are their own world.
void walk_stmt(const Stmt& node, const NameVisitor& visit) {
  if (node.kind == StmtKind::kBlock) return;
  bool parameters =
      node.kind == StmtKind::kWith || node.kind == StmtKind::kMacro || node.kind == StmtKind::kCallBlock;
  walk_expr(node.call.get(), Use::kLoad, visit);
  for (const ExprPtr& target : node.targets) {
    walk_expr(target.get(), parameters ? Use::kParameter : Use::kStore, visit);
  }
  bool filter_last = node.kind == StmtKind::kFilterBlock;
  if (!filter_last && node.kind != StmtKind::kIf) {
    for (const ExprPtr& expr : node.exprs) walk_expr(expr.get(), Use::kLoad, visit);
  }
  for (size_t i = 0; i < node.branches.size(); ++i) {
    walk_expr(node.exprs[i].get(), Use::kLoad, visit);
    walk_body(node.branches[i], visit);
  }
  walk_body(node.body, visit);
  walk_body(node.else_body, visit);
  walk_expr(node.test.get(), Use::kLoad, visit);
  if (filter_last) walk_expr(node.exprs[0].get(), Use::kLoad, visit);
}

void walk_body(const Body& body, const NameVisitor& visit) {
  for (const auto& node : body) walk_stmt(*node, visit);
}

// Which of `names` the body reads before it sets them.
std::set<std::string> undeclared(const Body& body, std::set<std::string> names) {
  std::set<std::string> found;
  walk_body(body, [&](const std::string& name, Use use, uint32_t) {
    if (use != Use::kLoad) {
      names.erase(name);
    } else if (names.count(name) != 0) {
      found.insert(name);
    }
  });
  return found;
}

// ---- What a frame knows, seen from its own statements ----

void note_expr(const Expr* node, Symbols& symbols) {
  if (node == nullptr) return;
  if (node->kind == ExprKind::kNamespaceRef) symbols.load(node->name);
  walk_expr(node, Use::kLoad, [&](const std::string& name, Use, uint32_t) { symbols.load(name); });
}

void note_target(const Expr& node, Symbols& symbols, bool parameter) {
  if (node.kind == ExprKind::kTuple) {
    for (const ExprPtr& item : node.items) note_target(*item, symbols, parameter);
  } else if (node.kind == ExprKind::kNamespaceRef) {
    symbols.load(node.name);
  } else if (parameter) {
    symbols.declare_parameter(node.name);
  } else {
    symbols.store(node.name);
  }
}

void note_body(const Body& body, Symbols& symbols);

void note_if(const Stmt& node, Symbols& symbols) {
  note_expr(node.exprs[0].get(), symbols);
  Symbols first(symbols), middle(symbols), last(symbols);
  note_body(node.branches[0], first);
  for (size_t i = 1; i < node.branches.size(); ++i) {
    note_expr(node.exprs[i].get(), middle);
    Symbols branch(middle);
    note_body(node.branches[i], branch);
    middle.merge_branches({&branch});
  }
  note_body(node.else_body, last);
  symbols.merge_branches({&first, &middle, &last});
}

void note_stmt(const Stmt& node, Symbols& symbols) {
  switch (node.kind) {
    case StmtKind::kIf:
      note_if(node, symbols);
      break;
    case StmtKind::kMacro:
      symbols.store(node.text);
      break;
    case StmtKind::kCallBlock:
      note_expr(node.call.get(), symbols);
      break;
    case StmtKind::kSet:
    case StmtKind::kLoad:
      for (const ExprPtr& expr : node.exprs) note_expr(expr.get(), symbols);
      for (const ExprPtr& target : node.targets) note_target(*target, symbols, false);
      break;
    case StmtKind::kSetBlock:
      note_target(*node.targets[0], symbols, false);
      break;
    case StmtKind::kOutput:
    case StmtKind::kFor:
    case StmtKind::kFilterBlock:
    case StmtKind::kWith:
      for (const ExprPtr& expr : node.exprs) note_expr(expr.get(), symbols);
      break;
    case StmtKind::kData:
    case StmtKind::kBreak:
    case StmtKind::kContinue:
    case StmtKind::kAutoescape:
    case StmtKind::kBlock:
      break;
  }
}

void note_body(const Body& body, Symbols& symbols) {
  for (const auto& node : body) note_stmt(*node, symbols);
}

// ---- Places for every name ----

ExprPtr copy_target(const Expr& node) {
  auto copy = std::make_unique<Expr>();
  copy->kind = node.kind;
  copy->line = node.line;
  copy->name = node.name;
  copy->value = node.value;
  for (const ExprPtr& item : node.items) copy->items.push_back(copy_target(*item));
  return copy;
}

class Resolver {
 public:
  explicit Resolver(Template& tree) : tree_(tree) {}

  void run() {
    FramePlaces places;
    Symbols symbols(places, nullptr);
    note_body(tree_.body, symbols);
    bind_body(tree_.body, {symbols, false, true});
    tree_.frame = finish(symbols);
  }

 private:
  struct Place {
    Symbols& symbols;
    bool soft = false;      // inside an if: unknown filters fail only when they are reached
    bool toplevel = false;  // blocks see what is set here
  };

  uint32_t name_id(const std::string& name) {
    auto [it, fresh] = names_.emplace(name, static_cast<uint32_t>(tree_.names.size()));
    if (fresh) tree_.names.push_back(name);
    return it->second;
  }

  FrameInfo finish(const Symbols& symbols) {
    FrameInfo info;
    for (const auto& [name, planned] : symbols.loads()) {
      Load load;
      load.kind = planned.kind;
      load.index = symbols.places().place(name);
      load.source = planned.source;
      if (planned.kind == LoadKind::kResolve) load.name = name_id(name);
      info.loads.push_back(load);
    }
    info.size = static_cast<uint32_t>(symbols.places().index.size());
    return info;
  }

  // Jinja does not look into the filter of a set block when it plans a frame: a name that stands only there
  // is refused, there as here.
  static Slot slot_of(const std::string& name, Symbols& symbols, uint32_t line) {
    const std::optional<Slot> slot = symbols.find(name);
    if (!slot) fail_syntax("the name '" + name + "' is not known where it is used", line);
    return *slot;
  }

  void bind_target(Expr& node, Symbols& symbols) {
    if (node.kind == ExprKind::kTuple) {
      for (ExprPtr& item : node.items) bind_target(*item, symbols);
    } else {
      node.slot = slot_of(node.name, symbols, node.line);
    }
  }

  void bind_expr(Expr* node, const Place& place) {
    if (node == nullptr) return;
    Place inner = place;
    if (node->kind == ExprKind::kName || node->kind == ExprKind::kNamespaceRef) {
      node->slot = slot_of(node->name, place.symbols, node->line);
    } else if (node->kind == ExprKind::kFilter) {
      node->filter = find_filter(node->name);
      if (node->filter == nullptr && !place.soft) {
        fail_syntax("No filter named '" + node->name + "'.", node->line);
      }
    } else if (node->kind == ExprKind::kTest) {
      node->test = find_test(node->name);
      if (node->test == nullptr && !place.soft)
        fail_syntax("No test named '" + node->name + "'.", node->line);
    } else if (node->kind == ExprKind::kCond) {
      inner.soft = true;
    }
    for (ExprPtr& item : node->items) bind_expr(item.get(), inner);
    if (!node->arguments) return;
    for (ExprPtr& item : node->arguments->positional) bind_expr(item.get(), inner);
    for (auto& [name, item] : node->arguments->named) bind_expr(item.get(), inner);
    bind_expr(node->arguments->more_positional.get(), inner);
    bind_expr(node->arguments->more_named.get(), inner);
  }

  void bind_exprs(std::vector<ExprPtr>& exprs, const Place& place) {
    for (ExprPtr& expr : exprs) bind_expr(expr.get(), place);
  }

  void bind_body(Body& body, const Place& place) {
    for (auto& node : body) bind_stmt(*node, place);
  }

  void bind_stmt(Stmt& node, const Place& place) {
    switch (node.kind) {
      case StmtKind::kOutput:
        bind_exprs(node.exprs, place);
        break;
      case StmtKind::kFor:
        bind_for(node, place);
        break;
      case StmtKind::kIf:
        bind_if(node, place);
        break;
      case StmtKind::kMacro:
        node.target = slot_of(node.text, place.symbols, node.line);
        node.toplevel = place.toplevel;
        bind_macro(node, place);
        break;
      case StmtKind::kCallBlock:
        bind_macro(node, place);
        bind_expr(node.call.get(), place);
        break;
      case StmtKind::kSet:
      case StmtKind::kLoad:
        for (ExprPtr& target : node.targets) bind_target(*target, place.symbols);
        bind_exprs(node.exprs, place);
        node.toplevel = place.toplevel;
        break;
      case StmtKind::kFilterBlock:
      case StmtKind::kSetBlock:
      case StmtKind::kWith:
      case StmtKind::kAutoescape:
        bind_scope(node, place);
        break;
      case StmtKind::kBlock:
        bind_block(node, place);
        break;
      case StmtKind::kData:
      case StmtKind::kBreak:
      case StmtKind::kContinue:
        break;
    }
  }

  void bind_if(Stmt& node, Place place) {
    place.soft = true;
    bind_exprs(node.exprs, place);
    for (Body& branch : node.branches) bind_body(branch, place);
    bind_body(node.else_body, place);
  }

  void bind_scope(Stmt& node, const Place& place) {
    FramePlaces places;
    Symbols symbols(places, &place.symbols);
    Place inner{symbols};
    if (node.kind == StmtKind::kWith) {
      for (ExprPtr& target : node.targets) note_target(*target, symbols, true);
    }
    if (node.kind == StmtKind::kAutoescape) note_expr(node.exprs[0].get(), symbols);
    note_body(node.body, symbols);
    if (node.kind == StmtKind::kFilterBlock) note_expr(node.exprs[0].get(), symbols);
    if (node.kind == StmtKind::kWith) {
      for (ExprPtr& target : node.targets) bind_target(*target, symbols);
      bind_exprs(node.exprs, place);
    } else {
      if (node.kind == StmtKind::kSetBlock) {
        bind_target(*node.targets[0], place.symbols);
        node.toplevel = place.toplevel;
      }
      bind_exprs(node.exprs, inner);
    }
    bind_body(node.body, inner);
    node.frame = finish(symbols);
  }

  void bind_for(Stmt& node, const Place& place) {
    walk_stmt(node, [](const std::string& name, Use use, uint32_t line) {
      if (use == Use::kStore && name == "loop") {
        fail_syntax("Can't assign to special loop variable in for-loop target", line);
      }
    });
    FramePlaces places, test_places, else_places;
    Symbols symbols(places, &place.symbols), test(test_places, &place.symbols),
        otherwise(else_places, &place.symbols);
    if (node.recursive || undeclared(node.body, {"loop"}).count("loop") != 0) {
      node.loop_slot = static_cast<int32_t>(symbols.declare_parameter("loop"));
    }
    note_target(*node.targets[0], symbols, true);
    note_body(node.body, symbols);
    bind_expr(node.exprs[0].get(), place);
    bind_target(*node.targets[0], symbols);
    bind_body(node.body, {symbols});
    node.frame = finish(symbols);
    if (node.test) {
      node.test_target = copy_target(*node.targets[0]);
      note_target(*node.test_target, test, true);
      note_expr(node.test.get(), test);
      bind_target(*node.test_target, test);
      bind_expr(node.test.get(), {test});
      node.test_frame = finish(test);
    }
    note_body(node.else_body, otherwise);
    bind_body(node.else_body, {otherwise});
    node.else_frame = finish(otherwise);
  }

  void bind_macro(Stmt& node, const Place& place) {
    FramePlaces places;
    Symbols symbols(places, &place.symbols);
    size_t caller_at = node.targets.size();
    std::set<std::string> explicit_names;
    for (size_t i = 0; i < node.targets.size(); ++i) {
      symbols.declare_parameter(node.targets[i]->name);
      explicit_names.insert(node.targets[i]->name);
      if (node.targets[i]->name == "caller") caller_at = i;
    }
    for (ExprPtr& value : node.exprs) note_expr(value.get(), symbols);
    note_body(node.body, symbols);
    std::set<std::string> special = undeclared(node.body, {"caller", "kwargs", "varargs"});
    if (special.count("caller") != 0) {
      if (caller_at == node.targets.size()) {
        node.caller_slot = static_cast<int32_t>(symbols.declare_parameter("caller"));
      } else if (caller_at + node.exprs.size() < node.targets.size()) {
        fail_syntax("the special \"caller\" argument must be omitted or be given a default", node.line);
      }
    }
    if (special.count("kwargs") != 0 && explicit_names.count("kwargs") == 0) {
      node.kwargs_slot = static_cast<int32_t>(symbols.declare_parameter("kwargs"));
    }
    if (special.count("varargs") != 0 && explicit_names.count("varargs") == 0) {
      node.varargs_slot = static_cast<int32_t>(symbols.declare_parameter("varargs"));
    }
    for (ExprPtr& target : node.targets) bind_target(*target, symbols);
    bind_exprs(node.exprs, {symbols});
    bind_body(node.body, {symbols});
    node.frame = finish(symbols);
  }

  // A block sees the context, not the variables around it, unless it is scoped.
  void bind_block(Stmt& node, const Place& place) {
    if (!blocks_.insert(node.text).second) {
      fail_syntax("block '" + node.text + "' defined twice", node.line);
    }
    tree_.has_blocks = true;
    FramePlaces places;
    Symbols symbols(places, node.scoped ? &place.symbols : nullptr);
    note_body(node.body, symbols);
    bind_body(node.body, {symbols});
    node.frame = finish(symbols);
  }

  Template& tree_;
  std::map<std::string, uint32_t> names_;
  std::set<std::string> blocks_;
};

}  // namespace

void resolve_names(Template& tree) { Resolver(tree).run(); }

}  // namespace gantry::jinja
