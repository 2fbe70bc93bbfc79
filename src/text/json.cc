#include "text/json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <new>
#include <ostream>

#include "text/json_block.h"

namespace gantry {
namespace {

constexpr size_t kTextMax = std::numeric_limits<int32_t>::max();

// A double as one of 64 bits: the nearest there is, 0 of what is no number.
uint64_t whole_of(double number) {
  constexpr double kSigned = 0x1p63, kUnsigned = 0x1p64;
  if (std::isnan(number)) return 0;
  if (number >= kUnsigned) return std::numeric_limits<uint64_t>::max();
  if (number >= 0) return static_cast<uint64_t>(number);
  if (number < -kSigned) return static_cast<uint64_t>(std::numeric_limits<int64_t>::min());
  return static_cast<uint64_t>(static_cast<int64_t>(number));
}

bool is_pair(const Json& part) { return part.is_array() && part.size() == 2 && part[0].is_string(); }

}  // namespace

// --- made, copied, destroyed ---

Json Json::array() noexcept {
  Json json;
  json.set_block(Kind::kArray, nullptr);
  return json;
}

Json Json::object() noexcept {
  Json json;
  json.set_block(Kind::kObject, nullptr);
  return json;
}

Json Json::array(std::initializer_list<JsonPart> items) {
  Json json = array();
  for (const JsonPart& item : items) json.push_back(item.take());
  return json;
}

Json Json::object(std::initializer_list<JsonPart> pairs) {
  Json json = object();
  for (const JsonPart& pair : pairs) {
    if (!is_pair(pair.get())) throw JsonError("an object is made of pairs of a key and a value");
    Json member = pair.take();
    json[member[0].text()] = std::move(member[1]);
  }
  return json;
}

Json::Json(std::initializer_list<JsonPart> parts)
    : Json(std::all_of(parts.begin(), parts.end(), [](const JsonPart& part) { return is_pair(part.get()); })
               ? object(parts)
               : array(parts)) {}

void Json::set_text(std::string_view text) {
  if (text.size() <= kTextInlineMax) {
    std::copy(text.begin(), text.end(), rep_.bytes);
    rep_.size = static_cast<uint8_t>(text.size());
    rep_.kind = Kind::kText;
    return;
  }
  if (text.size() > kTextMax) throw std::bad_alloc();
  char* copy = static_cast<char*>(::operator new(text.size()));
  std::copy(text.begin(), text.end(), copy);
  store(Kind::kLongText, copy);
  const auto size = static_cast<uint32_t>(text.size());
  std::memcpy(rep_.bytes + sizeof copy, &size, sizeof size);
}

std::string_view Json::text() const {
  if (rep_.kind == Kind::kText) return {rep_.bytes, rep_.size};
  if (rep_.kind != Kind::kLongText) wrong_kind("a string");
  uint32_t size = 0;
  std::memcpy(&size, rep_.bytes + sizeof(char*), sizeof size);
  return {load<const char*>(), size};
}

Json::Json(const Json& other) {
  if (other.rep_.kind == Kind::kLongText) {
    set_text(other.text());
  } else if (other.is_structured() && !other.empty()) {
    set_block(other.rep_.kind, JsonBlock::copy_of(*other.block()).release());
  } else {
    rep_ = other.rep_;
    if (is_structured()) set_block(rep_.kind, nullptr);
  }
}

void Json::release() noexcept {
  if (rep_.kind == Kind::kLongText)
    ::operator delete(load<char*>());
  else if (block() != nullptr)
    JsonBlock::destroy(block());
}

// --- what it is ---

const char* Json::kind_name() const {
  switch (rep_.kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return "a boolean";
    case Kind::kInteger:
    case Kind::kUnsigned:
    case Kind::kDouble:
      return "a number";
    case Kind::kText:
    case Kind::kLongText:
      return "a string";
    case Kind::kArray:
      return "an array";
    case Kind::kObject:
      return "an object";
  }
  return "?";
}

void Json::wrong_kind(const char* wanted) const {
  throw JsonError(std::string("the value must be ") + wanted + ", is " + kind_name());
}

bool Json::truth() const {
  if (!is_boolean()) wrong_kind("a boolean");
  return load<bool>();
}

uint64_t Json::whole() const {
  if (is_number_float()) return whole_of(load<double>());
  if (!is_number()) wrong_kind("a number");
  return load<uint64_t>();
}

double Json::real() const {
  if (rep_.kind == Kind::kInteger) return static_cast<double>(load<int64_t>());
  if (rep_.kind == Kind::kUnsigned) return static_cast<double>(load<uint64_t>());
  if (!is_number_float()) wrong_kind("a number");
  return load<double>();
}

const Json& Json::elements() const {
  if (!is_array()) wrong_kind("an array");
  return *this;
}

std::ostream& operator<<(std::ostream& out, const Json& json) { return out << json.dump(); }

bool Json::equal(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_number_float() || b.is_number_float()) return a.real() == b.real();
    const bool same_sign = a.rep_.kind == b.rep_.kind || (a.load<int64_t>() >= 0 && b.load<int64_t>() >= 0);
    return same_sign && a.load<uint64_t>() == b.load<uint64_t>();
  }
  if (a.is_string()) return b.is_string() && a.text() == b.text();
  if (a.rep_.kind != b.rep_.kind) return false;
  if (a.is_boolean()) return a.truth() == b.truth();
  if (!a.is_structured()) return true;
  const auto [a_begin, a_end] = a.range();
  const auto [b_begin, b_end] = b.range();
  return std::equal(a_begin, a_end, b_begin, b_end);
}

