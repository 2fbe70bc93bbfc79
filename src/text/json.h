// JSON as a tree: what the API, the chat templates, the reply formats and the command line pass around.
// Objects keep the order of their keys, for tool schemas are printed as they came.
//
// A value takes 16 bytes; text of up to 14 bytes lies within them, longer text in a block of its own. The
// items of an array, or the keys and values of an object, lie in one block; an empty one has none.
//
// Cost: a key is found in a row up to kIndexedKeys - 1 keys, by a hash index with a secret seed from there on
// (O(1), whatever the keys); the index is kept at every change, never built by a reader. push_back and a new
// key are O(1) on average, insert and erase O(n), a copy O(everything in it). Moving, swapping and destroying
// allocate nothing and throw nothing.
//
// Limits: what is parsed is nested at most kDepthMax deep, so that destroying, copying, comparing and writing
// recurse no deeper; whoever nests by hand keeps to it. An array, object or text has less than 2^31 parts.
//
// Errors: JsonError for text that is no JSON and for a value of another kind than the one asked for;
// std::bad_alloc, after which everything is as it was. Any number of threads may read a tree that none
// changes.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace gantry {

class Json;
class JsonBlock;
class JsonPart;

// Its words name line and column where text was read.
class JsonError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Over the items of an array or the values of an object.
template <typename Value>
class JsonIterator {
 public:
  using iterator_category = std::bidirectional_iterator_tag;
  using value_type = std::remove_const_t<Value>;
  using difference_type = std::ptrdiff_t;
  using pointer = Value*;
  using reference = Value&;

  JsonIterator() = default;
  JsonIterator(Value* at, std::ptrdiff_t stride) : at_(at), stride_(stride) {}
  operator JsonIterator<const Value>() const {
    return {at_, stride_};
  }  // NOLINT(google-explicit-constructor)

  Value& operator*() const { return at_[stride_ - 1]; }
  Value* operator->() const { return at_ + (stride_ - 1); }
  JsonIterator& operator++() { return *this += 1; }
  JsonIterator& operator--() { return *this += -1; }
  JsonIterator operator++(int) { return std::exchange(*this, *this + 1); }
  JsonIterator operator--(int) { return std::exchange(*this, *this + -1); }
  JsonIterator& operator+=(std::ptrdiff_t n) {
    at_ += n * stride_;
    return *this;
  }
  JsonIterator operator+(std::ptrdiff_t n) const { return {at_ + n * stride_, stride_}; }
  std::ptrdiff_t operator-(const JsonIterator& other) const { return (at_ - other.at_) / stride_; }
  bool operator==(const JsonIterator& other) const { return at_ == other.at_; }

 private:
  Value* at_ = nullptr;
  std::ptrdiff_t stride_ = 1;  // 2: every value lies behind its key
};

// One member of an object; for (const auto& [key, value] : object.items()).
template <typename Value>
struct JsonItem {
  std::string_view key;
  Value& value;
};

template <typename Value>
class JsonItems {
 public:
  class Iterator {
   public:
    explicit Iterator(Value* key) : key_(key) {}
    JsonItem<Value> operator*() const { return {key_->template get<std::string_view>(), key_[1]}; }
    Iterator& operator++() {
      key_ += 2;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    Value* key_;
  };
  JsonItems(Value* begin, Value* end) : begin_(begin), end_(end) {}
  Iterator begin() const { return begin_; }
  Iterator end() const { return end_; }

 private:
  Iterator begin_, end_;
};

namespace detail {
template <typename T>
concept JsonText = std::convertible_to<const T&, std::string_view> && !std::same_as<T, std::nullptr_t>;
template <typename T>
concept JsonNumber = (std::integral<T> || std::floating_point<T>)&&!std::same_as<T, bool>;
// A list becomes an array; a map, whose items are pairs of text and value, an object.
template <typename T>
concept JsonRange = !JsonText<T> && !std::same_as<T, Json> && requires(const T& range) {
  range.begin() != range.end();
  *range.begin();
};
}  // namespace detail

class Json {
 public:
  static constexpr uint32_t kDepthMax = 512;    // nested arrays and objects of what is parsed
  static constexpr uint32_t kIndexedKeys = 16;  // an object of so many has an index
  static constexpr size_t kTextInlineMax = 14;  // bytes
  using iterator = JsonIterator<Json>;
  using const_iterator = JsonIterator<const Json>;

