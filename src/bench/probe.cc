#include "bench/probe.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/error.h"
#include "bench/level.h"
#include "bench/words.h"
#include "text/json.h"

namespace gantry::bench {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds kProbeStep{50};
constexpr uint32_t kFewWords = 16, kMoreWords = 80;  // two texts, whose difference tells what a word takes
constexpr uint64_t kProbeKey = 0x70726f6265;
constexpr double kWordsPerTokenMin = 0.05, kWordsPerTokenMax = 20;
constexpr size_t kModelNameMax = 512;  // bytes

// Runs one piece of work to its end, looking now and then whether to stop.
template <typename T>
T await(asio::io_context& io, Wire& wire, asio::awaitable<T> work, const std::function<bool()>& stopped) {
  std::optional<T> result;
  std::exception_ptr failure;
  bool over = false;
  io.restart();
  wire.mend();
  asio::co_spawn(io, std::move(work), [&](const std::exception_ptr& thrown, T value) {
    over = true;
    failure = thrown;
    if (!thrown) result.emplace(std::move(value));
  });
  while (!over) {
    if (io.run_for(kProbeStep) == 0 && io.stopped()) io.restart();
    if (!wire.is_cut() && stopped && stopped()) wire.cut();
  }
  if (wire.is_cut()) throw Error(ErrorCode::kCancelled, "interrupted");
  if (failure) std::rethrow_exception(failure);
  return std::move(*result);
}

ErrorCode code_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorCode::kUnauthorized;
    case 404:
      return ErrorCode::kNotFound;
    case 429:
    case 503:
      return ErrorCode::kBusy;
    default:
      return ErrorCode::kInvalidRequest;
  }
}

std::string mend_of_status(int status) {
  if (status == 401 || status == 403) return "set `api_key`";
  if (status == 404) return "is it a server of OpenAI's API, and `model` one of its models?";
  return "`extra` is a file of fields that are put into each request";
}

Error unreachable(const Wire& wire, const RequestFault& fault) {
  const bool refused = fault.kind == "no connection";
  return {ErrorCode::kIo, fmt::format("{}: {}", fault.kind, fault.words), wire.target().url,
          refused ? "is the server running? `gantry serve` starts one" : "is it a server of OpenAI's API?"};
}

std::string first_model(const Reply& reply, const std::string& url) {
  const Error none(ErrorCode::kNotFound, "the server lists no models", url + "/v1/models",
                   "name one with `model`");
  const auto list = Json::try_parse(reply.body);
  if (reply.status != 200 || !list || !list->is_object() || !list->contains("data")) throw none;
  const Json& data = (*list)["data"];
  if (!data.is_array() || data.empty() || !data[size_t{0}].is_object()) throw none;
  const auto id = data[size_t{0}].find("id");
  if (id == data[size_t{0}].end() || !id->is_string() || id->get<std::string_view>().size() > kModelNameMax)
    throw none;
  return id->get<std::string>();
}

class Prober {
 public:
  Prober(asio::io_context& io, Wire& wire, const std::string& key, const std::function<bool()>& stopped)
      : io_(io), wire_(wire), key_(key), stopped_(stopped) {}

  std::string model() {
    const std::string request = request_bytes(wire_.target(), "GET", "/v1/models", key_, "");
    const OnEvent none = [](const std::string&) { return true; };
    try {
      const Reply reply = await(io_, wire_, wire_.exchange(request, none), stopped_);
      if (reply.status == 401 || reply.status == 403)
        throw Error(ErrorCode::kUnauthorized, "the server wants a key: " + error_words(reply.body),
                    wire_.target().url, mend_of_status(reply.status));
      return first_model(reply, wire_.target().url);
    } catch (const RequestFault& fault) {
      throw unreachable(wire_, fault);
    }
  }

  Outcome ask(const Form& form, uint32_t words) {
    const Ask ask{random_words(kProbeKey, words), 1, {}};
    const std::string request =
        request_bytes(wire_.target(), "POST", route_of(form.api), key_, body_of(form, {}, ask, 0));
    return await(io_, wire_, ask_once(wire_, request, 1, {}, false, std::chrono::steady_clock::now()),
                 stopped_);
  }

 private:
  asio::io_context& io_;
  Wire& wire_;
  const std::string& key_;
  const std::function<bool()>& stopped_;
};

// The status in "HTTP status 400"; 0: another kind of fault.
int status_of(const RequestFault& fault) {
  constexpr std::string_view kStatus = "HTTP status ";
  return fault.kind.starts_with(kStatus) ? std::atoi(fault.kind.c_str() + kStatus.size()) : 0;
}

[[noreturn]] void give_up(const Wire& wire, const RequestFault& fault) {
  const int status = status_of(fault);
  if (status == 0) throw unreachable(wire, fault);
  throw Error(code_of_status(status), fmt::format("{}: {}", fault.kind, fault.words), wire.target().url,
              mend_of_status(status));
}

void take_measure(const Outcome& few, const Outcome& more, Probed& out) {
  if (!few.usage || !more.usage || more.usage->prompt <= few.usage->prompt) {
    out.notes.emplace_back("the server does not say how many tokens a prompt has: a word counts as one");
    return;
  }
  const double per_word =
      static_cast<double>(more.usage->prompt - few.usage->prompt) / (kMoreWords - kFewWords);
  Measure& measure = out.form.measure;
  measure.words_per_token = std::clamp(1 / per_word, kWordsPerTokenMin, kWordsPerTokenMax);
  measure.frame = std::max(0.0, static_cast<double>(few.usage->prompt) - kFewWords * per_word);
}

}  // namespace

Probed probe(asio::io_context& io, Wire& wire, Form form, const std::string& key,
             const std::function<bool()>& stopped) {
  Prober prober(io, wire, key, stopped);
  if (form.model.empty()) form.model = prober.model();
  Probed out;
  Outcome few = prober.ask(form, kFewWords);
  const RequestFault first_fault = few.fault;
  const auto refused = [&] {
    const int status = few.end == End::kFailed ? status_of(few.fault) : 0;
    return status == 400 || status == 422 || status == 501;
  };
  if (refused()) {
    form.ignore_eos = false;
    few = prober.ask(form, kFewWords);
    if (refused()) {
      form.asks_usage = false;
      few = prober.ask(form, kFewWords);
    }
    if (few.end == End::kFailed) give_up(wire, first_fault);
    out.notes.push_back(fmt::format("the server refuses {} ({}): answers end where the model ends them",
                                    form.asks_usage ? "ignore_eos" : "ignore_eos or stream_options",
                                    first_fault.words));
  }
  if (few.end == End::kFailed) give_up(wire, few.fault);
  out.form = std::move(form);
  out.tells_usage = few.usage.has_value();
  const Outcome more = prober.ask(out.form, kMoreWords);
  if (more.end == End::kFailed) give_up(wire, more.fault);
  take_measure(few, more, out);
  return out;
}

}  // namespace gantry::bench
