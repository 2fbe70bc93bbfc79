// A model that a test puts behind the server itself, in circumstances that it chooses: a runner of any kind
// under the real engine, with few pages and small steps where a crowd is wanted.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "jinja/chat_template.h"
#include "model/runner.h"
#include "reply/reply_format.h"
#include "tests/scenario/stand_in.h"
#include "tokenizer/tokenizer.h"

namespace gantry::testing {

// What no answer may depend on. As they stand: alone.
struct Circumstances {
  uint32_t sequences = 1;
  uint32_t step_rows = 0;    // 0: as many as the runner takes
  uint32_t spare_pages = 0;  // of the pool, beyond one whole context
  bool prefix_cache = false;
  bool pauses = false;  // some steps take their time, so that requests gather
  uint32_t threads = 1;
  std::string isa = {};  // empty: the best one
  uint64_t host_cache_bytes = 0;
};

// Members stand in the order in which they need each other.
struct ModelParts {
  std::shared_ptr<const void> under;  // what the runner stands on
  std::unique_ptr<model::Runner> runner;
  std::shared_ptr<const tokenizer::Tokenizer> tokenizer;
  std::unique_ptr<const jinja::ChatTemplate> chat_template;
  const reply::ReplyFormat* format = nullptr;  // nullptr: what the template says
};
using MakeParts = std::function<ModelParts(const Circumstances&)>;

class ServedModel final : public StandIn {
 public:
  ServedModel(const std::string& id, const MakeParts& make, const Circumstances& circumstances);
  ~ServedModel() override;

  // Steps that brought more than one sequence further.
  uint64_t shared_steps() const;

 private:
  class Runner;

  const ModelParts parts_;
  std::unique_ptr<Runner> runner_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<completion::Completer> completer_;
};

}  // namespace gantry::testing
