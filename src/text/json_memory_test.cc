// What the tree of text/json.h takes, and what happens where there is none: every allocation is counted, and
// the one that is chosen fails.
#include <cstdlib>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <malloc.h>

#include "text/json.h"

namespace {

constexpr size_t kNever = ~size_t{0};
thread_local size_t made = 0, freed = 0, fails_at = kNever, held = 0;

}  // namespace

void* operator new(size_t bytes) {
  if (made >= fails_at) throw std::bad_alloc();
  void* room = std::malloc(bytes);
  if (room == nullptr) throw std::bad_alloc();
  ++made;
  held += malloc_usable_size(room);
  return room;
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  try {
    return operator new(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* room) noexcept {
  if (room == nullptr) return;
  ++freed;
  held -= malloc_usable_size(room);
  std::free(room);
}
void operator delete(void* room, size_t) noexcept { operator delete(room); }

namespace gantry {
namespace {

constexpr std::string_view kDocument = R"({"model":"m","messages":[
  {"role":"user","content":"a text that is too long to lie within its value"},
  {"role":"assistant","content":null,"tool_calls":[{"id":"1","function":{"name":"f","arguments":{"x":[1.5,true,[]]}}}]}],
  "k0":0,"k1":1,"k2":2,"k3":3,"k4":4,"k5":5,"k6":6,"k7":7,"k8":8,"k9":9,"k10":10,"k11":11,"k12":12,"k13":13,"k14":14,"k0":-1})";

TEST(JsonMemory, MovingAndDestroyingAllocateNothing) {
  std::optional<Json> json = Json::parse(kDocument), other = Json::parse("[1,[2]]");
  fails_at = made;
  Json moved = std::move(*json);
  json->swap(moved);
  *other = std::move(*json);
  Json part = std::move((*other)["messages"][0]["content"]);
  other->erase("k3");
  other.reset();
  json.reset();
  part = nullptr;
  fails_at = kNever;
  static_assert(std::is_nothrow_move_constructible_v<Json> && std::is_nothrow_move_assignable_v<Json> &&
                std::is_nothrow_destructible_v<Json> && std::is_nothrow_swappable_v<Json>);
}

// `act` with its first, second, ... allocation failing until none fails: each time std::bad_alloc, and
// nothing leaks.
template <typename Act>
size_t fail_each(const Act& act) {
  for (size_t n = 0;; ++n) {
    const size_t open = made - freed;
    bool failed = false;
    fails_at = made + n;
    try {
      act();
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    fails_at = kNever;
    EXPECT_EQ(made - freed, open) << n;
    if (!failed) return n;
  }
}

TEST(JsonMemory, EveryFailingAllocationIsReportedAndLeaksNothing) {
  const Json json = Json::parse(kDocument);
  EXPECT_GT(fail_each([] { static_cast<void>(Json::parse(kDocument)); }), 20u);
  EXPECT_GT(fail_each([&] { static_cast<void>(Json(json)); }), 8u);
  EXPECT_GT(fail_each([&] { static_cast<void>(json.dump(2)); }), 1u);
  EXPECT_GT(fail_each([] {
              static_cast<void>(Json{{"a", {1, 2}}, {"b", "longer than what lies within"}});
            }),
            3u);
}

template <typename Act>
bool fails_at_once(const Act& act) {
  bool failed = false;
  fails_at = made;
  try {
    act();
  } catch (const std::bad_alloc&) {
    failed = true;
  }
  fails_at = kNever;
  return failed;
}

// Where the block is full, so that a larger one is asked for.
TEST(JsonMemory, AChangeThatFailsChangesNothing) {
  for (const size_t count : {size_t{2}, size_t{16}, size_t{64}}) {
    Json object = Json::object(), list = Json::array();
    for (size_t i = 0; i < count; ++i) {
      object["key " + std::to_string(i)] = i;
      list.push_back(i);
    }
    const Json object_before = object, list_before = list;
    EXPECT_TRUE(fails_at_once([&] { object["key"] = 1; }));
    EXPECT_TRUE(fails_at_once([&] { list.push_back(1); }));
    EXPECT_TRUE(fails_at_once([&] { list.insert(list.begin(), 1); }));
    EXPECT_FALSE(fails_at_once([&] { object["key 1"] = 1; }));
    EXPECT_EQ(object, object_before);
    EXPECT_EQ(list, list_before);
    EXPECT_EQ(object["key 0"], 0);
  }
}

TEST(JsonMemory, AMessageTakesAHundredBytes) {
  constexpr size_t kMessages = 10'000;
  std::string text = "[";
  for (size_t i = 0; i < kMessages; ++i) text += R"({"role":"user","content":"hi"},)";
  text.back() = ']';
  const size_t before = held;
  const Json json = Json::parse(text);
  EXPECT_LE(held - before, kMessages * 112);
  EXPECT_EQ(json.size(), kMessages);
}

}  // namespace
}  // namespace gantry