  Json() noexcept = default;
  Json(std::nullptr_t) noexcept {}  // NOLINT(google-explicit-constructor)
  template <std::same_as<bool> T>
  Json(T truth) noexcept {  // NOLINT(google-explicit-constructor)
    store(Kind::kBool, truth);
  }
  template <detail::JsonNumber T>
  Json(T number) noexcept {  // NOLINT(google-explicit-constructor)
    if constexpr (std::floating_point<T>)
      store(Kind::kDouble, static_cast<double>(number));
    else if constexpr (std::signed_integral<T>)
      store(Kind::kInteger, static_cast<int64_t>(number));
    else
      store(Kind::kUnsigned, static_cast<uint64_t>(number));
  }
  template <detail::JsonText T>
  Json(const T& text) {  // NOLINT(google-explicit-constructor)
    set_text(std::string_view(text));
  }
  template <detail::JsonRange T>
  Json(const T& range) : Json(array()) {  // NOLINT(google-explicit-constructor)
    if constexpr (requires { range.begin()->second; }) {
      *this = object();
      for (const auto& [key, value] : range) (*this)[key] = value;
    } else {
      for (const auto& item : range) push_back(item);
    }
  }
  // {{"key", value}, ...} is an object, {a, b, c} an array: pairs that all begin with text make an object.
  Json(std::initializer_list<JsonPart> parts);
  static Json array() noexcept;
  static Json array(std::initializer_list<JsonPart> items);
  static Json object() noexcept;
  static Json object(std::initializer_list<JsonPart> pairs);  // JsonError unless they are pairs

  Json(const Json& other);
  Json(Json&& other) noexcept { steal(other); }
  Json& operator=(Json other) noexcept {  // by value, so that a part of itself can be given to it
    swap(other);
    return *this;
  }
  ~Json() {
    if (rep_.kind >= Kind::kLongText) release();
  }
  void swap(Json& other) noexcept { std::swap(rep_, other.rep_); }

  // The whole of `text` is one value; of a key that comes twice the last value counts, in the place of the
  // first.
  static Json parse(std::string_view text);                     // JsonError where it is no JSON
  static std::optional<Json> try_parse(std::string_view text);  // nothing where it is none
  static bool accept(std::string_view text);                    // whether parse() would take it
  // In one line, or with `indent` spaces a level. What is no UTF-8 becomes U+FFFD, a number that JSON does
  // not have null; of a double the fewest digits that read back as the same, and always a point or an
  // exponent.
  std::string dump(int indent = -1) const;

  bool is_null() const { return rep_.kind == Kind::kNull; }
  bool is_boolean() const { return rep_.kind == Kind::kBool; }
  bool is_number() const { return rep_.kind >= Kind::kInteger && rep_.kind <= Kind::kDouble; }
  bool is_number_integer() const { return rep_.kind == Kind::kInteger || rep_.kind == Kind::kUnsigned; }
  bool is_number_unsigned() const { return rep_.kind == Kind::kUnsigned; }  // parsed without a sign
  bool is_number_float() const { return rep_.kind == Kind::kDouble; }
  bool is_string() const { return rep_.kind == Kind::kText || rep_.kind == Kind::kLongText; }
  bool is_array() const { return rep_.kind == Kind::kArray; }
  bool is_object() const { return rep_.kind == Kind::kObject; }
  bool is_structured() const { return rep_.kind >= Kind::kArray; }

  // T: bool, a number (any is taken for any: a fraction is cut off, what is too large wraps, a double beyond
  // 64 bits is the nearest one there), std::string, std::string_view (valid until the value changes or
  // moves), a container of those with push_back.
  template <typename T>
  T get() const {
    if constexpr (std::same_as<T, Json>) {
      return *this;
    } else if constexpr (std::same_as<T, bool>) {
      return truth();
    } else if constexpr (std::integral<T>) {
      return static_cast<T>(whole());
    } else if constexpr (std::floating_point<T>) {
      return static_cast<T>(real());
    } else if constexpr (detail::JsonText<T>) {
      return T(text());
    } else {
      T out;
      for (const Json& item : elements()) out.push_back(item.get<typename T::value_type>());
      return out;
    }
  }
  // The member's value, or `fallback` where there is none.
  template <typename T>
  T value(std::string_view key, const T& fallback) const {
    const Json* found = lookup(key);
    return found == nullptr ? fallback : found->get<T>();
  }
  std::string value(std::string_view key, const char* fallback) const {
    return value(key, std::string(fallback));
  }

