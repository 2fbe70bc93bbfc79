#include "bench/wire.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

#include "base/error.h"
#include "bench/reply_reader.h"

namespace gantry::bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using WireClock = std::chrono::steady_clock;

constexpr size_t kReadBytesAtOnce = size_t{32} << 10;
constexpr double kRetryAfterMax = 3600;  // seconds

double retry_after_of(const ReplyReader& reader) {
  const std::string* text = reader.header("retry-after");
  if (text == nullptr) return 0;
  double seconds = 0;  // a date counts as none
  const auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  const bool is_number = fault == std::errc() && end == text->data() + text->size();
  return is_number && seconds > 0 ? std::min(seconds, kRetryAfterMax) : 0;
}

// A connection from the last request that the server has closed meanwhile: nothing was asked yet.
struct Stale {};

}  // namespace

struct Wire::Line {
  Line(asio::io_context& io, Socket given, bool is_used)
      : socket(std::move(given)), timer(io), used(is_used) {}

  Socket socket;
  asio::steady_timer timer;
  WireClock::time_point heard = WireClock::now();
  bool used;  // before, for another request
  bool timed_out = false;
};

Wire::Wire(asio::io_context& io, Target target, std::chrono::milliseconds patience)
    : io_(io), target_(std::move(target)), patience_(patience) {
  if (!target_.unix_path.empty()) {
    endpoints_.emplace_back(asio::local::stream_protocol::endpoint(target_.unix_path));
    return;
  }
  error_code error;
  tcp::resolver resolver(io_);
  const auto found = resolver.resolve(target_.host, std::to_string(target_.port), error);
  if (error || found.empty())
    throw Error(ErrorCode::kIo, "no address goes by that name: " + error.message(), target_.url,
                "check the URL");
  for (const auto& entry : found) endpoints_.emplace_back(entry.endpoint());
}

Wire::~Wire() = default;

void Wire::cut() {
  is_cut_ = true;
  error_code ignored;
  for (Line* line : lines_) line->socket.close(ignored);
}

// Closes the line when nothing has come over it for too long. One timer for its whole life.
void Wire::watch(const std::shared_ptr<Line>& line, std::chrono::milliseconds patience) {
  line->timer.expires_at(line->heard + patience);
  line->timer.async_wait([weak = std::weak_ptr(line), patience](const error_code& error) {
    const auto watched = weak.lock();
    if (error || !watched) return;
    if (WireClock::now() < watched->heard + patience) return watch(watched, patience);
    watched->timed_out = true;
    error_code ignored;
    watched->socket.close(ignored);
  });
}

std::shared_ptr<Wire::Line> Wire::take_line(bool fresh) {
  std::shared_ptr<Line> line;
  if (fresh || idle_.empty()) {
    line = std::make_shared<Line>(io_, Socket(io_), false);
  } else {
    line = std::make_shared<Line>(io_, std::move(idle_.back()), true);
    idle_.pop_back();
  }
  lines_.insert(line.get());
  watch(line, patience_);
  return line;
}

void Wire::drop(Line& line) {
  lines_.erase(&line);
  line.timer.cancel();
}

asio::awaitable<void> Wire::connect(Line& line) {
  error_code error = asio::error::host_not_found;
  for (const Endpoint& endpoint : endpoints_) {
    error_code ignored;
    line.socket.close(ignored);
    if (is_cut_ || line.timed_out) break;
    line.socket.open(endpoint.protocol(), error);
    if (error) continue;
    co_await line.socket.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
    if (error) continue;
    if (target_.unix_path.empty()) line.socket.set_option(tcp::no_delay(true), ignored);
    co_return;
  }
  if (line.timed_out) throw RequestFault{"timed out", "no connection within the time"};
  throw RequestFault{"no connection", error.message()};
}

asio::awaitable<Reply> Wire::exchange(const std::string& request, const OnEvent& on_event) {
  std::shared_ptr<Line> line = take_line(false);
  bool stale = false;
  Reply reply;
  try {
    reply = co_await talk(line, request, on_event);
  } catch (const Stale&) {
    stale = true;
  }
  if (!stale) co_return reply;
  line = take_line(true);
  reply = co_await talk(line, request, on_event);
  co_return reply;
}

asio::awaitable<Reply> Wire::talk(std::shared_ptr<Line> line, const std::string& request,
                                  const OnEvent& on_event) {
  struct Dropped {
    Wire& wire;
    Line& line;
    ~Dropped() { wire.drop(line); }
  };
  const Dropped dropped{*this, *line};
  if (is_cut_) throw RequestFault{"interrupted", ""};
  if (!line->used) co_await connect(*line);
  error_code error;
  co_await asio::async_write(line->socket, asio::buffer(request),
                             asio::redirect_error(asio::use_awaitable, error));
  // A server may answer before it has read all, and then close.
  const error_code written = error;
  ReplyReader reader;
  Reply reply;
  std::array<char, kReadBytesAtOnce> bytes;
  std::vector<std::string> events;
  try {
    while (!reader.done() && !reply.left) {
      const size_t n = co_await line->socket.async_read_some(
          asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
      if (line->timed_out) throw RequestFault{"timed out", "nothing came from the server for too long"};
      if (is_cut_) throw RequestFault{"interrupted", ""};
      if (error && error != asio::error::eof) {
        if (line->used && !reader.begun()) throw Stale();
        throw RequestFault{"connection lost", written ? written.message() : error.message()};
      }
      if (error && line->used && !reader.begun()) throw Stale();
      line->heard = WireClock::now();
      events.clear();
      size_t taken = n;
      if (error)
        reader.end(events);
      else
        taken = reader.feed({bytes.data(), n}, events);
      const bool wanted = reader.status() == 200;
      for (size_t i = 0; wanted && i < events.size() && !reply.left; ++i) reply.left = !on_event(events[i]);
      if (reader.done() && taken == n && reader.keeps_alive() && !error && !reply.left)
        idle_.push_back(std::move(line->socket));
    }
  } catch (const ReplyFault& fault) {
    throw RequestFault{reader.begun() ? "not understood" : "connection lost", fault.what()};
  }
  reply.status = reader.status();
  reply.was_events = reader.is_events();
  reply.body = reader.body();
  reply.retry_after = retry_after_of(reader);
  co_return reply;
}

}  // namespace gantry::bench
