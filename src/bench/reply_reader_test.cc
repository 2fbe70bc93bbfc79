#include "bench/reply_reader.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "bench/piece.h"

namespace gantry::bench {
namespace {

struct Found {
  int status = 0;
  std::vector<std::string> events;
  std::string body, fault;
  bool keeps_alive = false;
  size_t taken = 0;
};

Found read(const std::string& text, size_t piece = SIZE_MAX, bool ends = true) {
  ReplyReader reader;
  Found out;
  try {
    for (std::string_view rest = text; !rest.empty() && !reader.done();) {
      const size_t taken = reader.feed(rest.substr(0, piece), out.events);
      out.taken += taken;
      rest.remove_prefix(taken);
    }
    if (ends) reader.end(out.events);
  } catch (const ReplyFault& fault) {
    out.fault = fault.what();
  }
  out.status = reader.status();
  out.body = reader.body();
  out.keeps_alive = reader.done() && reader.keeps_alive();
  return out;
}

const std::string kHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n";
using Texts = std::vector<std::string>;

TEST(ReplyReader, EventsInEveryFraming) {
  const std::string stream =
      "data: {\"a\":1}\n\n: a comment\nevent: x\r\ndata:two\r\ndata: lines\r\n\r\ndata: [DONE]\n\n";
  const Texts wanted = {"{\"a\":1}", "two\nlines", "[DONE]"};
  const std::string counted =
      kHead + "Content-Length: " + std::to_string(stream.size()) + "\r\n\r\n" + stream;
  std::string chunked = kHead + "Transfer-Encoding: chunked\r\n\r\n";
  for (const char c : stream) chunked += std::string("1\r\n") + c + "\r\n";
  chunked += "0\r\n\r\n";
  for (const std::string& text : {kHead + "\r\n" + stream, counted, chunked}) {
    for (const size_t piece : {size_t{1}, size_t{7}, SIZE_MAX}) {
      const Found found = read(text, piece);
      EXPECT_EQ(found.fault, "");
      EXPECT_EQ(found.events, wanted);
      EXPECT_EQ(found.status, 200);
    }
  }
  EXPECT_FALSE(read(kHead + "\r\n" + stream).keeps_alive);
  for (const std::string& text : {counted, chunked}) {
    const Found found = read(text + "HTTP/1.1 200 OK\r\n");
    EXPECT_TRUE(found.keeps_alive);
    EXPECT_EQ(found.taken, text.size());  // what follows is another answer's
  }
}

TEST(ReplyReader, TheLastEventMayWantItsEmptyLine) {
  EXPECT_EQ(read(kHead + "\r\ndata: a\n\ndata: [DONE]").events, (Texts{"a", "[DONE]"}));
  EXPECT_EQ(read(kHead + "\r\ndata: a\n\ndata: b\n").events, (Texts{"a", "b"}));
}

TEST(ReplyReader, RefusalsHaveABody) {
  const Found found = read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 429 \r\nRetry-After: 3\r\n\r\nslow down");
  EXPECT_EQ(found.status, 429);
  EXPECT_EQ(found.body, "slow down");
  EXPECT_EQ(read("HTTP/1.1 500 x\r\n\r\n" + std::string(3 * kReplyBodyBytesKept, 'x')).body.size(),
            kReplyBodyBytesKept);
}

TEST(ReplyReader, WhatIsNoAnswer) {
  for (const char* text :
       {"", "H", "220 mail\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 999 x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"})
    EXPECT_NE(read(text).fault, "") << text;
}

TEST(ReplyReader, NothingGrowsWithoutALimit) {
  const std::string head = "HTTP/1.1 200 OK\r\nx: ";
  const std::string end = "\r\n\r\n";
  EXPECT_EQ(read(head + std::string(kReplyHeadBytesMax - head.size() - end.size(), 'x') + end).fault, "");
  EXPECT_NE(read(head + std::string(kReplyHeadBytesMax - head.size() - end.size() + 1, 'x') + end).fault, "");
  // A line that does not end, and an event of endless lines.
  const std::string data = "data: ";
  EXPECT_EQ(read(kHead + "\r\n" + data + std::string(kReplyEventBytesMax - data.size(), 'x')).fault, "");
  EXPECT_NE(read(kHead + "\r\n" + data + std::string(kReplyEventBytesMax - data.size() + 1, 'x')).fault, "");
  std::string lines = kHead + "\r\n";
  while (lines.size() < 2 * kReplyEventBytesMax) lines += data + std::string(1000, 'x') + "\n";
  EXPECT_NE(read(lines).fault, "");
}

TEST(Pieces, OfTheDialects) {
  EXPECT_TRUE(read_piece("[DONE]").is_end);
  EXPECT_EQ(read_piece(R"({"choices":[{"delta":{"content":"ab"}}]})").text, "ab");
  EXPECT_EQ(read_piece(R"({"choices":[{"delta":{"reasoning_content":"a"}}]})").text, "a");
  EXPECT_EQ(read_piece(R"({"choices":[{"text":"c","finish_reason":null}]})").text, "c");
  EXPECT_EQ(
      read_piece(R"({"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}}]})")
          .text,
      "f{}");
  EXPECT_TRUE(read_piece(R"({"choices":[{"delta":{},"finish_reason":"stop"}]})").finished);
  EXPECT_FALSE(read_piece(R"({"choices":[{"delta":{"content":"ab"}}]})").finished);
  const Piece last = read_piece(
      R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":2}}})");
  ASSERT_TRUE(last.usage);
  EXPECT_EQ(last.usage->prompt, 7u);
  EXPECT_EQ(last.usage->fresh, 3u);
  EXPECT_EQ(last.usage->cached, 2u);
  EXPECT_EQ(read_piece(R"({"error":{"message":"broken \u001b[2J"}})").error, "broken  [2J");
}

TEST(Pieces, OfAnotherShapeAreNothing) {
  for (const char* text : {"{}", R"({"choices":7})", R"({"choices":[7,null,{"delta":7,"text":[]}]})",
                           R"({"usage":{"prompt_tokens":"x","completion_tokens":-3}})", R"({"usage":[]})",
                           R"({"choices":[{"delta":{"tool_calls":[{"function":3}]}}],"error":null})"}) {
    const Piece piece = read_piece(text);
    EXPECT_EQ(piece.text, "") << text;
    EXPECT_FALSE(piece.error);
    if (piece.usage) {
      EXPECT_EQ(piece.usage->prompt + piece.usage->fresh, 0u);
    }
  }
  EXPECT_EQ(read_piece(R"({"usage":{"prompt_tokens":1e300,"completion_tokens":0}})").usage->prompt,
            uint64_t{1} << 40);
  for (const char* text : {"", "{", "7", "[]", "null"}) EXPECT_THROW(read_piece(text), ReplyFault) << text;
}

TEST(Pieces, WordsOfAnError) {
  EXPECT_EQ(error_words(R"({"error":{"message":"no such model"}})"), "no such model");
  EXPECT_EQ(error_words(R"({"error":"plain"})"), "plain");
  EXPECT_EQ(error_words(R"({"detail":[{"msg":"x"}]})"), R"([{"msg":"x"}])");
  EXPECT_EQ(error_words("<html>\n\x1b[31m"), "<html>  [31m");
  EXPECT_LE(error_words(std::string(100000, 'x')).size(), 310u);
}

}  // namespace
}  // namespace gantry::bench
