#include "http/request_parser.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/shared_data.h"

namespace gantry::http {
namespace {

constexpr ParserLimits kLimits{.header_bytes = 1000, .header_count = 10, .body_bytes = 100};

struct Outcome {
  std::vector<Request> requests;
  int refused = 0;  // the status, 0: none
  std::string reason;
  RequestParser::State state = RequestParser::State::kHead;  // of what came last
};

// Feeds pieces of `piece` bytes, one request after the other until one says that it is the last.
Outcome parse(std::string_view input, size_t piece = SIZE_MAX, ParserLimits limits = kLimits) {
  Outcome out;
  RequestParser parser(limits);
  bool last = false;
  std::string inbox;
  try {
    while (!input.empty() && !last) {
      const size_t n = std::min(piece, input.size());
      inbox += input.substr(0, n);
      input.remove_prefix(n);
      size_t taken = 1;
      while (!inbox.empty() && taken > 0 && !last) {
        taken = parser.feed(inbox);
        inbox.erase(0, taken);
        if (parser.state() != RequestParser::State::kDone) continue;
        out.requests.push_back(parser.take());
        last = !out.requests.back().keep_alive;
        parser.~RequestParser();
        new (&parser) RequestParser(limits);
      }
    }
  } catch (const Refusal& error) {
    out.refused = error.status();
    out.reason = error.message();
  }
  out.state = parser.state();
  return out;
}

int status_of(std::string_view input, ParserLimits limits = kLimits) {
  const Outcome outcome = parse(input, SIZE_MAX, limits);
  return outcome.refused;
}

TEST(RequestParser, ReadsARequest) {
  const Outcome out =
      parse("POST /a?b HTTP/1.1\r\nHost: x\r\nX-Name:  some value \r\nContent-Length: 3\r\n\r\nabc");
  ASSERT_EQ(out.requests.size(), 1U) << out.reason;
  const Request& request = out.requests[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/a?b");
  EXPECT_EQ(request.path(), "/a");
  EXPECT_EQ(*request.header("x-name"), "some value");
  EXPECT_EQ(request.body, "abc");
  EXPECT_TRUE(request.keep_alive);
}

TEST(RequestParser, AnyPiecesGiveTheSame) {
  const std::string input =
      "\r\nPOST /1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b;\"\r\nhello\r\n3\r\n, "
      "w\r\n0\r\nT: 1\r\n\r\n"
      "GET /2 HTTP/1.1\r\nHost: x\r\n\r\nPOST /3 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbodyPUT /4 "
      "HTTP/1.0\r\n\r\n";
  for (size_t piece = 1; piece <= input.size(); ++piece) {
    const Outcome out = parse(input, piece);
    ASSERT_EQ(out.requests.size(), 4U) << piece << " " << out.reason;
    EXPECT_EQ(out.requests[0].body, "hello, w");
    EXPECT_EQ(out.requests[0].header("t"), nullptr) << "a trailer is no header";
    EXPECT_EQ(out.requests[2].body, "body");
    EXPECT_FALSE(out.requests[3].keep_alive);
  }
}

TEST(RequestParser, KeepAlive) {
  const auto keeps = [](const std::string& head) { return parse(head + "\r\n").requests.at(0).keep_alive; };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nConnection: close\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nConnection: x , CLOSE\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n"));
}

// What a proxy in front might read as another request than we do.
TEST(RequestParser, RefusesWhatSmugglersSend) {
  const std::vector<std::string> heads = {
      "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
      "Content-Length: 3\r\nContent-Length: 3\r\n",
      "Content-Length: 3\r\nContent-Length: 4\r\n",
      "Content-Length: 3, 3\r\n",
      "Content-Length: +3\r\n",
      "Content-Length: -3\r\n",
      "Content-Length: 0x3\r\n",
      "Content-Length: 3 \t4\r\n",
      "Content-Length:\r\n",
      "Content-Length : 3\r\n",
      "Content-Length: 99999999999999999999\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked, chunked\r\n",
      "Transfer-Encoding: chunked, identity\r\n",
      "Transfer-Encoding: identity\r\n",
      "Transfer-Encoding: xchunked\r\n",
      "Transfer-Encoding: \"chunked\"\r\n",
      "Transfer-Encoding:\r\n",
      "Transfer-Encoding : chunked\r\n",
      "Transfer-Encoding:\x0b"
      "chunked\r\n",
      " Transfer-Encoding: chunked\r\n",
      "X: 1\r\n Transfer-Encoding: chunked\r\n",
      "X: 1\r\n\tfolded\r\n",
      "X: 1\nTransfer-Encoding: chunked\r\n",
      "X: 1\rTransfer-Encoding: chunked\r\n",
      "X\x01: 1\r\n",
      "X Y: 1\r\n",
      "X: a\x01z\r\n",
      "X: a\x7fz\r\n",
      ": 1\r\n",
      "X\r\n",
      "Host: a\r\nHost: b\r\n",
      "Host: a\r\nHost: a\r\n",
  };
  for (const std::string& head : heads)
    EXPECT_NE(status_of("POST / HTTP/1.1\r\n" + head + "\r\n0\r\n\r\nabc"), 0) << head;
  EXPECT_NE(status_of(std::string("GET / HTTP/1.1\r\nX: a") + '\0' + "b\r\n\r\n"), 0);
  EXPECT_NE(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 0);
}

TEST(RequestParser, RefusesBrokenRequestLines) {
  for (const char* line :
       {"GET", "GET /", "GET  / HTTP/1.1", "GET /  HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ",
        "GET / http/1.1", "GET / HTTP/1", "GET / HTTP/1.10", "GET / XTTP/1.1", "G\x01T / HTTP/1.1",
        "GET /\xc3\xa9 HTTP/1.1", "GET /a b HTTP/1.1", "GET\t/ HTTP/1.1", "GET / HTTP/01.1"})
    EXPECT_EQ(status_of(std::string(line) + "\r\n\r\n"), 400) << line;
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\n\r\n"), 505);
  EXPECT_EQ(status_of("GET / HTTP/0.9\r\n\r\n"), 505);
  EXPECT_EQ(status_of("GET / HTTP/1.1\n\n"), 400);
  EXPECT_EQ(status_of("\r\n\r\n\r\n\r\n\r\n\r\n"), 400) << "empty lines for ever";
}

// A client of TLS would wait for its answer until the deadline of heads.
TEST(RequestParser, RefusesOtherProtocolsAtTheirFirstByte) {
  EXPECT_THROW(RequestParser(kLimits).feed("\x16"), Refusal);
  EXPECT_THROW(RequestParser(kLimits).feed(std::string_view("\0", 1)), Refusal);
  EXPECT_THROW(RequestParser(kLimits).feed(" "), Refusal);
  EXPECT_THROW(RequestParser(kLimits).feed("{"), Refusal);
  EXPECT_NO_THROW(RequestParser(kLimits).feed("\r"));
  EXPECT_NO_THROW(RequestParser(kLimits).feed("G"));
}

TEST(RequestParser, TheHostOfAnAbsoluteTargetCounts) {
  const auto host = [](const std::string& head) {
    RequestParser parser(kLimits);
    parser.feed(head + "\r\n");
    const std::string* found = parser.request().header("host");
    return found == nullptr ? std::string("none") : *found;
  };
  EXPECT_EQ(host("GET http://a.example:80/x?y HTTP/1.1\r\nHost: b.example\r\n"), "a.example:80");
  EXPECT_EQ(host("GET http://a.example HTTP/1.1\r\nHost: b.example\r\n"), "a.example");
  EXPECT_EQ(host("GET http://a.example/ HTTP/1.0\r\n"), "a.example");
  EXPECT_EQ(host("GET http://a.example/ HTTP/1.1\r\n"), "none") << "HTTP/1.1 asks for the field";
  EXPECT_EQ(host("GET HTTPS://a.example/ HTTP/1.1\r\nHost: b.example\r\n"), "a.example");
  EXPECT_EQ(host("GET /x?u=http://a.example/ HTTP/1.1\r\nHost: b.example\r\n"), "b.example");
}

TEST(RequestParser, ATargetIsAPathOrAUrl) {
  for (const char* target : {"v1/models?u=http://127.0.0.1/v1/models", "?u=http://127.0.0.1/v1/models",
                             "*://127.0.0.1/v1/models", "ftp://127.0.0.1/"}) {
    try {
      RequestParser(kLimits).feed(std::string("GET ") + target + " HTTP/1.1\r\nHost: b.example\r\n\r\n");
      ADD_FAILURE() << target;
    } catch (const Refusal& error) {
      EXPECT_EQ(error.status(), 400) << target;
    }
  }
  RequestParser parser(kLimits);
  EXPECT_NO_THROW(parser.feed("OPTIONS * HTTP/1.1\r\nHost: b.example\r\n\r\n"));
}

TEST(RequestParser, TakesNoContentCodings) {
  const auto status = [](const std::string& field) {
    try {
      RequestParser(kLimits).feed("POST / HTTP/1.1\r\nHost: a\r\n" + field + "\r\n");
    } catch (const Refusal& error) {
      return error.status();
    }
    return 0;
  };
  EXPECT_EQ(status("Content-Encoding: gzip\r\n"), 415);
  EXPECT_EQ(status("Content-Encoding: identity\r\nContent-Encoding: gzip\r\n"), 415);
  EXPECT_EQ(status("Content-Encoding: Identity\r\n"), 0);
  EXPECT_EQ(status("Content-Encoding:\r\n"), 0);
}

TEST(RequestParser, RefusesBrokenChunks) {
  for (const char* body : {"5\r\nabc\r\n0\r\n\r\n",
                           "3 \r\nabc\r\n0\r\n\r\n",
                           " 3\r\nabc\r\n0\r\n\r\n",
                           "3\nabc\r\n0\r\n\r\n",
                           "3\r\nabcX\r\n0\r\n\r\n",
                           "3\r\nabc\n0\r\n\r\n",
                           "0x3\r\nabc\r\n0\r\n\r\n",
                           "-3\r\nabc\r\n0\r\n\r\n",
                           "g\r\n",
                           "\r\n",
                           "3;\r\nabc\r\n",
                           "3;a=\r\nabc\r\n",
                           "3;a=\"b\r\nabc\r\n",
                           "3 ;a\r\nabc\r\n",
                           "3\r\r\nabc\r\n",
                           "fffffffffffffffff\r\n",
                           "ffffffffffffffff\r\n",
                           "0\r\n folded\r\n\r\n",
                           "0\r\nX\r\n\r\n",
                           "0\r\nX: \x01\r\n\r\n"})
    EXPECT_NE(status_of(std::string("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n") + body), 0)
        << body;
}

TEST(RequestParser, LimitsAtThemAndOnePast) {
  const auto body = [](size_t n) {
    return "POST / HTTP/1.1\r\nContent-Length: " + std::to_string(n) + "\r\n\r\n";
  };
  EXPECT_EQ(status_of(body(100)), 0);
  EXPECT_EQ(status_of(body(101)), 413);
  const auto chunks = [](size_t n) {
    std::string out = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (size_t i = 0; i < n; ++i) out += "1\r\nx\r\n";
    return out + "0\r\n\r\n";
  };
  EXPECT_EQ(parse(chunks(100)).requests.size(), 1U);
  EXPECT_EQ(status_of(chunks(101)), 413);

  const auto fields = [](size_t n) {
    std::string out = "GET / HTTP/1.1\r\n";
    for (size_t i = 0; i < n; ++i) out += "a: b\r\n";
    return out + "\r\n";
  };
  EXPECT_EQ(status_of(fields(10)), 0);
  EXPECT_EQ(status_of(fields(11)), 431);

  const auto head = [](size_t bytes) {
    std::string out = "GET / HTTP/1.1\r\na: ";
    return out + std::string(bytes - out.size() - 4, 'x') + "\r\n\r\n";
  };
  EXPECT_EQ(parse(head(1000)).requests.size(), 1U);
  EXPECT_EQ(status_of(head(1001)), 431);
  EXPECT_EQ(status_of("GET /" + std::string(5000, 'x')), 431) << "without an end";

  const auto line = [](size_t bytes) {
    return "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(bytes - 3, 'x') +
           "\r\ny\r\n0\r\n\r\n";
  };
  EXPECT_EQ(parse(line(kChunkLineBytesMax)).requests.size(), 1U);
  EXPECT_EQ(status_of(line(kChunkLineBytesMax + 1)), 400);
  std::string trailer = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  for (size_t i = 0; i <= kTrailerBytesMax / 100; ++i) trailer += "T: " + std::string(97, 'x') + "\r\n";
  EXPECT_EQ(status_of(trailer + "\r\n"), 400);
}

TEST(RequestParser, Expectations) {
  RequestParser parser(kLimits);
  parser.feed("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_TRUE(parser.expects_continue());
  EXPECT_EQ(parser.body_bytes(), 0U);
  parser.reserve_body(1000);
  parser.feed("ab");
  EXPECT_EQ(parser.body_bytes(), 2U);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nExpect: tea\r\n\r\n"), 417);
}

TEST(RequestParser, GarbageNeverHurts) {
  std::mt19937 random(5);
  const std::string good =
      "POST /v1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n";
  for (int round = 0; round < 20000; ++round) {
    std::string input = good;
    for (size_t i = 0, n = random() % 6; i < n; ++i) {
      const size_t at = random() % input.size();
      if (random() % 3 == 0)
        input.erase(at, random() % 8);
      else
        input[at] = "\r\n\0 :;\t09azHTP/1.\xff"[random() % 19];
      if (input.empty()) input = "x";
    }
    parse(input, 1 + random() % 40);
  }
}

// --- the vectors ---

// Where we differ from llhttp's strict mode, by title, and why that is right for a server of this API.
const std::map<std::string, std::string> kStricter = {
    {"POST with `chunked` as last transfer-encoding", "no coding but chunked is understood: 501"},
    {"POST with `chunked` as last transfer-encoding (multiple headers)", "the same; and one header only"},
    {"No HTTP version", "HTTP/0.9 has no place here"},
    {"PRI request HTTP2", "HTTP/2 is not spoken: what follows the preface is no request"},
    {"SOURCE request with ICE", "no HTTP"},
    {"OPTIONS request with RTSP", "no HTTP"},
    {"ANNOUNCE request with RTSP", "no HTTP"},
};
const std::map<std::string, std::string> kMilder = {
    {"HTTP protocol and ANNOUNCE method", "any token is a method; the router answers 405"},
    {"Invalid method", "the same"},
};
// Ends that are no refusals: what follows is another protocol, or is not read.
bool only_pauses(const std::string& reason) {
  return reason.starts_with("Pause on") || reason.starts_with("Data after");
}

std::string padded_input(const nlohmann::json& vector) {
  std::string raw = vector["raw"];
  size_t end = 0;
  for (const auto& event : vector["events"]) {
    const std::string text = event;
    end = std::max(end, static_cast<size_t>(std::atol(text.c_str() + 4)));
  }
  while (raw.size() < end) raw += "\r\n";  // the vectors' last line ends are trimmed
  return raw;
}

TEST(RequestParser, SaysWhatAStrictParserSays) {
  GANTRY_NEED_SHARED("conformance/http/llhttp_vectors.jsonl");
  std::ifstream in(testing::shared_path("conformance/http/llhttp_vectors.jsonl"));
  std::string line;
  size_t refused = 0, accepted = 0, deviations = 0;
  while (std::getline(in, line)) {
    const auto vector = nlohmann::json::parse(line);
    if (vector["meta"]["type"] != "request") continue;
    if (vector["meta"].contains("skipBody")) continue;  // a client's mode of use
    const std::string title = vector["title"], raw = padded_input(vector);
    const bool strict_refuses =
        !vector["strict_error"].is_null() && !only_pauses(vector["strict_error"]["reason"]);
    // A refusal may need the end of the head to show.
    const Outcome out = parse(strict_refuses ? raw + "\r\n\r\n" : raw, SIZE_MAX,
                              {.header_bytes = 16384, .header_count = 100, .body_bytes = size_t{1} << 20});
    if (kStricter.contains(title) || kMilder.contains(title)) {
      ++deviations;
      EXPECT_EQ(out.refused != 0, kStricter.contains(title)) << title << ": no deviation any more";
      continue;
    }
    EXPECT_EQ(out.refused != 0, strict_refuses)
        << title << "\n"
        << raw << "\nwe: " << out.reason << "\nstrict: " << vector["strict_error"].dump();
    ++(strict_refuses ? refused : accepted);
  }
  EXPECT_GT(refused, 30U);
  EXPECT_GT(accepted, 60U);
  EXPECT_EQ(deviations, kStricter.size() + kMilder.size());
}

}  // namespace
}  // namespace gantry::http
