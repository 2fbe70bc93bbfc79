#include "api/house/house.h"

#include <array>

#include "api/call.h"
#include "api/house/metrics.h"
#include "api/house/token_routes.h"
#include "api/openai/error.h"

namespace gantry::api::house {
namespace {

void hint(Call& call) {
  call.asker.reply->send({.status = 200,
                          .headers = {},
                          .content_type = "text/plain; charset=utf-8",
                          .body = "gantry is running; point an OpenAI client at /v1\n"});
}

void health(Call& call) { call.asker.answer_json(R"({"status":"ok"})"); }

constexpr std::array kRoutes = {
    Route{"GET", "/", Key::kFree, Cost::kAtOnce, hint},
    Route{"GET", "/health", Key::kFree, Cost::kAtOnce, health},
    Route{"GET", "/metrics", Key::kAsked, Cost::kAtOnce, metrics},
    Route{"POST", "/tokenize", Key::kAsked, Cost::kWorker, tokenize},
    Route{"POST", "/detokenize", Key::kAsked, Cost::kWorker, detokenize},
    Route{"POST", "/apply-template", Key::kAsked, Cost::kWorker, apply_template},
};

class HouseDialect final : public Dialect {
 public:
  std::string_view name() const override { return "house"; }
  std::span<const Route> routes() const override { return kRoutes; }
  http::Response error(const http::Refusal& refusal) const override { return openai::error(refusal); }
};

}  // namespace

const Dialect& dialect() {
  static const HouseDialect dialect;
  return dialect;
}

}  // namespace gantry::api::house
