// Values of a rendering: Python's, as Jinja templates see them. Copying is cheap: strings and containers are
// shared and counted. Counts are atomic, because constants belong to the parsed template and are shared by
// all its renderings; everything else stays on the thread of its rendering. Must hold: strings are UTF-8
// (escapes may make lone surrogates as three bytes; the end of a rendering refuses those). Releasing deep
// values never recurses.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "jinja/text.h"

namespace gantry::jinja {

__extension__ typedef __int128 Int;  // Python's int as far as this engine goes; beyond it: kLimit

class Env;
class Value;
using Values = std::vector<Value, CountingAllocator<Value>>;

enum class Kind : uint8_t {
  kMissing,  // a variable that was never set; never reaches an operation
  kNone,
  kBool,
  kInt,
  kFloat,
  kUndefined,  // from here on: counted objects
  kString,
  kBytes,
  kList,
  kTuple,
  kDict,
  kRange,
  kDictView,
  kIterator,
  kFunction,
  kMethod,
  kMacro,
  kNamespace,
  kLoop,
  kCycler,
  kJoiner,
};

class Object {
 public:
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;
  static void* operator new(size_t bytes);
  static void operator delete(void* memory, size_t bytes) noexcept;
  void retain() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
  uint32_t references() const noexcept { return refs_.load(std::memory_order_relaxed); }
  // Deletes at zero; what a deleted container held is released from a list, not recursively, and without
  // memory of its own.
  void release() noexcept;

 private:
  std::atomic<uint32_t> refs_{0};
  Object* buried_ = nullptr;  // what is to be deleted after this
};

template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* object) : object_(object) {
    if (object_ != nullptr) object_->retain();
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr) object_->release();
  }
  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

