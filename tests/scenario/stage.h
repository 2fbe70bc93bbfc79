// A real server over models without weights: the engine is the real one, its runner is tests/sim, the
// tokenizer is bytes.
//
//   "sim"   obeys: a prompt that ends in say(TEXT) is answered with TEXT, count(N) with "1 2 .. N", anything
//   else
//           with letters without end. Greedy or not, it says the same.
//   "dice"  answers with bytes that depend on everything before and on the seed. It has no chat template.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/engine.h"
#include "fleet/fleet.h"
#include "server/server.h"
#include "tests/scenario/fakes.h"
#include "tests/sim/sim_runner.h"

namespace gantry::testing {

struct StageOptions {
  std::chrono::microseconds step_time{0};
  uint32_t pages = 1024;
  uint32_t sequences = 16;
  uint32_t queue_max = 256;
  uint32_t context = 4096;
  uint64_t fail_at_step = 0;  // this step of "sim" loses its device; 0: none
  bool prefix_cache = false;  // off: every page is free when nothing runs
  // For each name a model like "sim" that writes reasoning and tool calls in that format, named after it.
  std::vector<std::string> reply_formats = {};
  // Models like "sim", or of `own`, that are cold; they load until let_on().
  std::vector<std::string> cold = {};
  // Models of the test's own, by name.
  std::map<std::string, std::function<std::unique_ptr<fleet::LiveModel>()>> own = {};
  http::Options server = {};
  std::vector<const api::Dialect*> dialects = server::all_dialects();
};

class Stage {
 public:
  explicit Stage(StageOptions options = {});
  ~Stage();

  uint16_t port() const { return server_->port(); }
  server::Server& server() { return *server_; }
  fleet::Fleet& fleet() { return *fleet_; }
  engine::EngineStats stats(const std::string& model = "sim");
  // Ends the loading of cold models: they come to life, or fail with `error`.
  void let_on(const std::optional<Error>& error = std::nullopt);
  // Texts that "sim" has turned into tokens.
  uint64_t encodings();
  // Waits until nothing runs and all pages are free. False when patience ends.
  bool at_rest();

 private:
  struct Gate {
    std::atomic<bool> open = false;
    std::optional<Error> error;  // read once it is open
  };
  class Loader;
  class Candidate;

  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  std::unique_ptr<fleet::Fleet> fleet_;
  std::unique_ptr<server::Server> server_;
};

}  // namespace gantry::testing
