// The block behind an array or an object of text/json.h: a small head, the values, and behind the keys and
// values of a large object its hash index. Of text/json*.cc alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "text/json.h"

namespace gantry {

class JsonBlock {
 public:
  struct Free {
    void operator()(JsonBlock* block) const noexcept { destroy(block); }
  };
  using Owner = std::unique_ptr<JsonBlock, Free>;

  // Empty, with room for so many items, or so many members where it is `keyed`. Throws std::bad_alloc.
  static Owner make(size_t capacity, bool keyed);
  static Owner copy_of(const JsonBlock& other);
  static void destroy(JsonBlock* block) noexcept;

  bool keyed() const { return (room_ & 1U) != 0; }
  uint32_t values() const { return values_; }  // of an object twice its members
  Json* begin() { return reinterpret_cast<Json*>(this + 1); }
  Json* end() { return begin() + values_; }
  const Json* begin() const { return reinterpret_cast<const Json*>(this + 1); }
  const Json* end() const { return begin() + values_; }

  // The key of that name; end() without it.
  const Json* find(std::string_view key) const;

  // `block`, which may be null, with room for one more item or member; where it is full, another one that has
  // taken its values over.
  static JsonBlock* with_room(JsonBlock* block, bool keyed);
  // There is room.
  void append(Json&& value) noexcept;
  void append(Json&& key, Json&& value) noexcept;  // the key is new
  void insert(size_t before, Json&& value) noexcept;
  void erase(size_t first, size_t last) noexcept;  // places of values

 private:
  JsonBlock(uint32_t capacity, bool keyed) : room_(capacity << 1U | (keyed ? 1U : 0U)) {}
  static size_t slots_of(uint32_t capacity, bool keyed);
  uint32_t capacity() const { return room_ >> 1U; }  // in values
  size_t slots() const { return slots_of(capacity(), keyed()); }
  uint32_t* index() { return reinterpret_cast<uint32_t*>(begin() + capacity()); }
  const uint32_t* index() const { return reinterpret_cast<const uint32_t*>(begin() + capacity()); }
  // Where the index has that key, or has room for it.
  size_t slot_of(std::string_view key) const;
  void enter(const Json* key) noexcept;
  void index_all() noexcept;

  uint32_t values_ = 0;
  uint32_t room_;  // twice the capacity, one more where it is keyed
};

}  // namespace gantry