class Value {
 public:
  Value() : kind_(Kind::kNone) { bits_.integer = 0; }
  Value(const Value& other) noexcept : kind_(other.kind_), bits_(other.bits_) {
    if (counted()) bits_.object->retain();
  }
  Value(Value&& other) noexcept : kind_(other.kind_), bits_(other.bits_) { other.kind_ = Kind::kNone; }
  Value& operator=(const Value& other) noexcept {
    Value copy(other);
    swap(copy);
    return *this;
  }
  Value& operator=(Value&& other) noexcept {
    Value taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~Value() {
    if (counted()) bits_.object->release();
  }

  static Value missing() { return Value(Kind::kMissing); }
  static Value boolean(bool value) {
    Value v(Kind::kBool);
    v.bits_.boolean = value;
    return v;
  }
  static Value integer(Int value) {
    Value v(Kind::kInt);
    v.bits_.integer = value;
    return v;
  }
  static Value real(double value) {
    Value v(Kind::kFloat);
    v.bits_.real = value;
    return v;
  }
  static Value object(Kind kind, Object* object) {
    Value v(kind);
    v.bits_.object = object;
    object->retain();
    return v;
  }
  // A std::string: words of the template or of this engine.
  static Value string(std::string own, bool markup = false) { return string(Text(std::move(own)), markup); }
  static Value string(Text text, bool markup = false);
  static Value bytes(std::string data, bool given);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_none() const { return kind_ == Kind::kNone; }
  bool is_missing() const { return kind_ == Kind::kMissing; }
  bool is_undefined() const { return kind_ == Kind::kUndefined; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_sequence() const { return kind_ == Kind::kList || kind_ == Kind::kTuple; }
  bool is_integral() const { return kind_ == Kind::kInt || kind_ == Kind::kBool; }  // a bool is an int
  bool is_number() const { return is_integral() || kind_ == Kind::kFloat; }

  // The caller has looked at kind().
  bool as_bool() const { return bits_.boolean; }
  Int as_int() const { return kind_ == Kind::kBool ? Int{bits_.boolean ? 1 : 0} : bits_.integer; }
  double as_real() const { return kind_ == Kind::kFloat ? bits_.real : static_cast<double>(as_int()); }
  Object* raw() const { return bits_.object; }
  template <class T>
  T& as() const {
    return static_cast<T&>(*bits_.object);
  }
  const std::string& str() const;  // kString
  const Text& text() const;        // kString
  bool markup() const;             // a kString that is Markup
  Values& items() const;           // kList, kTuple

 private:
  explicit Value(Kind kind) : kind_(kind) { bits_.integer = 0; }
  bool counted() const { return kind_ >= Kind::kUndefined; }
  void swap(Value& other) noexcept {
    std::swap(kind_, other.kind_);
    std::swap(bits_, other.bits_);
  }

  Kind kind_;
  union Bits {
    bool boolean;
    Int integer;
    double real;
    Object* object;
  } bits_;
};

using Named = std::pair<std::string, Value>;

struct StringObject final : Object {
  StringObject(Text whole, bool is_markup) : text(std::move(whole)), markup(is_markup) {
    take_memory(text.str().capacity());
  }
  ~StringObject() override { give_memory(text.str().capacity()); }
  const Text text;
  const bool markup;
  // Code points; npos until asked.
  mutable std::atomic<size_t> length{static_cast<size_t>(-1)};
};

struct BytesObject final : Object {
  BytesObject(std::string whole, bool is_given) : data(std::move(whole)), given(is_given) {
    take_memory(data.capacity());
  }
  ~BytesObject() override { give_memory(data.capacity()); }
  const std::string data;
  const bool given;  // some of it
};

struct ListObject final : Object {  // lists and tuples
  Values items;
  bool group = false;  // a tuple of groupby, with names for its two members
};

// Insertion order, Python's equality of keys (1 == 1.0 == True).
struct DictObject final : Object {
  std::vector<std::pair<Value, Value>, CountingAllocator<std::pair<Value, Value>>> entries;
  // nullptr when absent. Throws for keys that cannot be hashed.
  Value* find(Env& env, const Value& key);
  void set(Env& env, const Value& key, Value value);
  bool erase(Env& env, const Value& key);
  void clear();

 private:
  size_t position(Env& env, const Value& key);
  void index_all(Env& env);
  // Hash of the key -> place; empty while small.
  std::unordered_multimap<size_t, size_t, std::hash<size_t>, std::equal_to<size_t>,
                          CountingAllocator<std::pair<const size_t, size_t>>>
      index_;
};

enum class ViewKind : uint8_t { kKeys, kValues, kItems };

struct DictViewObject final : Object {
  Ref<DictObject> dict;
  ViewKind view = ViewKind::kKeys;
};

struct RangeObject final : Object {
  int64_t start = 0, stop = 0, step = 1;
  int64_t length() const;
};

struct UndefinedObject final : Object {
  std::string message;  // what is said when it is used
};

struct NamespaceObject final : Object {
  DictObject attributes;
};

struct CyclerObject final : Object {
  Values items;
  size_t position = 0;
};

struct JoinerObject final : Object {
  Value separator;
  bool used = false;
};

// What a callable was called with.
struct CallArgs {
  Values positional;
  std::vector<Named> named;
  bool given_names = false;  // some of the names came with the context (**mapping)
  Value name(const std::string& word) const { return Value::string(Text(word, given_names)); }
};

using NativeFunction = Value (*)(Env& env, CallArgs& args);
struct FunctionObject final : Object {
  const char* name = "";
  NativeFunction function = nullptr;
};

using NativeMethod = Value (*)(Env& env, const Value& self, CallArgs& args);
struct MethodObject final : Object {
  Value self;
  const char* name = "";
  NativeMethod method = nullptr;
};

// Yields values one by one, as Python's generators do: work and errors come when an item is asked for.
class Iterator : public Object {
 public:
  // False at the end, and ever after.
  bool next(Env& env, Value& out);
  virtual const char* type_name() const { return "generator"; }
  virtual const char* function_name() const { return "<genexpr>"; }  // as Python's repr names a generator

 protected:
  virtual bool advance(Env& env, Value& out) = 0;

 private:
  bool ended_ = false;
};

Value make_list(Values items);
Value make_tuple(Values items);
Value make_dict();
Value make_undefined(std::string message);
Value make_iterator(Iterator* iterator);

}  // namespace gantry::jinja
