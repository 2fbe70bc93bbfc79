// Contract E as a client sees it: everything about an answer is one answer. Requests from a seed are asked
// one by one, of a model that has nothing else to do and remembers nothing; then all at once, in another
// order, of one with few pages, small steps, a warm cache, other threads and instructions, among clients that
// leave in the middle. What each client is told must be equal byte for byte (told.h says what is no part of
// an answer).
//
// GANTRY_WHOLE_SEEDS sets how many seeds are run, GANTRY_WHOLE_SEED runs one alone.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "base/log.h"
#include "tests/scenario/stage.h"
#include "tests/scenario/told.h"
#include "tests/scenario/whole_subjects.h"

namespace gantry::testing {
namespace {

using namespace std::chrono_literals;

constexpr const char* kName = "own";
constexpr size_t kClients = 6;

// What was seen, so that a test can say whether it asked anything.
struct Sums {
  size_t subjects = 0, asked = 0, refused = 0, streams = 0, calls = 0, reasoning = 0, repaired = 0;
  size_t stops = 0, lengths = 0, called = 0, one_call = 0;
  uint64_t cached = 0, preempted = 0, shared = 0, cancelled = 0, fetched = 0;
};

bool has(const std::string& text, std::string_view what) { return text.find(what) != std::string::npos; }

void look_at(const Ask& ask, const std::string& answer, Sums& sums) {
  ++sums.asked;
  sums.refused += !answer.starts_with("200");
  sums.streams += has(answer, "text/event-stream");
  sums.calls += has(answer, "\"tool_calls\":[");
  sums.one_call += has(answer, "\"tool_calls\":[") && has(ask.body, "\"parallel_tool_calls\":false");
  sums.reasoning += has(answer, "\"reasoning_content\":");
  sums.repaired += has(answer, "\xEF\xBF\xBD");
  sums.stops += has(answer, "\"finish_reason\":\"stop\"");
  sums.lengths += has(answer, "\"finish_reason\":\"length\"");
  sums.called += has(answer, "\"finish_reason\":\"tool_calls\"");
}

StageOptions stage_of(const Subject& subject, const Circumstances& circumstances) {
  StageOptions options;
  options.own[kName] = [&subject, circumstances] {
    return std::make_unique<ServedModel>(kName, subject.make, circumstances);
  };
  return options;
}

// A connection that is made again when the server has closed it.
class Client {
 public:
  explicit Client(uint16_t port) : port_(port) { connection_.emplace(port); }
  // `lag`: so long nothing is read of the answer.
  std::string ask(const Ask& ask, std::string_view written, std::chrono::microseconds lag = 0us) {
    connection_->send(post(ask.path, ask.body));
    if (lag > 0us) std::this_thread::sleep_for(lag);
    const auto response = connection_->receive();
    if (!response || response->header("connection") == "close") connection_.emplace(port_);
    return told(response, written);
  }

 private:
  const uint16_t port_;
  std::optional<RawClient> connection_;
};

std::vector<std::string> ask_alone(const Subject& subject, const std::vector<Ask>& asks) {
  Stage stage(stage_of(subject, {}));
  Client client(stage.port());
  std::vector<std::string> out;
  for (const Ask& ask : asks) out.push_back(client.ask(ask, subject.written));
  return out;
}

// Asks for a lot and leaves while it is being told.
class Bystander {
 public:
  Bystander(uint16_t port, const Ask& ask) : connection_(port) { connection_.send(post(ask.path, ask.body)); }
  void leave(sim::Dice& dice) {
    if (dice.chance(0.2)) connection_.receive_some();
    if (dice.chance(0.3)) connection_.half_close();
    if (dice.chance(0.5)) connection_.reset();
  }