  size_t size() const;  // items or members; 0 of null, 1 of what has none
  bool empty() const { return size() == 0; }
  iterator begin();
  iterator end();
  const_iterator begin() const;
  const_iterator end() const;
  JsonItems<Json> items();
  JsonItems<const Json> items() const;  // none of what is no object

  const_iterator find(std::string_view key) const;  // end() of what is no object
  iterator find(std::string_view key);
  bool contains(std::string_view key) const { return find(key) != end(); }
  const Json& operator[](std::string_view key) const;  // JsonError without it
  const Json& operator[](size_t index) const;
  Json& operator[](std::string_view key);  // put there if absent; null becomes an object
  Json& operator[](size_t index) { return const_cast<Json&>(std::as_const(*this)[index]); }
  const Json& front() const { return (*this)[size_t{0}]; }
  const Json& back() const { return (*this)[size() - 1]; }
  Json& front() { return (*this)[size_t{0}]; }
  Json& back() { return (*this)[size() - 1]; }

  void push_back(Json item);  // null becomes an array
  iterator insert(const_iterator before, Json item);
  size_t erase(std::string_view key);  // how many there were
  void erase(size_t index);
  iterator erase(const_iterator at) { return erase(at, at + 1); }
  iterator erase(const_iterator first, const_iterator last);

  // Numbers are equal by value, objects with their order.
  friend bool operator==(const Json& a, const Json& b) { return equal(a, b); }
  template <typename T>
    requires detail::JsonText<T> || detail::JsonNumber<T> || std::same_as<T, bool>
  friend bool operator==(const Json& a, const T& b) {
    if constexpr (detail::JsonText<T>)
      return a.is_string() && a.text() == std::string_view(b);
    else
      return equal(a, Json(b));
  }
  friend std::ostream& operator<<(std::ostream& out, const Json& json);

 private:
  friend class JsonBuilder;
  // The larger ones own a block.
  enum class Kind : uint8_t { kNull, kBool, kInteger, kUnsigned, kDouble, kText, kLongText, kArray, kObject };

  template <typename T>
  void store(Kind kind, T value) noexcept {
    std::memcpy(rep_.bytes, &value, sizeof value);
    rep_.kind = kind;
  }
  template <typename T>
  T load() const noexcept {
    T value;
    std::memcpy(&value, rep_.bytes, sizeof value);
    return value;
  }
  void steal(Json& other) noexcept {
    rep_ = other.rep_;
    other.rep_.kind = Kind::kNull;
  }
  void release() noexcept;
  void set_text(std::string_view text);
  void set_block(Kind kind, JsonBlock* block) noexcept { store(kind, block); }
  JsonBlock* block() const noexcept { return load<JsonBlock*>(); }

  bool truth() const;
  uint64_t whole() const;
  double real() const;
  std::string_view text() const;
  const Json& elements() const;                    // itself; JsonError unless an array
  const Json* lookup(std::string_view key) const;  // JsonError unless an object
  [[noreturn]] void wrong_kind(const char* wanted) const;
  const char* kind_name() const;
  std::pair<Json*, Json*> range()
      const noexcept;                          // of the block's values, of an object keys and values by turns
  void become(Kind kind, const char* wanted);  // null becomes an empty one
  JsonBlock& with_room();
  void write(std::string& out, int indent, size_t spaces) const;
  void write_values(std::string& out, int indent, size_t spaces) const;
  static bool equal(const Json& a, const Json& b);

  struct Rep {
    alignas(8) char bytes[kTextInlineMax] = {};  // a number, a pointer, a pointer and a length, or short text
    uint8_t size = 0;                            // of short text
    Kind kind = Kind::kNull;
  };
  Rep rep_;
};
static_assert(sizeof(Json) == 16);

// An item of a literal: as Json, but what is moved in can be moved on.
class JsonPart {
 public:
  template <typename T>
    requires(!std::same_as<std::remove_cvref_t<T>, JsonPart>) && std::constructible_from<Json, T>
  JsonPart(T&& value) : value_(std::forward<T>(value)) {}  // NOLINT(google-explicit-constructor)
  JsonPart(std::initializer_list<JsonPart> parts) : value_(parts) {}
  const Json& get() const { return value_; }
  Json take() const { return std::move(value_); }

 private:
  mutable Json value_;
};

}  // namespace gantry
