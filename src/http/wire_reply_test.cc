#include "http/wire_reply.h"

#include <memory>

#include <gtest/gtest.h>

#include "http/wire_format.h"

namespace gantry::http {
namespace {

TEST(WireReply, WakesOnceUntilItIsTaken) {
  int woken = 0;
  WireReply reply(100, [&] { ++woken; });
  reply.begin_stream({}, "");
  EXPECT_TRUE(reply.push("ab"));
  EXPECT_TRUE(reply.push("cd"));
  EXPECT_EQ(woken, 1);
  const WireReply::Taken taken = reply.take();
  EXPECT_TRUE(taken.head);
  EXPECT_EQ(taken.bytes, "abcd");
  EXPECT_FALSE(taken.finished);
  reply.fail("e");
  EXPECT_EQ(woken, 2);
  const WireReply::Taken last = reply.take();
  EXPECT_TRUE(last.finished && last.broken && !last.torn);
  EXPECT_EQ(last.bytes, "e");
}

TEST(WireReply, TheQueueAtItsLimitAndOnePast) {
  WireReply reply(4, [] {});
  EXPECT_TRUE(reply.push("abcd"));
  EXPECT_EQ(reply.take().bytes, "abcd");
  EXPECT_TRUE(reply.push("abcd"));
  EXPECT_FALSE(reply.push("e"));
  EXPECT_TRUE(reply.take().lost);
  EXPECT_FALSE(reply.push("f")) << "what is lost stays lost";
  reply.fail("its last word");
  const WireReply::Taken last = reply.take();
  EXPECT_TRUE(last.finished && last.broken && last.lost);
  EXPECT_EQ(last.bytes, "its last word");
}

TEST(WireReply, AnEmptyQueueTakesAPieceOfAnySize) {
  WireReply reply(4, [] {});
  EXPECT_TRUE(reply.push("abcdefgh"));
  EXPECT_FALSE(reply.push("i"));
  EXPECT_EQ(reply.take().bytes, "abcdefgh");
}

TEST(WireReply, TellsWhenItsQueueIsEmpty) {
  WireReply reply(4, [] {});
  reply.begin_stream({}, "");
  int told = 0;
  reply.on_room([&] { ++told; });
  EXPECT_EQ(told, 1) << "it is empty already";
  EXPECT_TRUE(reply.push("a"));
  reply.on_room([&] {
    ++told;
    EXPECT_TRUE(reply.push("b"));
  });
  EXPECT_EQ(told, 1);
  EXPECT_EQ(reply.take().bytes, "a");
  EXPECT_EQ(told, 2);
  EXPECT_EQ(reply.take().bytes, "b");
  EXPECT_EQ(told, 2) << "once";
}

TEST(WireReply, WhoseStreamIsOverHearsOfNoRoom) {
  for (const int how : {0, 1, 2, 3}) {
    WireReply reply(4, [] {});
    reply.begin_stream({}, "");
    const auto told = std::make_shared<int>(0);
    EXPECT_TRUE(reply.push("a"));
    reply.on_room([told] { ++*told; });
    if (how == 0) reply.finish();
    if (how == 1) reply.fail("");
    if (how == 2) reply.client_gone();
    if (how == 3) reply.detach();
    reply.take();
    reply.on_room([told] { ++*told; });
    EXPECT_EQ(*told, 0) << how;
    EXPECT_EQ(told.use_count(), 1) << "and is forgotten: " << how;
    EXPECT_FALSE(reply.push("b")) << how;
  }
}

TEST(WireReply, AStreamThatFailsWithoutAWordIsTorn) {
  WireReply reply(4, [] {});
  reply.begin_stream({}, "");
  reply.fail("");
  reply.finish();
  const WireReply::Taken taken = reply.take();
  EXPECT_TRUE(taken.finished && taken.broken && taken.torn);
}

const Refusal kWhy(503, "shutting_down", "because");

Response refused() {
  Response response;
  response.status = 503;
  return response;
}

TEST(WireReply, WhoWorksOnItEndsItWhenItIsCut) {
  WireReply reply(100, [] {});
  std::string told;
  reply.begin_stream({}, "");
  reply.on_cut([&](const Refusal& why) {
    told += why.code();
    reply.fail("in its own words");
  });
  reply.cut(kWhy, refused());
  reply.cut(kWhy, refused());
  EXPECT_EQ(told, "shutting_down");
  const WireReply::Taken taken = reply.take();
  EXPECT_FALSE(taken.whole);
  EXPECT_EQ(taken.bytes, "in its own words");
}

TEST(WireReply, WhatNobodyCanEndYetIsRefused) {
  WireReply reply(100, [] {});
  reply.cut(kWhy, refused());
  EXPECT_EQ(reply.take().whole->status, 503);
  // The worker comes too late.
  reply.begin_stream({}, "");
  EXPECT_FALSE(reply.push("a"));
  reply.send({});
  reply.finish();
  int told = 0;
  reply.on_cut([&](const Refusal&) { ++told; });
  EXPECT_EQ(told, 1);
  const WireReply::Taken taken = reply.take();
  EXPECT_FALSE(taken.whole || taken.head || taken.finished);
}

TEST(WireReply, AStreamThatJustBeganIsEndedWhenItsWorkerIsReady) {
  WireReply reply(100, [] {});
  reply.begin_stream({}, "");
  reply.cut(kWhy, refused());
  EXPECT_FALSE(reply.take().whole) << "one answer has begun already";
  reply.on_cut([&](const Refusal& why) { reply.fail(why.code()); });
  EXPECT_EQ(reply.take().bytes, "shutting_down");
}

TEST(WireReply, TellsOfAClientThatGoes) {
  WireReply reply(4, [] {});
  int told = 0;
  reply.on_gone([&] { ++told; });
  reply.client_gone();
  reply.client_gone();
  EXPECT_EQ(told, 1);
  EXPECT_FALSE(reply.push("a"));
}

TEST(WireReply, TellsAtOnceWhenItIsGoneAlready) {
  int told = 0;
  WireReply reply(4, [] {});
  reply.client_gone();
  reply.on_gone([&] { ++told; });
  EXPECT_EQ(told, 1);
}

TEST(WireReply, NeverWakesAfterItIsDetached) {
  int woken = 0;
  WireReply reply(4, [&] { ++woken; });
  reply.detach();
  reply.send({});
  EXPECT_FALSE(reply.push("a"));
  reply.finish();
  EXPECT_EQ(woken, 0);
}

TEST(WireFormat, NothingBeginsALineOfItsOwn) {
  const std::string bytes =
      wire_head({.status = 200, .headers = {{"x", "a\r\nset-cookie: b"}}, .body = "{}"}, {}, {});
  EXPECT_EQ(bytes.find("\r\nset-cookie"), std::string::npos);
  EXPECT_TRUE(bytes.ends_with("content-length: 2\r\n\r\n"));
}

TEST(WireFormat, PiecesOfAStream) {
  std::string out;
  append_wire_piece(out, "", {});
  EXPECT_EQ(out, "") << "an empty chunk would end it";
  append_wire_piece(out, "0123456789abcdef", {});
  EXPECT_EQ(out, "10\r\n0123456789abcdef\r\n");
  out.clear();
  append_wire_piece(out, "x", {.minor_version = 0});
  EXPECT_EQ(out, "x");
}

}  // namespace
}  // namespace gantry::http
