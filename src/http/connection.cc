#include "http/connection.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <functional>
#include <new>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "base/log.h"
#include "http/guard.h"

namespace gantry::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr size_t kReadBytes = size_t{16} << 10;      // one read
constexpr size_t kInboxBytesMax = size_t{64} << 10;  // read, not yet taken: pipelined requests wait there
constexpr std::chrono::milliseconds kLingerDeadline{5'000};  // a refused client may still be sending
constexpr size_t kLingerBytesMax = size_t{256} << 20;        // what it may have on its way
constexpr std::chrono::hours kNoDeadline{24};                // every wait is ended by an event
constexpr std::chrono::milliseconds kReadAheadAfter{1'000};  // an answer takes so long: see read_loop()
constexpr std::chrono::milliseconds kMemoryStep{20};  // how often a body looks whether there is memory again

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::chrono::milliseconds at_rate(size_t bytes, size_t bytes_per_second) {
  return std::chrono::milliseconds(bytes * 1000 / (bytes_per_second == 0 ? 1 : bytes_per_second));
}

// Counts a request while it is answered.
class InWork {
 public:
  explicit InWork(Core& core) : core_(core) { ++core_.requests_in_work; }
  ~InWork() {
    --core_.requests_in_work;
    core_.changed.notify_all();
  }
  InWork(const InWork&) = delete;
  InWork& operator=(const InWork&) = delete;

 private:
  Core& core_;
};

}  // namespace

Connection::Awaitable<void> Connection::Event::wait_until(Clock::time_point deadline) {
  error_code ignored;
  timer_.expires_at(deadline);
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

std::string Connection::peer_of(const Socket& socket) {
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return {};
  const int family = remote.protocol().family();
  if (family != AF_INET && family != AF_INET6) return {};
  asio::ip::tcp::endpoint endpoint;
  endpoint.resize(remote.size());
  std::memcpy(endpoint.data(), remote.data(), remote.size());
  const asio::ip::address address = endpoint.address();
  return to_text(address.is_v4() ? asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4()).to_bytes()
                                 : address.to_v6().to_bytes());
}

Connection::Connection(Core& core, Socket socket, std::string peer)
    : core_(core),
      number_(++core.connections_seen),
      socket_(std::move(socket)),
      input_(socket_.get_executor()),
      input_room_(socket_.get_executor()),
      output_(socket_.get_executor()),
      write_timer_(socket_.get_executor()),
      peer_(std::move(peer)) {}

Connection::~Connection() {
  if (reply_) reply_->detach();
  const std::lock_guard lock(core_.mutex);
  if (core_.connections.erase(this) != 0)
    if (const auto of = core_.connections_of.find(peer_); --of->second == 0) core_.connections_of.erase(of);
  core_.changed.notify_all();
}

void Connection::start() {
  {
    const std::lock_guard lock(core_.mutex);
    size_t& of_peer = core_.connections_of[peer_];
    core_.connections.emplace(this, weak_from_this());
    ++of_peer;
  }
  asio::co_spawn(socket_.get_executor(), run_read_loop(shared_from_this()), asio::detached);
  asio::co_spawn(socket_.get_executor(), run_serve(shared_from_this()), asio::detached);
}

void Connection::drain() {
  auto work = [self = shared_from_this()] {
    self->draining_ = true;
    self->input_.set();
  };
  asio::post(socket_.get_executor(), std::move(work));
}

void Connection::cut() {
  auto work = [self = shared_from_this()] { self->close(); };
  asio::post(socket_.get_executor(), std::move(work));
}

void Connection::cut(const Refusal& why) {
  auto work = [self = shared_from_this(), why] {
    self->draining_ = true;
    if (self->reply_)
      self->reply_->cut(why, self->core_.service.refusal(why, &self->request_));
    else
      self->close();
  };
  asio::post(socket_.get_executor(), std::move(work));
}

void Connection::close() {
  closed_ = true;
  error_code ignored;
  socket_.close(ignored);
  ended();
}

// The client sends no more: whoever waits for that is told, and where nothing can be written to it, whoever
// works for it.
void Connection::ended() {
  eof_ = true;
  if (closed_ && reply_) reply_->client_gone();
  input_.set();
  input_room_.set();
  output_.set();
}

Connection::Awaitable<void> Connection::run_read_loop(std::shared_ptr<Connection> self) {
  co_await self->read_loop();
}

Connection::Awaitable<void> Connection::run_serve(std::shared_ptr<Connection> self) {
  co_await self->serve();
}

Connection::Awaitable<void> Connection::read_loop() {
  std::array<char, kReadBytes> bytes;
  while (!eof_) {
    if (inbox_.size() >= kInboxBytesMax && !sent_too_far_ahead_) {
      const Clock::time_point now = Clock::now(), patience = answering_since_ + kReadAheadAfter;
      if (!reply_ || now < patience) {
        co_await input_room_.wait_until(reply_ ? patience : now + kNoDeadline);
        continue;
      }
    }
    error_code error;
    const size_t n = co_await socket_.async_read_some(asio::buffer(bytes),
                                                      asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      // Anything but an orderly end means that nobody hears us either.
      if (error != asio::error::eof) {
        close();
      } else {
        ended();
        co_await wait_for_reset();
      }
      break;
    }
    // While an answer takes long reading goes on, or the client's end would stand unseen behind what it has
    // sent ahead. What is too much of that is dropped, and the connection ends with the answer.
    if (inbox_.size() >= kInboxBytesMax)
      sent_too_far_ahead_ = true;
    else
      inbox_.append(bytes.data(), n);
    input_.set();
  }
}

Connection::Awaitable<void> Connection::serve() {
  try {
    bool go_on = true;
    while (go_on && !closed_) go_on = co_await serve_one();
    if (!closed_) co_await linger();
  } catch (const std::exception& error) {
    log::error("http", "a connection was given up: {}", error.what());
  }
  close();
}

// False: the connection ends.
Connection::Awaitable<bool> Connection::serve_one() {
  account_ = os::MemoryAccount::create(core_.memory, core_.memory->limit() / kRequestsPerMemory);
  if (core_.options.on_account) core_.options.on_account(account_);
  parser_.emplace(ParserLimits{.header_bytes = core_.options.header_bytes_max,
                               .header_count = core_.options.header_count_max,
                               .body_bytes = core_.options.body_bytes_max});
  short_since_.reset();
  gives_way_ = false;
  client_ = peer_;
  common_headers_.clear();
  wire_ = {};
  log_ = {};
  waiting_since_ = head_since_ = Clock::now();
  bool go_on = co_await read_request();
  first_request_ = false;
  if (go_on && parser_->state() == RequestParser::State::kDone && !request_.method.empty())
    go_on = co_await answer_request();
  log_.write(client_, head_since_);
  request_ = {};
  body_line_.reset();
  parser_.reset();
  account_.reset();
  co_return go_on&& wire_.keep_alive && !sent_too_far_ahead_;
}

Connection::Clock::time_point Connection::read_deadline() const {
  const Options& options = core_.options;
  if (!parser_->begun())
    return waiting_since_ + (first_request_ ? options.header_deadline : options.idle_deadline);
  if (parser_->state() == RequestParser::State::kHead) return head_since_ + options.header_deadline;
  return body_since_ + options.body_grace + at_rate(parser_->body_bytes(), options.body_bytes_per_second_min);
}

// Feeds the parser. Bytes of a body take memory as they come, not as they are announced.
Connection::Taken Connection::take_input() {
  if (inbox_.empty()) return Taken::kNothing;
  const bool begun = parser_->begun();
  size_t taken = 0;
  {
    const os::AccountScope scope(account_);
    if (parser_->state() == RequestParser::State::kBody) {
      if (!body_line_->note(parser_->body_bytes() + inbox_.size(), Clock::now())) return Taken::kAddressFull;
      try {
        parser_->reserve_body(inbox_.size());
      } catch (const std::bad_alloc&) {
        return Taken::kNoMemory;
      }
    }
    taken = parser_->feed(inbox_);
  }
  if (!begun && parser_->begun()) head_since_ = Clock::now();
  inbox_.erase(0, taken);
  input_room_.set();
  short_since_.reset();
  return taken > 0 ? Taken::kSome : Taken::kNothing;
}

void Connection::open_body_line() {
  auto give_way = [executor = socket_.get_executor(), weak = weak_from_this()] {
    auto told = [weak] {
      const auto self = weak.lock();
      if (!self) return;
      self->gives_way_ = true;
      self->input_.set();
    };
    asio::post(executor, std::move(told));
  };
  body_line_.emplace(core_.bodies, client_, body_since_, std::move(give_way));
}

// There is no memory for more of the body. Somebody slower gives way, or this one does when its patience
// ends.
std::optional<Refusal> Connection::lose_patience(Taken taken) {
  if (taken == Taken::kNoMemory && account_->shortage() == os::Shortage::kAccount)
    return refusal_of_shortage(*account_);
  const Clock::time_point now = Clock::now();
  if (!short_since_) short_since_ = now;
  if (now < *short_since_ + core_.options.memory_patience) {
    body_line_->press(
        now, taken == Taken::kNoMemory ? BodyLedger::Line::Among::kAll : BodyLedger::Line::Among::kAddress);
    return std::nullopt;
  }
  if (taken == Taken::kNoMemory) return refusal_of_shortage(*account_);
  return Refusal(429, "busy",
                 "your address is sending more than half of what the memory for requests can hold");
}

// Until request_ is whole. False: the connection ends, without or after a refusal. A request that was
// answered by its head alone leaves request_ empty.
Connection::Awaitable<bool> Connection::read_request() {
  std::optional<Refusal> fault;
  while (true) {
    const RequestParser::State before = parser_->state();
    Taken taken = Taken::kNothing;
    try {
      taken = take_input();
      if (taken == Taken::kNoMemory || taken == Taken::kAddressFull) fault = lose_patience(taken);
    } catch (const Refusal& error) {
      fault = error;
    } catch (const std::bad_alloc&) {
      fault = refusal_of_shortage(*account_);
    }
    if (gives_way_ && parser_->state() != RequestParser::State::kDone)
      fault = Refusal(429, "busy",
                      "memory for requests was short, and this one came more slowly than the others");
    if (fault) co_return co_await refuse(*fault);
    if (before == RequestParser::State::kHead && parser_->state() != before) {
      const bool wanted = co_await judge_head();
      if (!wanted) co_return parser_->state() == RequestParser::State::kDone&& wire_.keep_alive;
    }
    if (parser_->state() == RequestParser::State::kDone) {
      request_ = parser_->take();
      co_return true;
    }
    if (taken == Taken::kSome) continue;
    if (taken != Taken::kNothing && !eof_ && Clock::now() < read_deadline()) {
      co_await input_.wait_until(Clock::now() + kMemoryStep);
      continue;
    }
    if (eof_ || (draining_ && !parser_->begun())) co_return false;
    const Clock::time_point deadline = read_deadline();
    if (Clock::now() >= deadline) {
      if (!parser_->begun()) co_return false;
      fault = Refusal(408, "timeout", "the request came too slowly");
      co_return co_await refuse(*fault);
    }
    co_await input_.wait_until(deadline);
  }
}

// What the head alone decides. False: the request was refused or answered.
Connection::Awaitable<bool> Connection::judge_head() {
  const Request& head = parser_->request();
  ++core_.requests;
  body_since_ = Clock::now();
  const bool body_follows = parser_->state() == RequestParser::State::kBody;
  wire_ = {.minor_version = head.minor_version,
           .keep_alive = head.keep_alive && !draining_,
           .head_only = head.method == "HEAD"};
  client_ = core_.options.trusted_proxies.client_of(peer_, head.headers);
  Marks marks = core_.service.marks_of(head);
  log_.begin(head, marks);
  common_headers_ = std::move(marks.headers);
  std::optional<Response> answer = core_.service.judge(head);
  if (!answer && body_follows) open_body_line();
  if (!answer) {
    // A client that asks first waits for this; one that sends anyway needs it no more.
    if (parser_->expects_continue() && body_follows && inbox_.empty()) co_return co_await write(kContinue);
    co_return true;
  }
  if (body_follows || answer->status == 503) wire_.keep_alive = false;
  log_.answered(*answer);
  const std::string bytes = wire_head(*answer, common_headers_, wire_);
  const bool written = co_await write(bytes, wire_body(*answer, wire_));
  if (!written) wire_.keep_alive = false;
  co_return false;
}

// An answer to what is no request, or not in time: then the connection ends.
Connection::Awaitable<bool> Connection::refuse(const Refusal& error) {
  wire_.keep_alive = false;
  const bool head_read = !parser_->request().target.empty();
  const Response response = core_.service.refusal(error, head_read ? &parser_->request() : nullptr);
  log_.answered(response);
  const std::string bytes = wire_head(response, common_headers_, wire_);
  co_await write(bytes, wire_body(response, wire_));
  co_return false;
}

Connection::Awaitable<bool> Connection::answer_request() {
  auto wake = [executor = socket_.get_executor(), weak = weak_from_this()] {
    const os::AccountScope nobody(nullptr);  // the loop keeps memory for the next one
    auto set = [weak] {
      if (const auto self = weak.lock()) self->output_.set();
    };
    asio::post(executor, std::move(set));
  };
  body_line_.reset();
  reply_ = std::make_shared<WireReply>(core_.options.stream_queue_bytes_max, std::move(wake));
  answering_since_ = Clock::now();
  input_room_.set();
  begun_ = signs_ = 0;
  const InWork in_work(core_);
  Request request = std::move(request_);
  request_ = {.method = request.method, .target = request.target, .headers = {}, .body = {}};
  // Connections from this machine may be of many clients; those of one address elsewhere are one's.
  const bool here = client_.empty() || is_loopback_name(client_);
  request.client = here ? number_ : std::hash<std::string>()(client_);
  request.account = account_;
  bool short_of_memory = false;
  try {
    const os::AccountScope scope(account_);
    core_.service.answer(std::move(request), reply_);
  } catch (const std::bad_alloc&) {
    short_of_memory = true;
  }
  if (short_of_memory) reply_->send(core_.service.refusal(refusal_of_shortage(*account_), &request_));
  const bool go_on = co_await write_answer();
  reply_->client_gone();
  log_.note(reply_->take().outcome);
  reply_->detach();
  reply_.reset();
  co_return go_on;
}

Connection::Awaitable<bool> Connection::write_answer() {
  bool streaming = false;
  std::string idle;
  auto silent_since = Clock::now();
  while (true) {
    WireReply::Taken taken = reply_->take();
    if (draining_ && !streaming) wire_.keep_alive = false;
    std::string bytes;
    std::string_view body;
    log_.note(taken.outcome);
    if (taken.whole) {
      log_.answered(*taken.whole);
      if (taken.whole->status == 503) wire_.keep_alive = false;
      bytes = wire_head(*taken.whole, common_headers_, wire_).substr(begun_);
      body = wire_body(*taken.whole, wire_);
    } else if (taken.head) {
      log_.answered(*taken.head);
      if (wire_.minor_version == 0) wire_.keep_alive = false;
      streaming = true;
      idle = std::move(taken.idle);
      bytes = wire_stream_head(*taken.head, common_headers_, wire_).substr(begun_);
    }
    append_wire_piece(bytes, taken.bytes, wire_);
    if (!idle.empty() && bytes.empty() && !taken.finished && !taken.lost &&
        Clock::now() >= silent_since + core_.options.stream_keep_alive)
      append_wire_piece(bytes, idle, wire_);
    if (eof_ && !closed_ && bytes.empty() && !taken.finished) add_sign_of_life(bytes, idle, streaming);
    if (taken.finished && !taken.torn) bytes += wire_stream_end(wire_);
    if (!bytes.empty()) {
      const bool written = co_await write(bytes, body);
      if (!written) log_.client_gone();
      if (!written) co_return false;
      silent_since = Clock::now();
    }
    if (taken.whole) co_return wire_.keep_alive;
    if (taken.finished) co_return wire_.keep_alive && !taken.broken;
    if (closed_) {
      log_.client_gone();
      co_return false;
    }
    auto deadline =
        idle.empty() ? Clock::now() + kNoDeadline : silent_since + core_.options.stream_keep_alive;
    if (eof_ && signs_ < kAnswerBegin.size()) deadline = std::min(deadline, next_sign_);
    if (bytes.empty()) co_await output_.wait_until(deadline);
  }
}

// All of it, or false: the client is gone or reads too slowly.
Connection::Awaitable<bool> Connection::write(std::string_view bytes, std::string_view more) {
  if (closed_) co_return false;
  auto expired = [weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (!error && self) self->close();
  };
  write_timer_.expires_after(core_.options.write_deadline +
                             at_rate(bytes.size() + more.size(), core_.options.body_bytes_per_second_min));
  write_timer_.async_wait(std::move(expired));
  error_code error;
  const std::array<asio::const_buffer, 2> buffers = {asio::buffer(bytes), asio::buffer(more)};
  co_await asio::async_write(socket_, buffers, asio::redirect_error(asio::use_awaitable, error));
  write_timer_.cancel();
  if (error) close();
  co_return !closed_;
}

// Says that no more comes, then lets the client read the last answer before the socket goes: closing with
// unread input would reset the connection under its hands.
Connection::Awaitable<void> Connection::linger() {
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  const Clock::time_point deadline = Clock::now() + kLingerDeadline;
  size_t dropped = 0;
  while (!eof_ && dropped <= kLingerBytesMax && Clock::now() < deadline) {
    dropped += inbox_.size();
    inbox_.clear();
    input_room_.set();
    co_await input_.wait_until(deadline);
  }
}

}  // namespace gantry::http
