#include "kv/roots.h"

#include <gtest/gtest.h>

namespace gantry::kv {
namespace {

RootKey salted(std::string_view salt) {
  RootKey key;
  key.set_salt(salt);
  return key;
}

// With no bits of the hash left: every part of the key tells roots apart.
TEST(Roots, AreToldApartByTheWholeKey) {
  Roots roots(200, 0);
  const RootId plain = roots.open(RootKey{});
  EXPECT_EQ(roots.open(RootKey{}), plain);
  for (size_t byte = 0; byte < sizeof(RootKey); ++byte) {
    RootKey key;
    reinterpret_cast<char*>(&key)[byte] = 1;
    const RootId root = roots.open(key);
    ASSERT_NE(root, kNoRoot);
    EXPECT_NE(root, plain) << byte;
    EXPECT_EQ(roots.open(key), root) << byte;
  }
  EXPECT_EQ(roots.known(), 1 + sizeof(RootKey));
  roots.check();
}

TEST(Roots, AreForgottenWithTheirLastSequenceAndPage) {
  Roots roots(2, ~uint64_t{0});
  const RootId a = roots.open(salted("a"));
  roots.add_page(a);
  roots.close(a);
  EXPECT_EQ(roots.known(), 1u);
  EXPECT_EQ(roots.open(salted("a")), a);
  roots.close(a);
  roots.remove_page(a);
  EXPECT_EQ(roots.known(), 0u);
  const RootId b = roots.open(salted("b")), c = roots.open(salted("c"));
  EXPECT_NE(b, c);
  EXPECT_EQ(roots.open(salted("a")), kNoRoot);
  roots.check();
}

TEST(Roots, TheOneOpenedLongestAgoIsTheFirstToGo) {
  Roots roots(3, ~uint64_t{0});
  EXPECT_EQ(roots.least_recent(), kNoRoot);
  const RootId a = roots.open(salted("a")), b = roots.open(salted("b")), c = roots.open(salted("c"));
  for (const RootId root : {a, b, c}) roots.add_page(root);
  roots.close(b);
  roots.close(a);
  EXPECT_EQ(roots.least_recent(), a);
  roots.close(roots.open(salted("a")));
  EXPECT_EQ(roots.least_recent(), b);
  EXPECT_EQ(roots.sequences(c), 1u);
}

TEST(RootKeyDeathTest, ASaltIsOfBoundedLength) {
  RootKey key;
  key.set_salt(std::string(kSaltBytesMax, 'x'));
  EXPECT_EQ(key.salt.back(), 'x');
  key.set_salt("y");
  EXPECT_EQ(key.salt[1], 0);
  EXPECT_DEATH(key.set_salt(std::string(kSaltBytesMax + 1, 'x')), "check failed");
}

}  // namespace
}  // namespace gantry::kv
