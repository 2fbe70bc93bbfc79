#include "bench/report.h"

#include <string>

#include <gtest/gtest.h>

#include "bench/chart.h"

namespace gantry::bench {
namespace {

Outcome done(double first, std::vector<float> gaps, std::optional<Usage> usage) {
  Outcome out;
  out.end = End::kDone;
  out.first = first;
  out.last = first;
  for (const float gap : gaps) out.last += static_cast<double>(gap);
  out.gaps = std::move(gaps);
  out.whole = out.last;
  out.usage = usage;
  return out;
}

Outcome failed(const std::string& kind, const std::string& words) {
  Outcome out;
  out.fault = {kind, words, 0};
  return out;
}

ServeReport report_of_two() {
  ServeReport report{.url = "http://a", .api = "chat", .model = "m<&>", .mix = "chat", .seed = 5};
  for (const uint32_t clients : {1u, 8u}) {
    LevelReport level{{.clients = clients}, {}};
    level.figures.add(done(0.1, {0.01f, 0.03f}, Usage{10, 3, 4}));
    level.figures.add(failed("HTTP status 429", "slow down"));
    level.figures.seconds = 2;
    report.levels.push_back(level);
  }
  return report;
}

TEST(Figures, AddUp) {
  Figures figures;
  figures.add(done(0.1, {0.01f, 0.03f}, Usage{10, 5, 4}));  // three pieces of five tokens
  figures.add(done(0.2, {}, std::nullopt));
  Outcome left = done(0.3, {0.02f}, std::nullopt);
  left.end = End::kCancelled;
  figures.add(left);
  Outcome cut;
  cut.end = End::kCut;
  figures.add(cut);
  EXPECT_EQ(figures.done, 2u);
  EXPECT_EQ(figures.cancelled, 1u);
  EXPECT_EQ(figures.cut, 1u);
  EXPECT_EQ(figures.ended(), 3u);
  EXPECT_EQ(figures.prompt_tokens, 10u);
  EXPECT_EQ(figures.cached_tokens, 4u);
  EXPECT_EQ(figures.new_tokens, 5u + 1 + 2);
  EXPECT_EQ(figures.uncounted, 2u);
  EXPECT_EQ(figures.first.count(), 3u);
  EXPECT_EQ(figures.gap.count(), 3u);
  EXPECT_EQ(figures.whole.count(), 2u);
  ASSERT_EQ(figures.per_token.count(), 1u);
  EXPECT_NEAR(figures.per_token.mean(), 0.01, 1e-6);
}

TEST(Figures, FaultsAreCountedByKind) {
  Figures figures;
  for (int i = 0; i < 3; ++i) figures.add(failed("timed out", std::to_string(i)));
  figures.add(failed("cut short", "x"));
  ASSERT_EQ(figures.faults.size(), 2u);
  EXPECT_EQ(figures.faults[0].count, 3u);
  EXPECT_EQ(figures.faults[0].first, "0");
  for (int i = 0; i < 100; ++i) figures.add(failed("kind " + std::to_string(i), ""));
  EXPECT_EQ(figures.faults.size(), kFaultKindsMax);
  EXPECT_EQ(figures.failed, 104u);
}

TEST(Report, TableAndJsonSayTheSame) {
  const ServeReport report = report_of_two();
  const std::string text = level_text(report.levels[1]);
  EXPECT_NE(text.find("8 clients: 1 done, 1 failed, 0 cancelled in 2.0 s"), std::string::npos) << text;
  EXPECT_NE(text.find("1.5 new tokens/s"), std::string::npos);
  EXPECT_NE(text.find("HTTP status 429; the first: slow down"), std::string::npos);
  EXPECT_NE(levels_text(report).find("clients"), std::string::npos);
  const Json json = report_json(report);
  const Json& level = json["levels"][size_t{1}];
  EXPECT_EQ(level["clients"], 8);
  EXPECT_EQ(level["new_tokens_per_s"], 1.5);
  EXPECT_EQ(level["faults"][size_t{0}]["count"], 1);
  EXPECT_NEAR(level["first_token_ms"]["p50"].get<double>(), 100, 0.5);
}

TEST(Report, OfNothingIsPrintedToo) {
  const LevelReport level{{.rate = 2.5}, {}};
  EXPECT_NE(level_text(level).find("2.5 conversations a second: 0 done"), std::string::npos);
  EXPECT_EQ(levels_text({.levels = {level}}), "");
  EXPECT_NE(draw_chart({.levels = {level}}).find("</svg>"), std::string::npos);
  EXPECT_NE(draw_chart({}).find("</svg>"), std::string::npos);
}

TEST(Chart, IsWholeAndNeedsNothing) {
  const std::string svg = draw_chart(report_of_two());
  EXPECT_TRUE(svg.starts_with("<svg"));
  EXPECT_NE(svg.find("m&lt;&amp;&gt;"), std::string::npos);
  EXPECT_NE(svg.find("prefers-color-scheme:dark"), std::string::npos);
  for (const char* refers : {"href", "url(", "<script", "@import", "nan", "inf"})
    EXPECT_EQ(svg.find(refers), std::string::npos) << refers;
}

TEST(Chart, ScalesEndInRoundNumbers) {
  EXPECT_DOUBLE_EQ(round_above(0), 1);
  EXPECT_DOUBLE_EQ(round_above(1), 1);
  EXPECT_DOUBLE_EQ(round_above(1.1), 2);
  EXPECT_DOUBLE_EQ(round_above(230), 500);
  EXPECT_DOUBLE_EQ(round_above(0.07), 0.1);
  EXPECT_DOUBLE_EQ(round_above(6000), 10000);
}

}  // namespace
}  // namespace gantry::bench
