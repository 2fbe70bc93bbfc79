#include "api/house/house.h"

#include <array>
#include <string>
#include <utility>

#include "api/call.h"
#include "api/house/metrics.h"
#include "api/house/token_routes.h"
#include "api/json_writer.h"
#include "api/openai/error.h"
#include "http/options.h"

namespace gantry::api::house {
namespace {

void hint(Call& call) {
  call.asker.reply->send({.status = 200,
                          .headers = {},
                          .content_type = "text/plain; charset=utf-8",
                          .body = "gantry is running; point an OpenAI client at /v1\n"});
}

// A balancer sends nothing here until the model is there.
void health(Call& call) {
  const auto at = call.loading.at();
  if (!at) return call.asker.answer_json(R"({"status":"ok"})");
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("status").value("loading").key("stage").value(at->stage);
  json.key("progress").value(at->fraction).end_object();
  call.asker.reply->send(
      json_response(std::move(body), 503, {{"retry-after", std::to_string(http::kRetryAfter.count())}}));
}

constexpr std::array kRoutes = {
    Route{"GET", "/", Key::kFree, Cost::kAtOnce, hint},
    Route{"GET", "/health", Key::kFree, Cost::kAtOnce, health, {}, true},
    Route{"GET", "/metrics", Key::kAsked, Cost::kAtOnce, metrics, {}, true},
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
