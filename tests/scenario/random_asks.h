// Requests for generated text from a seed: every route, and every field that shapes an answer, in any
// combination.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/sim/sim_jobs.h"

namespace gantry::testing {

struct Ask {
  std::string path, body;
};

// What is worth asking a model.
struct AskFacts {
  std::string model;
  uint32_t vocab = 0;       // tokens that a prompt may be made of
  uint32_t characters = 0;  // of the longest prompts, about
  uint32_t tokens_max = 0;  // of the longest answers, about
  bool unlimited = false;   // the model ends its answers itself: they need no limit
  nlohmann::json tools;
  // Prompts that end in "tell(N)" are answered with the Nth text; none: with anything.
  uint32_t tells = 0;
  std::vector<std::string> suffixes;  // a chat's prompt may end with
  std::vector<std::string> scraps;    // of likely answers: what stop strings are made of
};

class AskMaker {
 public:
  AskMaker(uint64_t seed, AskFacts facts) : facts_(std::move(facts)), dice_(seed) {}

  Ask ask();
  // One that does not end by itself, for whoever is going to leave.
  Ask endless();

 private:
  using Body = nlohmann::json;

  bool chance(double probability) { return dice_.chance(probability); }
  uint32_t below(uint32_t n) { return dice_.roll(0, n - 1); }
  template <typename T>
  const T& one_of(const std::vector<T>& list) {
    return list[below(static_cast<uint32_t>(list.size()))];
  }
  Ask made(bool chat);
  std::string beginning();
  std::string ending();
  Body tokens();
  Body prompt();
  Body messages();
  void say_length(Body& body, bool chat);
  void say_ends(Body& body);
  void say_picks(Body& body);
  void say_chat(Body& body);
  void say_completion(Body& body);

  const AskFacts facts_;
  sim::Dice dice_;
};

}  // namespace gantry::testing
