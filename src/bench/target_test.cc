#include "bench/target.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace gantry::bench {
namespace {

TEST(Target, OfAUrl) {
  for (const char* url : {"http://127.0.0.1:8421", "http://127.0.0.1:8421/", "http://127.0.0.1:8421/v1",
                          "http://127.0.0.1:8421/v1/", "127.0.0.1:8421"}) {
    const Target target = parse_target(url);
    EXPECT_EQ(target.host, "127.0.0.1") << url;
    EXPECT_EQ(target.port, 8421);
    EXPECT_EQ(target.path("/v1/models"), "/v1/models");
  }
  const Target behind = parse_target("http://[::1]/llm/v1");
  EXPECT_EQ(behind.host, "::1");
  EXPECT_EQ(behind.port, 80);
  EXPECT_EQ(behind.path("/v1/models"), "/llm/v1/models");
  EXPECT_EQ(parse_target("unix:/run/g.sock").unix_path, "/run/g.sock");
}

TEST(Target, WhatIsNone) {
  for (const char* url :
       {"", "http://", "http://:80", "http://a:0", "http://a:70000", "http://a:b", "http://[::1",
        "http://[::1]8", "ftp://a", "http://a b", "http://a\r\nx", "http://u@a", "http://a/?x", "unix:"}) {
    try {
      parse_target(url);
      ADD_FAILURE() << url;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUsage) << url;
      EXPECT_EQ(error.where(), "url");
    }
  }
  try {
    parse_target("https://a");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_NE(error.message().find("https"), std::string::npos);
    EXPECT_FALSE(error.mend().empty());
  }
}

TEST(Target, Requests) {
  const Target target = parse_target("http://a:9/x");
  EXPECT_EQ(request_bytes(target, "GET", "/v1/models", "", ""),
            "GET /x/v1/models HTTP/1.1\r\nHost: a:9\r\nUser-Agent: gantry-bench\r\n\r\n");
  const std::string post = request_bytes(target, "POST", "/v1/completions", "k", "{}");
  EXPECT_NE(post.find("Authorization: Bearer k\r\n"), std::string::npos);
  EXPECT_TRUE(post.ends_with("Content-Length: 2\r\n\r\n{}"));
}

}  // namespace
}  // namespace gantry::bench