 private:
  RawClient connection_;
};

struct Heard {
  size_t ask;
  std::string answer;
};

Circumstances crowded(sim::Dice& dice) {
  // All but the scalar one, which is slow; logits are compared with it in tests/model.
  static const std::vector<std::string> isas = [] {
    std::vector<std::string> all = usable_isas();
    if (all.size() > 1) std::erase(all, "scalar");
    return all;
  }();
  Circumstances out;
  out.sequences = dice.roll(5, 9);
  out.step_rows = dice.roll(9, 40);
  out.spare_pages = dice.roll(0, 3);
  out.prefix_cache = true;
  out.pauses = true;
  out.threads = dice.roll(1, 3);
  out.isa = isas[dice.roll(0, static_cast<uint32_t>(isas.size() - 1))];
  out.host_cache_bytes = dice.chance(0.5) ? uint64_t{1} << 22 : 0;
  return out;
}

// Asks one request after the other, each perhaps beside a bystander's.
void take_part(uint16_t port, const Subject& subject, const std::vector<Ask>& asks, uint64_t seed,
               const std::function<Heard*()>& next) {
  Client client(port);
  AskMaker endless(seed, subject.facts);
  sim::Dice dice(seed + 1);
  while (Heard* const heard = next()) {
    std::optional<Bystander> bystander;
    if (dice.chance(0.4)) bystander.emplace(port, endless.endless());
    if (bystander && dice.chance(0.3)) {
      bystander->leave(dice);
      bystander.reset();
    }
    const std::chrono::microseconds lag(dice.chance(0.2) ? dice.roll(0, 5'000) : 0);
    heard->answer = client.ask(asks[heard->ask], subject.written, lag);
    if (bystander) bystander->leave(dice);
  }
}

// Each ask so many times, in any order.
std::vector<Heard> shuffled(size_t asks, size_t times, sim::Dice& dice) {
  std::vector<Heard> out;
  for (size_t i = 0; i < times * asks; ++i) out.push_back({i % asks, {}});
  for (size_t i = out.size(); i > 1; --i)
    std::swap(out[i - 1], out[dice.roll(0, static_cast<uint32_t>(i - 1))]);
  return out;
}

std::vector<Heard> ask_in_a_crowd(const Subject& subject, const std::vector<Ask>& asks, uint64_t seed,
                                  Sums& sums) {
  sim::Dice dice(seed);
  Stage stage(stage_of(subject, crowded(dice)));
  std::vector<Heard> heard = shuffled(asks.size(), subject.times, dice);
  std::atomic<size_t> next = 0;
  std::vector<std::thread> clients;
  for (size_t i = 0; i < kClients; ++i)
    clients.emplace_back([&, i] {
      take_part(stage.port(), subject, asks, seed * 31 + i, [&]() -> Heard* {
        const size_t at = next++;
        return at < heard.size() ? &heard[at] : nullptr;
      });
    });
  for (std::thread& client : clients) client.join();
  EXPECT_TRUE(stage.at_rest());
  const engine::EngineStats stats = stage.stats(kName);
  const auto lease = stage.fleet().lease_now(kName);
  const uint64_t shared = dynamic_cast<const ServedModel&>(*lease).shared_steps();
  EXPECT_GT(shared, 0U) << "no two answers were worked on at once";
  sums.cached += stats.cached_tokens;
  sums.preempted += stats.preemptions;
  sums.cancelled += stats.jobs_cancelled;
  sums.fetched += stats.fetched;
  sums.shared += shared;
  return heard;
}

// Another stream of numbers for each subject.
uint64_t mixed(uint64_t seed, const std::string& name) {
  for (const char c : name) seed = seed * 131 + static_cast<unsigned char>(c);
  return seed;
}

void ask_both_ways(const Subject& subject, size_t count, uint64_t seed, Sums& sums) {
  SCOPED_TRACE(subject.name + ", seed " + std::to_string(seed));
  const uint64_t own_seed = mixed(seed, subject.name);
  AskMaker maker(own_seed, subject.facts);
  std::vector<Ask> asks;
  for (size_t i = 0; i < count; ++i) asks.push_back(maker.ask());
  const std::vector<std::string> alone = ask_alone(subject, asks);
  for (size_t i = 0; i < count; ++i) look_at(asks[i], alone[i], sums);
  ++sums.subjects;
  for (const Heard& heard : ask_in_a_crowd(subject, asks, own_seed, sums)) {
    const std::string difference = testing::difference(alone[heard.ask], heard.answer);
    if (difference.empty()) continue;
    ADD_FAILURE() << "again: GANTRY_WHOLE_SEED=" << seed << "\nrequest " << heard.ask << ": "
                  << asks[heard.ask].path << " " << asks[heard.ask].body << "\n"
                  << difference;
    return;  // the others differ for the same reason, most likely
  }
}

std::vector<uint64_t> seeds(uint64_t by_default) {
  if (const char* one = std::getenv("GANTRY_WHOLE_SEED")) return {std::strtoull(one, nullptr, 10)};
  const char* wish = std::getenv("GANTRY_WHOLE_SEEDS");
  const uint64_t count = wish != nullptr ? std::strtoull(wish, nullptr, 10) : by_default;
  std::vector<uint64_t> out;
  for (uint64_t seed = 1; seed <= count; ++seed) out.push_back(seed);
  return out;
}

void print(const Sums& sums) {
  std::printf(
      "%zu models, %zu requests (%zu refused, %zu streams), %zu with calls (%zu of them wanted one), %zu "
      "with "
      "reasoning, %zu with bytes that are no text; ends: %zu stop, %zu length, %zu calls; in the crowd %llu "
      "prompt tokens cached, %llu preemptions, %llu shared steps, %llu cancelled, %llu brought back\n",
      sums.subjects, sums.asked, sums.refused, sums.streams, sums.calls, sums.one_call, sums.reasoning,
      sums.repaired, sums.stops, sums.lengths, sums.called, static_cast<unsigned long long>(sums.cached),
      static_cast<unsigned long long>(sums.preempted), static_cast<unsigned long long>(sums.shared),
      static_cast<unsigned long long>(sums.cancelled), static_cast<unsigned long long>(sums.fetched));
}

// That the seeds reach what they are for.
void expect_a_crowd(const Sums& sums) {
  print(sums);
  EXPECT_GT(sums.preempted, sums.subjects / 2);
  EXPECT_GT(sums.cancelled, sums.subjects);
  EXPECT_GT(sums.shared, 10 * sums.subjects);
  EXPECT_GT(sums.cached, 100 * sums.subjects);
  EXPECT_LT(sums.refused, sums.asked / 4);
  for (const size_t seen : {sums.streams, sums.stops, sums.lengths}) EXPECT_GT(seen, sums.asked / 20);
}

class WholeAnswers : public ::testing::Test {
 protected:
  void SetUp() override { log::set_level(log::Level::kWarn); }  // hundreds of models come and go
};

TEST_F(WholeAnswers, OfEveryRowOfReplies) {
  constexpr size_t kAsks = 12;
  Sums sums;
  for (const uint64_t seed : seeds(1))
    for (const reply::ReplyFormat& format : reply::reply_formats())
      ask_both_ways(teller(format), kAsks, seed, sums);
  expect_a_crowd(sums);
  EXPECT_GT(sums.calls, sums.asked / 10);
  EXPECT_GT(sums.called, sums.asked / 20);
  EXPECT_GT(sums.one_call, sums.asked / 40);
  EXPECT_GT(sums.reasoning, sums.asked / 20);
}

TEST_F(WholeAnswers, OfPiecesInAnyOrder) {
  constexpr size_t kAsks = 20;
  Sums sums;
  for (const uint64_t seed : seeds(3))
    for (const reply::ReplyFormat& format : reply::reply_formats())
      ask_both_ways(babbler(format), kAsks, seed, sums);
  expect_a_crowd(sums);
  EXPECT_GT(sums.repaired, sums.asked / 20);
}

const reply::ReplyFormat& some_format(size_t i) {
  return reply::reply_formats()[i * 7 % reply::reply_formats().size()];
}

TEST_F(WholeAnswers, OfModelsThatAreMadeHere) {
  constexpr size_t kAsks = 12;
  Sums sums;
  for (const uint64_t seed : seeds(1))
    for (size_t i = 0; i < own_models().size(); ++i) {
      fleet::LoadSettings settings = own_models()[i].settings();
      settings.kv_type = i % 2 == 0 ? "f32" : "f16";
      ask_both_ways(weights(own_models()[i].name, settings, some_format(i)), kAsks, seed, sums);
    }
  expect_a_crowd(sums);
}

std::vector<std::string> shared_models() {
  std::vector<std::string> paths;
  for (const char* folder : {"logits", "weights", "embeddings"})
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(shared_path(std::string("conformance/") + folder)))
      if (entry.path().extension() == ".gguf") paths.push_back(entry.path());
  std::ranges::sort(paths);
  return paths;
}

TEST_F(WholeAnswers, OfModelsOfTheSharedData) {
  GANTRY_NEED_SHARED("conformance/logits");
  constexpr size_t kAsks = 12;
  Sums sums;
  std::set<std::string> unknown;
  for (const uint64_t seed : seeds(1)) {
    size_t i = 0;
    for (const std::string& path : shared_models()) {
      const std::string name = std::filesystem::path(path).stem();
      fleet::LoadSettings settings;
      settings.model_path = path;
      settings.kv_type = ++i % 2 == 0 ? "f32" : "f16";
      try {
        ask_both_ways(weights(name, settings, some_format(i)), kAsks, seed, sums);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << error.what();
        unknown.insert(name);
      }
    }
  }
  for (const std::string& name : unknown)
    std::printf("not asked, for it is not supported: %s\n", name.c_str());
  expect_a_crowd(sums);
}

// A route that takes something and is not in this list may generate: it has to be asked here too.
TEST_F(WholeAnswers, AreAskedOfEveryRouteThatGenerates) {
  const std::set<std::string_view> known = {"/v1/chat/completions", "/v1/completions", "/tokenize",
                                            "/detokenize", "/apply-template"};
  for (const api::Dialect* dialect : server::all_dialects())
    for (const api::Route& route : dialect->routes())
      EXPECT_TRUE(route.method != "POST" || known.contains(route.path)) << route.path;
}

}  // namespace
}  // namespace gantry::testing
