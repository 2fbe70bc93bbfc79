// Streams beside prompts, on a machine whose steps take time by a clock of the test: how long a reader waits
// for the next token, and a prompt for its first.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"
#include "engine/outlook.h"
#include "tests/sim/sim_desk.h"

namespace gantry::sim {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

constexpr uint32_t kVocab = 64;

engine::Clock::time_point now;  // of the tests below

// When its tokens came, in seconds.
class Times final : public engine::TokenSink {
 public:
  bool on_token(const engine::TokenEvent& event) override {
    if (event.token != kNoToken) at.push_back(duration<double>(now.time_since_epoch()).count());
    ended = ended || event.finish != engine::FinishReason::kNone;
    return true;
  }
  std::vector<double> at;
  bool ended = false;
};

// Milliseconds of a step. Weights are read while little is computed: the longer of the two is what it takes.
struct Machine {
  double weights = 30, row = 5, pick = 1, reach = 0.6;  // reach: of 1,024 positions

  double takes(const model::Batch& batch) const {
    double positions = 0;
    for (const int32_t position : batch.positions) positions += position + 1;
    return std::max(weights, row * static_cast<double>(batch.tokens.size())) +
           pick * static_cast<double>(batch.picks.size()) + reach * positions / 1024;
  }
};

class Room {
 public:
  explicit Room(Machine machine, milliseconds gap = {}, uint32_t sequences = 16)
      : runner_({.limits = sim_limits(kVocab, 8192, sequences, 512, 256 * sequences),
                 .takes =
                     [machine](const model::Batch& batch) {
                       now += std::chrono::duration_cast<engine::Clock::duration>(
                           duration<double, std::milli>(machine.takes(batch)));
                     }}),
        desk_(runner_, options(gap)) {
    desk_.core.warm_up();
  }

  std::shared_ptr<Times> ask(size_t prompt, uint32_t tokens) {
    engine::Job job;
    for (size_t i = 0; i < prompt; ++i)
      job.prompt.push_back(static_cast<TokenId>(uniform_at(asked_, i) * kVocab));
    ++asked_;
    job.tokens_max = tokens;
    job.sampling.temperature = 0;
    const auto sink = std::make_shared<Times>();
    desk_.take(std::move(job), sink);
    return sink;
  }
  engine::Outlook outlook(size_t prompt) const {
    std::vector<uint64_t> waiting;
    desk_.core.list_waiting(waiting);
    return engine::outlook_of(desk_.core.stats(), waiting, 0, prompt);
  }
  uint32_t waiting() const { return desk_.core.stats().waiting; }
  void until(const std::function<bool()>& done) {
    while (!done()) ASSERT_TRUE(desk_.core.step());
  }
  double first_token(size_t prompt) {
    const double asked = duration<double>(now.time_since_epoch()).count();
    const auto sink = ask(prompt, 1);
    until([&] { return sink->ended; });
    return sink->at[0] - asked;
  }

