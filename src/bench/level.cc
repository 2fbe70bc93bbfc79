#include "bench/level.h"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "bench/arrivals.h"
#include "bench/reply_reader.h"

namespace gantry::bench {
namespace {

namespace asio = boost::asio;
using LevelClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLook{50};              // how often `stopped` is asked
constexpr std::chrono::milliseconds kTell{200};             // how often progress is told
constexpr std::chrono::milliseconds kPauseAfterFault{100};  // of a client, so that refusals make no storm
constexpr double kRetryPauseMax = 30;                       // seconds
constexpr size_t kKeptTextMax = size_t{1} << 20;            // of an answer, for later turns
constexpr uint64_t kPiecesPerToken = 4,
                   kPiecesMore = 1024;  // that an answer may have beyond what was asked for

double seconds_between(LevelClock::time_point from, LevelClock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Gathers the pieces of one answer.
class Listener {
 public:
  Listener(uint32_t new_tokens, std::optional<uint32_t> cancel_after, bool keep_text,
           LevelClock::time_point due)
      : pieces_max_(kPiecesPerToken * new_tokens + kPiecesMore),
        cancel_after_(cancel_after),
        keep_text_(keep_text),
        due_(due) {}

  // Throws RequestFault.
  bool on_event(const std::string& data) {
    Piece piece;
    try {
      piece = read_piece(data);
    } catch (const ReplyFault& fault) {
      throw RequestFault{"not understood", fault.what()};
    }
    if (piece.error) throw RequestFault{"error within the stream", *piece.error};
    ended_ |= piece.is_end || piece.finished;
    if (piece.usage) out_.usage = piece.usage;
    if (!piece.text.empty()) heard(piece.text);
    if (out_.pieces() > pieces_max_)
      throw RequestFault{"not understood", fmt::format("an answer of more than {} pieces", pieces_max_)};
    left_ = cancel_after_ && out_.pieces() >= *cancel_after_;
    return !left_;
  }
  bool ended() const { return ended_; }
  bool left() const { return left_; }
  Outcome take() { return std::move(out_); }

 private:
  void heard(const std::string& text) {
    const double now = seconds_between(due_, LevelClock::now());
    if (!out_.first)
      out_.first = now;
    else
      out_.gaps.push_back(static_cast<float>(now - out_.last));
    out_.last = now;
    if (keep_text_ && out_.text.size() + text.size() <= kKeptTextMax) out_.text += text;
  }

  const uint64_t pieces_max_;
  const std::optional<uint32_t> cancel_after_;
  const bool keep_text_;
  const LevelClock::time_point due_;
  bool ended_ = false, left_ = false;
  Outcome out_;
};

void refuse_status(const Reply& reply) {
  if (reply.status != 200) {
    RequestFault fault{fmt::format("HTTP status {}", reply.status), error_words(reply.body),
                       reply.retry_after};
    throw fault;
  }
  if (!reply.was_events)
    throw RequestFault{"not understood", "the answer is no event stream: " + error_words(reply.body)};
}

class Level {
 public:
  Level(asio::io_context& io, Wire& wire, const Form& form, const Traffic& traffic, const Load& load,
        uint64_t seed, const std::vector<std::string>& keys, const LevelHooks& hooks)
      : io_(io),
        wire_(wire),
        form_(form),
        traffic_(traffic),
        load_(load),
        seed_(seed),
        keys_(keys),
        hooks_(hooks) {}

  Figures run() {
    io_.restart();
    wire_.mend();
    begin_ = last_end_ = LevelClock::now();
    end_ = load_.duration.count() > 0 ? begin_ + load_.duration : LevelClock::time_point::max();
    if (load_.clients > 0)
      for (uint32_t i = 0; i < load_.clients; ++i) start(client(i));
    else
      start(arrivals());
    asio::co_spawn(io_, look_around(), asio::detached);
    io_.run();
    if (failure_) std::rethrow_exception(failure_);
    figures_.seconds = seconds_between(begin_, figures_.cut > 0 ? LevelClock::now() : last_end_);
    return std::move(figures_);
  }

 private:
  // A coroutine that the level waits for; what it throws is a bug or missing memory and ends the level.
  void start(asio::awaitable<void> work) {
    ++running_;
    asio::co_spawn(io_, std::move(work), [this](const std::exception_ptr& failure) {
      --running_;
      if (!failure) return;
      if (!failure_) failure_ = failure;
      stop();
    });
  }

  void stop() {
    stopping_ = true;
    wire_.cut();
  }

  asio::awaitable<void> look_around() {
    LevelClock::time_point told = begin_;
    asio::steady_timer timer(io_);
    while (running_ > 0) {
      timer.expires_after(kLook);
      boost::system::error_code ignored;
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      if (!stopping_ && hooks_.stopped && hooks_.stopped()) stop();
      const LevelClock::time_point now = LevelClock::now();
      if (!hooks_.progress || now < told + kTell) continue;
      told = now;
      figures_.seconds = seconds_between(begin_, now);
      const LevelProgress progress{figures_, under_way_, figures_.seconds};
      hooks_.progress(progress);
    }
  }

  // In steps, so that a level that stops need not know who waits.
  asio::awaitable<void> pause_until(LevelClock::time_point moment) {
    asio::steady_timer timer(io_);
    while (!stopping_) {
      const LevelClock::time_point now = LevelClock::now();
      if (now >= moment) break;
      timer.expires_at(std::min<LevelClock::time_point>(moment, now + kLook));
      boost::system::error_code ignored;
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

  // Takes one of the requests that the level may still begin.
  bool may_begin() {
    if (stopping_ || LevelClock::now() >= end_) return false;
    if (load_.requests_max > 0 && begun_ >= load_.requests_max) return false;
    ++begun_;
    return true;
  }

  asio::awaitable<void> client(uint32_t number) {
    bool goes_on = true;
    while (goes_on) {
      const uint64_t conversation = conversations_++;
      goes_on = co_await converse(conversation, number, LevelClock::time_point());
    }
  }

  asio::awaitable<void> arrivals() {
    LevelClock::time_point due = begin_;
    while (!stopping_) {
      const uint64_t number = conversations_++;
      const std::chrono::duration<double> gap(arrival_gap(seed_, number, load_.rate));
      due += std::chrono::duration_cast<LevelClock::duration>(gap);
      if (due >= end_ || (load_.requests_max > 0 && begun_ >= load_.requests_max)) break;
      co_await pause_until(due);
      if (stopping_) break;
      if (running_ > kUnderWayMax) {
        ++begun_;
        Outcome outcome;
        outcome.fault = {"not begun", fmt::format("{} conversations were under way", kUnderWayMax), 0};
        figures_.add(outcome);
        continue;
      }
      start(arrived(number, due));
    }
  }

  asio::awaitable<void> arrived(uint64_t conversation, LevelClock::time_point due) {
    co_await converse(conversation, conversation, due);
  }

  // False: nothing more may be begun. `due`: when the first request was; none: when it is made.
  asio::awaitable<bool> converse(uint64_t conversation, uint64_t client_number, LevelClock::time_point due) {
    const uint32_t turns = traffic_.turns(conversation);
    const double temperature = traffic_.kind(conversation).temperature;
    const std::string key = keys_.empty() ? std::string() : keys_[client_number % keys_.size()];
    Said said;
    for (uint32_t turn = 0; turn < turns; ++turn) {
      if (!may_begin()) co_return false;
      const Ask ask = traffic_.ask(conversation, turn, form_.measure);
      const std::string request = request_bytes(wire_.target(), "POST", route_of(form_.api), key,
                                                body_of(form_, said, ask, temperature));
      const LevelClock::time_point from =
          turn == 0 && due != LevelClock::time_point() ? due : LevelClock::now();
      ++under_way_;
      Outcome outcome =
          co_await ask_once(wire_, request, ask.new_tokens, ask.cancel_after, turn + 1 < turns, from);
      --under_way_;
      if (outcome.end != End::kCut) last_end_ = LevelClock::now();
      figures_.add(outcome);
      if (outcome.end == End::kFailed) {
        co_await pause_after(outcome.fault);
        break;
      }
      if (outcome.end != End::kDone) break;
      if (turn + 1 < turns) said.emplace_back(ask.text, std::move(outcome.text));
    }
    co_return !stopping_;
  }

  // Who comes from outside waits for nothing, and at the end there is nothing to wait for.
  asio::awaitable<void> pause_after(const RequestFault& fault) {
    const bool over = load_.requests_max > 0 && begun_ >= load_.requests_max;
    if (load_.clients == 0 || over) co_return;
    const std::chrono::duration<double> wished(std::min(fault.retry_after, kRetryPauseMax));
    const auto pause = std::max<LevelClock::duration>(
        kPauseAfterFault, std::chrono::duration_cast<LevelClock::duration>(wished));
    co_await pause_until(std::min(LevelClock::now() + pause, end_));
  }

  asio::io_context& io_;
  Wire& wire_;
  const Form& form_;
  const Traffic& traffic_;
  const Load load_;
  const uint64_t seed_;
  const std::vector<std::string>& keys_;
  const LevelHooks& hooks_;
  Figures figures_;
  LevelClock::time_point begin_, end_, last_end_;
  uint64_t running_ = 0, under_way_ = 0, begun_ = 0, conversations_ = 0;
  bool stopping_ = false;
  std::exception_ptr failure_;
};

}  // namespace

const char* route_of(Api api) { return api == Api::kChat ? "/v1/chat/completions" : "/v1/completions"; }

asio::awaitable<Outcome> ask_once(Wire& wire, const std::string& request, uint32_t new_tokens,
                                  std::optional<uint32_t> cancel_after, bool keep_text,
                                  std::chrono::steady_clock::time_point due) {
  Listener listener(new_tokens, cancel_after, keep_text, due);
  const OnEvent on_event = [&listener](const std::string& data) { return listener.on_event(data); };
  RequestFault fault;
  bool failed = false;
  try {
    const Reply reply = co_await wire.exchange(request, on_event);
    refuse_status(reply);
    if (!reply.left && !listener.ended())
      throw RequestFault{"cut short", "the stream ended before the answer did"};
  } catch (const RequestFault& found) {
    fault = found;
    failed = true;
  }
  Outcome out = listener.take();
  out.whole = seconds_between(due, LevelClock::now());
  out.end = failed            ? (wire.is_cut() ? End::kCut : End::kFailed)
            : listener.left() ? End::kCancelled
                              : End::kDone;
  out.fault = std::move(fault);
  co_return out;
}

Figures run_level(asio::io_context& io, Wire& wire, const Form& form, const Traffic& traffic,
                  const Load& load, uint64_t seed, const std::vector<std::string>& keys,
                  const LevelHooks& hooks) {
  return Level(io, wire, form, traffic, load, seed, keys, hooks).run();
}

}  // namespace gantry::bench
