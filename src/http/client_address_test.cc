#include "http/client_address.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace gantry::http {
namespace {

TEST(ClientAddress, Forms) {
  EXPECT_EQ(to_text(*parse_address("192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(to_text(*parse_address("::ffff:192.0.2.1")), "192.0.2.1") << "one address, one form";
  EXPECT_EQ(to_text(*parse_address("2001:DB8:0::1")), "2001:db8::1");
  for (const std::string_view none :
       {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", "::1%lo", "[::1]", "localhost", ":"})
    EXPECT_FALSE(parse_address(none)) << none;
  EXPECT_FALSE(parse_address(std::string_view("1.2.3.4\0", 8)));
}

TEST(ClientAddress, WhoIsTrusted) {
  const TrustedProxies proxies({"10.0.0.0/8", "192.0.2.7", "fd00::/9", "2001:db8::1/128", "172.16.0.0/12"});
  for (const std::string_view peer : {"10.0.0.0", "10.255.255.255", "192.0.2.7", "fd00::1", "fd7f:ffff::1",
                                      "2001:db8::1", "172.31.255.255"})
    EXPECT_TRUE(proxies.trusts(peer)) << peer;
  for (const std::string_view peer : {"", "9.255.255.255", "11.0.0.0", "192.0.2.6", "192.0.2.8", "fd80::1",
                                      "2001:db8::2", "172.32.0.0", "::a00:1"})
    EXPECT_FALSE(proxies.trusts(peer)) << peer;
  EXPECT_TRUE(TrustedProxies({"unix"}).trusts(""));
  EXPECT_FALSE(TrustedProxies({"unix"}).trusts("127.0.0.1"));
  EXPECT_TRUE(TrustedProxies({"0.0.0.0/0"}).trusts("8.8.8.8"));
  EXPECT_FALSE(TrustedProxies({"0.0.0.0/0"}).trusts("2001:db8::1"));
  EXPECT_TRUE(TrustedProxies({"::/0"}).trusts("8.8.8.8"));
  EXPECT_FALSE(TrustedProxies().trusts(""));
}

TEST(ClientAddress, WhatIsNoNetworkIsRefusedByItsName) {
  for (const char* none : {"", "proxy.example", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "10.0.0.0/-1",
                           "fd00::/129", "10.0.0/8", "/8", "UNIX", "10.0.0.0/8/8"}) {
    try {
      const TrustedProxies proxies({"10.0.0.0/8", none});
      ADD_FAILURE() << none;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      EXPECT_EQ(error.where(), "trusted_proxies");
    }
  }
  try {
    const TrustedProxies proxies({"10.1.2.3/8"});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(error.mend().find("10.0.0.0/8"), std::string::npos) << error.mend();
  }
}

std::string client_of(const std::vector<Header>& headers, const std::string& peer = "10.0.0.1") {
  static const TrustedProxies proxies({"10.0.0.0/8", "fd00::/8", "unix"});
  return proxies.client_of(peer, headers);
}

std::string listed(const std::string& value) { return client_of({{"x-forwarded-for", value}}); }
std::string forwarded(const std::string& value) { return client_of({{"forwarded", value}}); }

TEST(ClientAddress, TheLastThatIsNoTrustedProxy) {
  EXPECT_EQ(listed("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(listed("198.51.100.1, 192.0.2.1"), "192.0.2.1")
      << "what stands before it may be its own invention";
  EXPECT_EQ(listed("junk, 192.0.2.1 ,10.0.0.9,fd00::5"), "192.0.2.1");
  EXPECT_EQ(listed("\"junk, 192.0.2.1"), "192.0.2.1") << "there are no quotes in such a list";
  EXPECT_EQ(listed("192.0.2.1:4711"), "192.0.2.1");
  EXPECT_EQ(listed("2001:DB8::1"), "2001:db8::1");
  EXPECT_EQ(listed("[2001:db8::1]:4711"), "2001:db8::1");
  EXPECT_EQ(listed("[2001:db8::1]"), "2001:db8::1");
  EXPECT_EQ(listed("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(listed(" ,192.0.2.1,, "), "192.0.2.1") << "lists may have empty items (RFC 9110, section 5.6.1)";
  EXPECT_EQ(listed("10.0.0.8, 10.0.0.9"), "10.0.0.8") << "all are proxies: the first";
  EXPECT_EQ(client_of({{"x-forwarded-for", "192.0.2.1"}, {"host", "x"}, {"x-forwarded-for", "10.0.0.9"}}),
            "192.0.2.1");
  EXPECT_EQ(client_of({{"x-forwarded-for", "192.0.2.1"}}, ""), "192.0.2.1") << "behind a unix socket";
}

TEST(ClientAddress, ForwardedSaysTheSame) {
  EXPECT_EQ(forwarded("for=192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(forwarded("proto=https; For=\"192.0.2.1:80\";by=10.0.0.1"), "192.0.2.1");
  EXPECT_EQ(forwarded("for=\"[2001:db8::1]:80\", for=10.0.0.7"), "2001:db8::1");
  EXPECT_EQ(forwarded("for=198.51.100.1;host=\"a,b;for=1.1.1.1\", for=192.0.2.1;host=\"\\\",\""),
            "192.0.2.1");
  EXPECT_EQ(client_of({{"forwarded", "for=192.0.2.1"}, {"x-forwarded-for", "192.0.2.1"}}), "192.0.2.1");
}

TEST(ClientAddress, WhatCannotBeReadIsThePeer) {
  for (const char* value :
       {"", " ", ",", "unknown", "192.0.2.1, junk", "junk, 10.0.0.9", "192.0.2.1:", "192.0.2.1:x",
        "192.0.2.1:65536", "[192.0.2.1]", "[::1", "[::1]x", "\"192.0.2.1\"", "for=192.0.2.1"})
    EXPECT_EQ(listed(value), "10.0.0.1") << value;
  for (const char* value :
       {"", "for=", "for=unknown", "for=_hidden", "192.0.2.1", "by=192.0.2.1", "for=\"192.0.2.1",
        "for=192.0.2.1;x=\", for=10.0.0.7", "for=192.0.2.1;x=\", for=\"192.0.2.2\"",
        "for=192.0.2.1, by=10.0.0.1", "for =192.0.2.1", ";;,;"})
    EXPECT_EQ(forwarded(value), "10.0.0.1") << value;
  EXPECT_EQ(client_of({{"forwarded", "for=192.0.2.1"}, {"x-forwarded-for", "192.0.2.2"}}), "10.0.0.1")
      << "one of them is the client's own";
  EXPECT_EQ(client_of({{"forwarded", "for=x"}, {"x-forwarded-for", "192.0.2.2"}}), "10.0.0.1");
}

TEST(ClientAddress, WhoIsNotTrustedIsNotHeard) {
  EXPECT_EQ(client_of({{"x-forwarded-for", "192.0.2.1"}}, "192.0.2.9"), "192.0.2.9");
  EXPECT_EQ(TrustedProxies().client_of("", {{"x-forwarded-for", "192.0.2.1"}}), "");
  EXPECT_EQ(client_of({}), "10.0.0.1");
}

}  // namespace
}  // namespace gantry::http
