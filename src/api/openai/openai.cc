#include "api/openai/openai.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "api/call.h"
#include "api/generation.h"
#include "api/json_writer.h"
#include "api/models.h"
#include "api/openai/error.h"
#include "api/openai/request.h"
#include "api/openai/writer.h"

namespace gantry::api::openai {
namespace {

constexpr size_t kQuotedIdMax = 200;  // bytes of a model's name that a refusal repeats

void write_model(JsonWriter& json, const fleet::ModelCard& card) {
  json.begin_object().key("id").value(card.id).key("object").value("model");
  json.key("created").value(card.created).key("owned_by").value("gantry");
  if (!card.arch.empty()) {  // of a model that has never been live no more is known
    json.key("context_length").value(card.context).key("architecture").value(card.arch);
    json.key("parameters").value(card.parameters);
  }
  json.end_object();
}

std::string models_body(const std::vector<fleet::ModelCard>& cards) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("object").value("list").key("data").begin_array();
  for (const fleet::ModelCard& card : cards) write_model(json, card);
  json.end_array().end_object();
  return out;
}

std::string model_body(const fleet::ModelCard& card) {
  std::string out;
  JsonWriter json(out);
  write_model(json, card);
  return out;
}

void list_models(Call& call) { call.asker.answer_json(models_body(call.models.list())); }

void one_model(Call& call) {
  for (const fleet::ModelCard& card : call.models.list())
    if (card.id == call.rest) return call.asker.answer_json(model_body(card));
  throw no_such_model("no such model: '" + call.rest.substr(0, kQuotedIdMax) + "'");
}

void answer(Call& call, Api api) {
  Parsed parsed = parse(api, call.request.body);
  std::string().swap(call.request.body);  // all of it has been read
  auto writer = make_writer(parsed);
  generate(call, std::move(parsed.request), std::move(writer));
}
void chat_completions(Call& call) { answer(call, Api::kChat); }
void completions(Call& call) { answer(call, Api::kCompletions); }

constexpr std::array kRoutes = {
    Route{"GET", "/v1/models", Key::kAsked, Cost::kAtOnce, list_models},
    Route{"GET", "/v1/models/*", Key::kAsked, Cost::kAtOnce, one_model},
    Route{"POST", "/v1/chat/completions", Key::kAsked, Cost::kWorker, chat_completions},
    Route{"POST", "/v1/completions", Key::kAsked, Cost::kWorker, completions},
};

class OpenaiDialect final : public Dialect {
 public:
  std::string_view name() const override { return "openai"; }
  std::span<const Route> routes() const override { return kRoutes; }
  http::Response error(const http::Refusal& refusal) const override { return openai::error(refusal); }
};

}  // namespace

const Dialect& dialect() {
  static const OpenaiDialect dialect;
  return dialect;
}

}  // namespace gantry::api::openai
