#include "http/guard.h"

#include <gtest/gtest.h>

namespace gantry::http {
namespace {

// Two who come by one proxy are told apart by their keys; one key is everybody's.
TEST(Guard, EachKeyIsAClient) {
  Options options;
  options.api_keys = {"one", "other"};
  const Guard guard(options, true);
  EXPECT_TRUE(guard.client_of("one"));
  EXPECT_NE(guard.client_of("one"), guard.client_of("other"));
  EXPECT_EQ(guard.client_of("one"), guard.client_of("one"));
  EXPECT_FALSE(guard.client_of("none of them"));
  options.api_keys = {"one"};
  EXPECT_FALSE(Guard(options, true).client_of("one"));
}

TEST(Guard, LoopbackNames) {
  for (const char* name : {"localhost", "app.localhost", "127.0.0.1", "127.9.9.9", "::1"})
    EXPECT_TRUE(is_loopback_name(name)) << name;
  for (const char* name :
       {"localhost.evil.org", "notlocalhost", "128.0.0.1", "127.0.0.1.evil.org", "0.0.0.0", "", "127.1"})
    EXPECT_FALSE(is_loopback_name(name)) << name;
}

TEST(Guard, ConstantTimeComparison) {
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
  EXPECT_FALSE(equal_in_constant_time("ab", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abab", "ab")) << "not even where one repeats the other";
  EXPECT_FALSE(equal_in_constant_time("", "a"));
  EXPECT_FALSE(equal_in_constant_time("a", ""));
}

int status_of(const Guard& guard, std::vector<Header> headers, int minor_version = 1) {
  Request request;
  request.headers = std::move(headers);
  request.minor_version = minor_version;
  try {
    guard.check_origin(request);
    guard.check_key(bearer_key(request), "send one");
  } catch (const Refusal& error) {
    return error.status();
  }
  return 200;
}

TEST(Guard, HostIsNeededAndCheckedOnLoopbackOnly) {
  const Guard here({}, true), open({}, false);
  EXPECT_EQ(status_of(here, {}), 400);
  EXPECT_EQ(status_of(here, {}, 0), 200) << "HTTP/1.0 has none";
  EXPECT_EQ(status_of(here, {{"host", "evil.org"}}), 403);
  EXPECT_EQ(status_of(open, {{"host", "evil.org"}}), 200);
}

TEST(Guard, WhatIsNoHostIsRefusedEverywhere) {
  const Guard here({}, true), open({}, false);
  for (const char* host : {"localhost:1@evil.com", "[::1", "localhost:x"}) {
    EXPECT_EQ(status_of(here, {{"host", host}}), 400) << host;
    EXPECT_EQ(status_of(open, {{"host", host}}), 400) << host;
    EXPECT_EQ(status_of(open, {{"host", "a"}, {"origin", "http://" + std::string(host)}}), 403) << host;
  }
  EXPECT_EQ(status_of(here, {{"host", "localhost:1"}, {"origin", "http://[::1]:3000"}}), 200);
  EXPECT_EQ(status_of(open, {{"host", "a"}, {"origin", "http://localhost/x"}}), 403)
      << "an origin has no path";
}

TEST(Guard, AServersOwnPagesByAddressOnly) {
  const Guard open({}, false);
  EXPECT_EQ(status_of(open, {{"host", "192.168.1.5:8080"}, {"origin", "http://192.168.1.5:8080"}}), 200);
  EXPECT_EQ(status_of(open, {{"host", "192.168.1.5:8080"}, {"origin", "http://192.168.1.6:8080"}}), 403);
  EXPECT_EQ(status_of(open, {{"host", "box.lan:8080"}, {"origin", "http://box.lan:8080"}}), 403);
}

TEST(Guard, NamesThatAreListedHoldOnEveryAddress) {
  Options options;
  options.allowed_hosts = {"box.lan"};
  const Guard open(options, false);
  EXPECT_EQ(status_of(open, {{"host", "box.lan:8421"}}), 200);
  EXPECT_EQ(status_of(open, {{"host", "localhost:8421"}}), 200);
  EXPECT_EQ(status_of(open, {{"host", "evil.org"}}), 403);
  EXPECT_EQ(status_of(open, {{"host", "192.168.1.5"}}), 403);
  Request request;
  request.headers = {{"host", "evil.org"}};
  try {
    open.check_origin(request);
    FAIL();
  } catch (const Refusal& refusal) {
    EXPECT_NE(refusal.message().find("allowed_host=evil.org"), std::string::npos) << refusal.message();
  }
}

TEST(Guard, KeysCanBeReplaced) {
  Options options;
  options.api_keys = {"old"};
  Guard guard(options, true);
  const std::vector<Header> fresh = {{"host", "localhost"}, {"authorization", "Bearer new"}};
  EXPECT_EQ(status_of(guard, fresh), 401);
  guard.set_keys({"other", "new"});
  EXPECT_EQ(status_of(guard, fresh), 200);
  EXPECT_EQ(status_of(guard, {{"host", "localhost"}, {"authorization", "Bearer old"}}), 401);
}

TEST(Guard, NamesAndOriginsThatSettingsAllow) {
  Options options;
  options.allowed_hosts = {"host.docker.internal", "*.local"};
  options.cors_origins = {"chrome-extension://*", "http://*.lan:*"};
  const Guard guard(options, true);
  EXPECT_EQ(status_of(guard, {{"host", "Host.Docker.Internal:8421"}}), 200);
  EXPECT_EQ(status_of(guard, {{"host", "box.local"}}), 200);
  EXPECT_EQ(status_of(guard, {{"host", "gateway.docker.internal"}}), 403);
  EXPECT_EQ(status_of(guard, {{"host", "box.local.evil.org"}}), 403);
  EXPECT_EQ(status_of(guard, {{"host", "localhost"}, {"origin", "chrome-extension://abcdef"}}), 200);
  EXPECT_EQ(status_of(guard, {{"host", "localhost"}, {"origin", "http://box.lan:3000"}}), 200);
  EXPECT_EQ(status_of(guard, {{"host", "localhost"}, {"origin", "https://box.lan:3000"}}), 403);
}

TEST(Guard, AnEmptyKeyInTheListOpensNothing) {
  Options options;
  options.api_keys = {""};
  const Guard guard(options, true);
  EXPECT_EQ(status_of(guard, {{"host", "localhost"}}), 401);
  EXPECT_EQ(status_of(guard, {{"host", "localhost"}, {"authorization", "Bearer "}}), 401);
}

}  // namespace
}  // namespace gantry::http
