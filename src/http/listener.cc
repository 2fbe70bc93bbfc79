#include "http/listener.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/start_threads.h"
#include "http/connection.h"
#include "http/core.h"
#include "http/endpoint.h"
#include "http/request_log.h"
#include "http/wire_format.h"

namespace gantry::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using LocalStream = asio::local::stream_protocol;

constexpr int kBacklog = 4096;                             // connections that the system holds for us
constexpr std::chrono::milliseconds kAcceptPause{100};     // after the system had no descriptor to give
constexpr std::chrono::milliseconds kWatchStep{20};        // how often shutdown() looks
constexpr std::chrono::milliseconds kLastWords{1'000};     // for clients to be told that they are cut
constexpr std::chrono::milliseconds kCutDeadline{10'000};  // for connections that were cut to end

Error cannot_listen(const std::string& url, const error_code& error) {
  const char* mend = "";
  if (error == asio::error::address_in_use)
    mend = "another program listens there: end it, or choose another `port`";
  else if (error == asio::error::access_denied)
    mend = "ports below 1024 belong to the system: choose another `port`";
  else if (error == boost::system::errc::address_not_available)
    mend = "this machine has no such address; host=0.0.0.0 listens on all that it has";
  else if (error.category() == asio::error::get_netdb_category())
    mend = "no address goes by that name: check `host`";
  return {ErrorCode::kIo, "cannot listen: " + error.message(), url, mend};
}

class SocketListener final : public Listener {
 public:
  SocketListener(Service& service, const Options& options)
      : endpoint_(parse_endpoint(options)),
        core_(service, options),
        work_(asio::make_work_guard(io_)),
        tcp_(io_),
        local_(io_) {
    if (endpoint_.unix_path.empty())
      listen_tcp();
    else
      listen_local();
    start_threads(
        threads_, std::max(options.io_threads, 1U), [this] { run(); }, [this] { io_.stop(); });
  }
  ~SocketListener() override { shutdown(std::chrono::milliseconds(0)); }

  uint16_t port() const override { return port_; }
  const std::string& url() const override { return url_; }
  bool shutdown(std::chrono::milliseconds limit) override;
  ListenerStats stats() const override;

 private:
  void listen_tcp();
  void listen_local();
  void run();
  template <typename Acceptor>
  asio::awaitable<void> accept_loop(Acceptor& acceptor);
  void welcome(Connection::Socket socket);
  std::optional<Refusal> refusal_of(const std::string& peer) const;
  void refuse(Connection::Socket socket, const Refusal& why);
  std::vector<std::shared_ptr<Connection>> connections();
  void stop_accepting();
  template <typename Condition>
  bool wait_until(std::chrono::steady_clock::time_point deadline, Condition condition);

  const Endpoint endpoint_;
  Core core_;  // outlives the loop and all that runs on it
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  tcp::acceptor tcp_;
  LocalStream::acceptor local_;
  SocketFile socket_file_;
  uint16_t port_ = 0;
  std::string url_;
  std::vector<std::thread> threads_;
  std::mutex shutdown_mutex_;
  std::optional<bool> shut_down_;
};

void SocketListener::listen_tcp() {
  error_code error;
  tcp::endpoint where;
  if (const auto address = asio::ip::make_address(endpoint_.address, error); !error) {
    where = {address, endpoint_.port};
  } else {
    tcp::resolver resolver(io_);
    const auto found = resolver.resolve(endpoint_.address, std::to_string(endpoint_.port), error);
    if (error || found.empty()) throw cannot_listen(endpoint_.address, error);
    where = found.begin()->endpoint();
  }
  const std::string url = url_of(endpoint_, endpoint_.port);
  tcp_.open(where.protocol(), error);
  if (error) throw cannot_listen(url, error);
  tcp_.set_option(tcp::acceptor::reuse_address(true), error);
  tcp_.bind(where, error);
  if (error) throw cannot_listen(url, error);
  tcp_.listen(kBacklog, error);
  if (error) throw cannot_listen(url, error);
  port_ = tcp_.local_endpoint().port();
  url_ = url_of(endpoint_, port_);
  asio::co_spawn(io_, accept_loop(tcp_), asio::detached);
}

void SocketListener::listen_local() {
  clear_stale_socket(endpoint_.unix_path);
  error_code error;
  url_ = url_of(endpoint_, 0);
  local_.open(LocalStream(), error);
  if (error) throw cannot_listen(url_, error);
  local_.bind(LocalStream::endpoint(endpoint_.unix_path), error);
  if (error) throw cannot_listen(url_, error);
  socket_file_.bound(endpoint_.unix_path);
  local_.listen(kBacklog, error);
  if (error) throw cannot_listen(url_, error);
  asio::co_spawn(io_, accept_loop(local_), asio::detached);
}

void SocketListener::run() {
  while (true) {
    try {
      io_.run();
      return;
    } catch (const std::exception& error) {
      log::error("http", "on a network thread: {}", error.what());
    }
  }
}

template <typename Acceptor>
asio::awaitable<void> SocketListener::accept_loop(Acceptor& acceptor) {
  while (acceptor.is_open()) {
    error_code error;
    auto strand = asio::make_strand(io_);
    auto socket = co_await acceptor.async_accept(strand, asio::redirect_error(asio::use_awaitable, error));
    if (!error) {
      welcome(Connection::Socket(std::move(socket)));
      continue;
    }
    if (error == asio::error::operation_aborted || !acceptor.is_open()) break;
    log::warn("http", "a connection could not be taken: {}", error.message());
    asio::steady_timer pause(io_, kAcceptPause);
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
}

void SocketListener::welcome(Connection::Socket socket) {
  error_code ignored;
  if (endpoint_.unix_path.empty()) {
    socket.set_option(tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
  }
  if (core_.options.send_buffer_bytes > 0)
    socket.set_option(asio::socket_base::send_buffer_size(core_.options.send_buffer_bytes), ignored);
  std::string peer = Connection::peer_of(socket);
  if (const auto why = refusal_of(peer)) return refuse(std::move(socket), *why);
  std::make_shared<Connection>(core_, std::move(socket), std::move(peer))->start();
}

// Nothing tells the clients of this machine apart, nor those of a proxy; else none may keep all others out.
std::optional<Refusal> SocketListener::refusal_of(const std::string& peer) const {
  const size_t most = core_.options.connections_max, most_of_one = most - most / 2;
  const bool is_one =
      !peer.empty() && peer != "127.0.0.1" && peer != "::1" && !core_.options.trusted_proxies.trusts(peer);
  const std::lock_guard lock(core_.mutex);
  if (core_.connections.size() >= most) return Refusal(503, "busy", "too many connections");
  if (const auto of = core_.connections_of.find(peer);
      is_one && of != core_.connections_of.end() && of->second >= most_of_one)
    return Refusal(
        429, "busy",
        "your address has half of the connections that this server takes; a proxy that asks for many "
        "clients belongs into its setting trusted_proxies");
  return std::nullopt;
}

// One try to say why; nobody waits for this client.
void SocketListener::refuse(Connection::Socket socket, const Refusal& why) {
  ++core_.connections_refused;
  const Response response = core_.service.refusal(why, nullptr);
  RequestLog line;
  line.answered(response);
  line.write(Connection::peer_of(socket), RequestLog::Clock::now());
  const std::string bytes = wire_head(response, {}, {.keep_alive = false}) + response.body;
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.send(asio::buffer(bytes), 0, ignored);
  socket.shutdown(Connection::Socket::shutdown_both, ignored);
  socket.close(ignored);
}

std::vector<std::shared_ptr<Connection>> SocketListener::connections() {
  std::vector<std::shared_ptr<Connection>> out;
  const std::lock_guard lock(core_.mutex);
  for (const auto& [raw, weak] : core_.connections)
    if (auto connection = weak.lock()) out.push_back(std::move(connection));
  return out;
}

void SocketListener::stop_accepting() {
  asio::post(io_, [this] {
    error_code ignored;
    tcp_.close(ignored);
    local_.close(ignored);
  });
  socket_file_.remove();
}

template <typename Condition>
bool SocketListener::wait_until(std::chrono::steady_clock::time_point deadline, Condition condition) {
  std::unique_lock lock(core_.mutex);
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    core_.changed.wait_for(lock, kWatchStep);
  }
  return true;
}

bool SocketListener::shutdown(std::chrono::milliseconds limit) {
  const std::lock_guard once(shutdown_mutex_);
  if (shut_down_) return *shut_down_;
  core_.service.drain();
  stop_accepting();
  for (const auto& connection : connections()) connection->drain();
  const auto now = std::chrono::steady_clock::now();
  const bool whole = wait_until(now + limit, [this] { return core_.requests_in_work == 0; });
  // Answers are out; what is left waits for requests or lingers. A connection that was taken just before the
  // acceptor closed is among them.
  for (const auto& connection : connections()) connection->drain();
  if (!whole) {
    const Refusal why(503, "shutting_down", "the answer was cut: the server is stopping");
    for (const auto& connection : connections()) connection->cut(why);
    wait_until(std::chrono::steady_clock::now() + kLastWords, [this] { return core_.requests_in_work == 0; });
    for (const auto& connection : connections()) connection->cut();
  }
  const auto end = std::chrono::steady_clock::now() + kCutDeadline;
  const auto none = [this] { return core_.connections.empty(); };
  if (!wait_until(std::min(end, std::chrono::steady_clock::now() + std::max(limit, kWatchStep)), none)) {
    for (const auto& connection : connections()) connection->cut();
    wait_until(end, none);
  }
  work_.reset();
  io_.stop();
  for (std::thread& thread : threads_) thread.join();
  shut_down_ = whole;
  return whole;
}

ListenerStats SocketListener::stats() const {
  ListenerStats stats;
  stats.requests_in_work = core_.requests_in_work.load();
  stats.requests = core_.requests.load();
  stats.connections_refused = core_.connections_refused.load();
  stats.memory = core_.memory->taken();
  stats.memory_peak = core_.memory->peak();
  stats.memory_max = core_.memory->limit();
  const std::lock_guard lock(core_.mutex);
  stats.connections = core_.connections.size();
  return stats;
}

}  // namespace

std::unique_ptr<Listener> Listener::start(Service& service, const Options& options) {
  try {
    return std::make_unique<SocketListener>(service, options);
  } catch (const boost::system::system_error& error) {
    throw Error(ErrorCode::kIo, error.what(), "",
                "the system is short of what the words name: see ulimit -a");
  }
}

}  // namespace gantry::http