 private:
  static engine::EngineOptions options(milliseconds gap) {
    engine::EngineOptions options;
    options.clock = [] { return now; };
    options.step_time = milliseconds(1000);
    options.gap = gap;
    return options;
  }
  uint64_t asked_ = 0;
  SimRunner runner_;
  Desk desk_;
};

std::vector<double> gaps(const std::vector<std::shared_ptr<Times>>& streams, double from) {
  std::vector<double> out;
  for (const auto& stream : streams)
    for (size_t i = 1; i < stream->at.size(); ++i)
      if (stream->at[i - 1] >= from) out.push_back(stream->at[i] - stream->at[i - 1]);
  std::ranges::sort(out);
  return out;
}

double seconds_now() { return duration<double>(now.time_since_epoch()).count(); }

TEST(SimGaps, LongPromptsDoNotStopStreams) {
  const double alone = Room(Machine{}).first_token(4000);
  Room room((Machine()));
  std::vector<std::shared_ptr<Times>> streams;
  for (int i = 0; i < 8; ++i) streams.push_back(room.ask(20, 2000));
  room.until([&] { return streams.back()->at.size() > 50; });
  const std::vector<double> before = gaps(streams, 0);
  const double usual = before[before.size() / 2];
  const double began = seconds_now();
  for (int prompt = 0; prompt < 3; ++prompt) {
    const size_t written = streams[0]->at.size();
    const double first = room.first_token(4000);
    const auto steps = static_cast<double>(streams[0]->at.size() - written);
    EXPECT_LE(first, 1.5 * (alone + steps * usual)) << "what it takes alone, with the decode work added";
  }
  const std::vector<double> beside = gaps(streams, began);
  EXPECT_LE(beside[beside.size() * 99 / 100], 3 * usual);
  EXPECT_LE(beside.back(), 4 * usual);
}

TEST(SimGaps, TheGapThatIsToldIsKept) {
  Room room(Machine{}, milliseconds(60));
  const auto stream = room.ask(20, 3000);
  room.until([&] { return stream->at.size() > 20; });
  const double began = seconds_now();
  room.first_token(3000);
  const std::vector<double> beside = gaps({stream}, began);
  EXPECT_LE(beside[beside.size() * 99 / 100], 0.075);
}

// Short prompts pass a long one, which goes on at half the pace at least: its wait is bounded.
TEST(SimGaps, ShortPromptsPassLongOnes) {
  const double long_alone = Room(Machine{}).first_token(6000), short_alone = Room(Machine{}).first_token(30);
  Room room((Machine()));
  const double asked = seconds_now();
  const auto other = room.ask(6000, 1);
  room.until([&] { return seconds_now() > asked + 1; });
  double worst = 0;
  while (!other->ended) worst = std::max(worst, room.first_token(30));
  EXPECT_LE(worst, short_alone + 2.2) << "two steps of the time that one may take";
  EXPECT_LE(other->at[0] - asked, 2.2 * long_alone);
}

// What is expected of a request comes about, within a factor of two: alone, beside others, behind a queue.
TEST(SimGaps, TheOutlookComesTrue) {
  Room room(Machine{}, {}, 4);
  const auto check = [&](size_t prompt, const char* when) {
    const engine::Outlook outlook = room.outlook(prompt);
    const double asked = seconds_now();
    const auto sink = room.ask(prompt, 64);
    room.until([&] { return !sink->at.empty(); });
    const double took = sink->at[0] - asked;
    EXPECT_LE(outlook.seconds, 2 * took + 0.1) << when;
    EXPECT_GE(outlook.seconds, 0.5 * took - 0.1) << when;
  };
  room.first_token(2000);
  check(1000, "alone");
  check(300, "beside one");
  for (int i = 0; i < 40; ++i) room.ask(200, 64);
  room.until([&] { return room.waiting() == 4; });
  check(200, "behind four that wait, as others before them did");
}

// As many clients as there are places and more: each asks again when it is done. What is written in all does
// not fall with their number.
TEST(SimGaps, MoreClientsDoNotGetLess) {
  double most = 0;
  for (const uint32_t clients : {1u, 4u, 16u, 32u, 64u}) {
    Room room(Machine{}, {}, 32);
    std::vector<std::shared_ptr<Times>> streams(clients);
    const double began = seconds_now();
    uint64_t written = 0;
    while (seconds_now() < began + 120) {
      for (auto& stream : streams) {
        if (stream && !stream->ended) continue;
        if (stream) written += stream->at.size();
        stream = room.ask(128, 64);
      }
      const auto any_ended = [&] {
        return std::ranges::any_of(streams, [](const auto& s) { return s->ended; });
      };
      room.until(any_ended);
    }
    for (const auto& stream : streams) written += stream->at.size();
    const double rate = static_cast<double>(written) / (seconds_now() - began);
    EXPECT_GE(rate, 0.95 * most) << clients;
    most = std::max(most, rate);
  }
}

}  // namespace
}  // namespace gantry::sim