// --- arrays and objects ---

std::pair<Json*, Json*> Json::range() const noexcept {
  if (block() == nullptr) return {};
  return {block()->begin(), block()->end()};
}

size_t Json::size() const {
  if (!is_structured()) return is_null() ? 0 : 1;
  const auto [first, last] = range();
  return static_cast<size_t>(last - first) / (is_object() ? 2 : 1);
}

Json::iterator Json::begin() {
  if (!is_structured()) return {this, 1};
  return {range().first, is_object() ? 2 : 1};
}

Json::iterator Json::end() {
  if (!is_structured()) return {this + (is_null() ? 0 : 1), 1};
  return {range().second, is_object() ? 2 : 1};
}

Json::const_iterator Json::begin() const { return const_cast<Json*>(this)->begin(); }
Json::const_iterator Json::end() const { return const_cast<Json*>(this)->end(); }

JsonItems<Json> Json::items() {
  const auto [first, last] = is_object() ? range() : std::pair<Json*, Json*>();
  return {first, last};
}

JsonItems<const Json> Json::items() const {
  const auto [first, last] = is_object() ? range() : std::pair<Json*, Json*>();
  return {first, last};
}

Json::iterator Json::find(std::string_view key) {
  if (!is_object() || block() == nullptr) return end();
  return {const_cast<Json*>(block()->find(key)), 2};
}

Json::const_iterator Json::find(std::string_view key) const { return const_cast<Json*>(this)->find(key); }

const Json* Json::lookup(std::string_view key) const {
  if (!is_object()) wrong_kind("an object");
  const auto found = find(key);
  return found == end() ? nullptr : &*found;
}

const Json& Json::operator[](std::string_view key) const {
  const Json* found = lookup(key);
  if (found == nullptr) throw JsonError("the object has no key '" + std::string(key) + "'");
  return *found;
}

const Json& Json::operator[](size_t index) const {
  if (!is_array()) wrong_kind("an array");
  if (index >= size())
    throw JsonError("the array has " + std::to_string(size()) + " items, none at " + std::to_string(index));
  return range().first[index];
}

void Json::become(Kind kind, const char* wanted) {
  if (is_null()) set_block(kind, nullptr);
  if (rep_.kind != kind) wrong_kind(wanted);
}

// Room for one more item or member.
JsonBlock& Json::with_room() {
  set_block(rep_.kind, JsonBlock::with_room(block(), is_object()));
  return *block();
}

Json& Json::operator[](std::string_view key) {
  become(Kind::kObject, "an object");
  if (const auto found = find(key); found != end()) return *found;
  Json name(key);  // before the block moves: the key may be text of its own
  JsonBlock& block = with_room();
  block.append(std::move(name), Json());
  return block.end()[-1];
}

void Json::push_back(Json item) {
  become(Kind::kArray, "an array");
  with_room().append(std::move(item));
}

Json::iterator Json::insert(const_iterator before, Json item) {
  if (!is_array()) wrong_kind("an array");
  const auto at = static_cast<size_t>(before - std::as_const(*this).begin());
  JsonBlock& block = with_room();
  block.insert(at, std::move(item));
  return {block.begin() + at, 1};
}

size_t Json::erase(std::string_view key) {
  if (!is_object()) wrong_kind("an object");
  const auto found = find(key);
  if (found == end()) return 0;
  erase(found);
  return 1;
}

void Json::erase(size_t index) {
  const Json& item = std::as_const(*this)[index];
  erase(const_iterator(&item, 1));
}

Json::iterator Json::erase(const_iterator first, const_iterator last) {
  if (!is_structured()) wrong_kind("an array or an object");
  const auto at = first - std::as_const(*this).begin();
  if (first != last) {
    const auto step = is_object() ? 2 : 1;
    block()->erase(static_cast<size_t>(at * step), static_cast<size_t>((at + (last - first)) * step));
  }
  return begin() + at;
}

}  // namespace gantry
