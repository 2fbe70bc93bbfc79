// A parsed template. Immutable after parsing; any number of renderings read it at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "jinja/value.h"

namespace gantry::jinja {

struct FilterRow;
struct TestRow;

// Where a variable lives: `hops` frames outwards, then a place in that frame.
struct Slot {
  uint32_t hops = 0;
  uint32_t index = 0;
};

enum class ExprKind : uint8_t {
  kConst,
  kName,
  kNamespaceRef,  // target only: name.attribute
  kTuple,
  kList,
  kDict,  // items: key, value, key, value
  kNot,
  kNegate,
  kPositive,
  kAnd,
  kOr,
  kBinary,   // op
  kCompare,  // items: first, then one per op of ops
  kConcat,
  kCond,     // items: test, then, [else]
  kGetattr,  // value: the name
  kGetitem,  // items: object, key
  kSlice,    // items: object, start, stop, step (nullptr where absent)
  kCall,     // items: callee
  kFilter,   // items: input, or none inside a filter block or a set block
  kTest,     // items: input
};

enum class Op : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn,
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct Arguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr more_positional;  // *args
  ExprPtr more_named;       // **kwargs
};

struct Expr {
  ExprKind kind = ExprKind::kConst;
  Op op = Op::kAdd;
  uint32_t line = 1;
  uint32_t depth = 1;     // levels below and including this one
  bool constant = false;  // no names and no calls below: Jinja computes it when it compiles
  Value value;
  std::string name;
  Slot slot;
  std::vector<ExprPtr> items;
  std::vector<Op> ops;
  std::unique_ptr<Arguments> arguments;
  const FilterRow* filter = nullptr;  // nullptr: unknown, an error when it is reached
  const TestRow* test = nullptr;
};

// What a frame does when it is entered.
enum class LoadKind : uint8_t {
  kParameter,  // set by whoever enters
  kResolve,    // look the name up in the context
  kAlias,      // copy from an outer frame
  kUndefined,
};
struct Load {
  LoadKind kind = LoadKind::kUndefined;
  uint32_t index = 0;
  uint32_t name = 0;  // kResolve: into Template::names
  Slot source;        // kAlias
};
struct FrameInfo {
  uint32_t size = 0;
  std::vector<Load> loads;
};

enum class StmtKind : uint8_t {
  kData,    // text
  kOutput,  // exprs
  kFor,
  kIf,  // exprs: tests; branches: bodies; else_body
  kMacro,
  kCallBlock,
  kFilterBlock,  // exprs[0]
  kWith,         // targets, exprs
  kSet,          // targets[0], exprs[0]
  kSetBlock,     // targets[0], [exprs[0]: filter]
  kBreak,
  kContinue,
  kAutoescape,  // exprs[0]
  kBlock,
  kLoad,  // include, import, from, extends: there is nothing to load from
};

struct Stmt;
using Body = std::vector<std::unique_ptr<Stmt>>;

struct Stmt {
  StmtKind kind = StmtKind::kData;
  uint32_t line = 1;
  std::string text;  // data; name of a macro or block
  std::vector<ExprPtr> exprs;
  std::vector<ExprPtr> targets;
  std::vector<Body> branches;
  Body body;
  Body else_body;
  FrameInfo frame;
  // kFor
  ExprPtr test;
  ExprPtr test_target;  // the target again, in the frame of the test
  FrameInfo test_frame;
  FrameInfo else_frame;
  bool recursive = false;
  bool scoped = false;     // kBlock
  bool toplevel = false;   // kSet, kSetBlock, kMacro: seen by blocks
  int32_t loop_slot = -1;  // where `loop` lives, when the body asks for it
  // kMacro, kCallBlock: targets are the parameters, exprs the defaults of the last ones.
  Slot target;   // kMacro: where it goes
  ExprPtr call;  // kCallBlock; nullptr for a generation block
  int32_t caller_slot = -1, kwargs_slot = -1, varargs_slot = -1;
};

struct Template {
  Body body;
  FrameInfo frame;
  std::vector<std::string> names;  // every name that is looked up in the context
  bool has_blocks = false;
};

}  // namespace gantry::jinja
