#include "http/callers.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace gantry::http {
namespace {

TEST(Callers, HostNames) {
  EXPECT_EQ(host_name_of("Example.ORG:80"), "example.org");
  EXPECT_EQ(host_name_of("example.org."), "example.org");
  EXPECT_EQ(host_name_of("[::1]:80"), "::1");
  EXPECT_EQ(host_name_of("localhost:"), "localhost") << "a port may be empty";
  EXPECT_EQ(host_name_of("a_b%20c:65535"), "a_b%20c");
  EXPECT_EQ(host_name_of(""), "");
}

TEST(Callers, WhatIsNoHost) {
  for (const char* text : {"localhost:1@evil.com",
                           "localhost@evil.com",
                           "user:word@localhost",
                           "[::1",
                           "[::1]x",
                           "[::1]@evil.com",
                           "[localhost]",
                           "[]",
                           "::1",
                           "localhost:8o",
                           "localhost:65536",
                           "localhost:-1",
                           "localhost:+1",
                           "localhost: 80",
                           "localhost:80:80",
                           "local host",
                           "localhost/",
                           "localhost?",
                           "localhost#",
                           "localhost\\",
                           "localhost%",
                           "localhost%4",
                           "localhost%zz",
                           "[::1%25lo]"})
    EXPECT_EQ(host_name_of(text), std::nullopt) << text;
}

bool host_matches(const char* pattern, const char* host) { return HostPattern(pattern).matches(host); }

TEST(Callers, HostPatterns) {
  EXPECT_TRUE(host_matches("*", "anything"));
  EXPECT_TRUE(host_matches("Box.LAN", "box.lan"));
  EXPECT_TRUE(host_matches("box.lan.", "box.lan"));
  EXPECT_FALSE(host_matches("box.lan", "a.box.lan"));
  EXPECT_TRUE(host_matches("*.internal", "host.docker.internal"));
  EXPECT_TRUE(host_matches("*.Internal", "a.internal"));
  for (const char* host : {"internal", ".internal", "host.internal.evil.org", "hostinternal", ""})
    EXPECT_FALSE(host_matches("*.internal", host)) << host;
  EXPECT_TRUE(host_matches("192.168.1.5", "192.168.1.5"));
  EXPECT_TRUE(host_matches("[FE80::1]", "fe80::1"));
  EXPECT_TRUE(host_matches("FE80::1", "fe80::1"));
}

bool origin_matches(const char* pattern, const char* origin) {
  return OriginPattern(pattern).matches(origin);
}

TEST(Callers, OriginPatterns) {
  for (const char* origin : {"null", "https://a.example", "chrome-extension://abc"})
    EXPECT_TRUE(origin_matches("*", origin)) << origin;
  EXPECT_TRUE(origin_matches("null", "null"));
  EXPECT_FALSE(origin_matches("null", "https://null"));
  EXPECT_TRUE(origin_matches("HTTPS://A.example", "https://a.Example"));
  EXPECT_TRUE(origin_matches("https://a.example:443", "https://a.example")) << "browsers leave it out";
  EXPECT_TRUE(origin_matches("http://a.example", "http://a.example:80"));
  EXPECT_FALSE(origin_matches("https://a.example", "http://a.example"));
  EXPECT_FALSE(origin_matches("https://a.example", "https://a.example:8443"));
  EXPECT_FALSE(origin_matches("https://a.example:8443", "https://a.example"));
  for (const char* origin : {"http://localhost", "http://localhost:3000", "http://LOCALHOST:65535"})
    EXPECT_TRUE(origin_matches("http://localhost:*", origin)) << origin;
  for (const char* origin :
       {"https://localhost:3000", "http://localhost.evil.org:3000", "http://localhost:x", "null"})
    EXPECT_FALSE(origin_matches("http://localhost:*", origin)) << origin;
  EXPECT_TRUE(origin_matches("chrome-extension://*", "chrome-extension://abcdefghijklmnop"));
  EXPECT_FALSE(origin_matches("chrome-extension://*", "moz-extension://abcdefghijklmnop"));
  EXPECT_FALSE(origin_matches("chrome-extension://*", "chrome-extension://"));
  EXPECT_TRUE(origin_matches("https://*.app.example", "https://x.y.app.example"));
  EXPECT_FALSE(origin_matches("https://*.app.example", "https://app.example"));
  EXPECT_FALSE(origin_matches("https://*.app.example", "https://app.example.evil.org"));
  EXPECT_FALSE(origin_matches("https://*", "https://a.example:8443"));
  EXPECT_FALSE(origin_matches("https://*", "https://a@evil.org")) << "no origin";
  EXPECT_TRUE(origin_matches("https://*:*", "https://a.example:8443"));
  EXPECT_TRUE(origin_matches("http://[::1]:*", "http://[::1]:3000"));
}

template <typename Pattern>
void expect_refused(const char* text, const char* setting) {
  try {
    const Pattern pattern{std::string(text)};
    ADD_FAILURE() << "taken: " << text;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_EQ(error.where(), setting);
    EXPECT_FALSE(error.mend().empty()) << text;
  }
}

TEST(Callers, WhatNothingCanMatchIsRefused) {
  for (const char* text : {"", "http://box.lan", "box.lan:8421", "box.lan/", "*box.lan", "box.*", "a.*.b",
                           "*.", "*.*", "a b", "user@box", "[::1]:80", "."})
    expect_refused<HostPattern>(text, "allowed_host");
  for (const char* text : {"",
                           "localhost",
                           "localhost:3000",
                           "*.example.org",
                           "https://",
                           "https://a.example/",
                           "https://a.example/x",
                           "https://a.example?x",
                           "https://u@a.example",
                           "https://a.*",
                           "https://*a.example",
                           "https://a.example:",
                           "https://a.example:0",
                           "https://a.example:65536",
                           "https://a.example:8*",
                           "https://*.*",
                           "https://[::1",
                           "1http://a",
                           "http*://a",
                           "://a"})
    expect_refused<OriginPattern>(text, "cors_origin");
}

}  // namespace
}  // namespace gantry::http
