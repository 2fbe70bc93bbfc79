// One connection: reads requests one after the other (a client may send several at once), answers each, keeps
// every deadline, and notices at once when the client goes away.
//
// A client that says it will send no more (FIN) may have closed its sending side only, or all: TCP does not
// tell, until something is written. So a sign of life is written then: what every answer begins with, byte by
// byte, or an idle piece of a stream. Who is gone resets the connection; who is there gets his whole answer.
//
// Two coroutines on one strand: read_loop() moves bytes into a bounded inbox all the time, which is how an
// end of the connection is seen while an answer is written; serve() takes requests from there. Only drain()
// and cut() may be called from elsewhere.
//
// Compilers: no co_await stands in one expression with a lambda that captures, a temporary that it needs, or
// a structured binding; gcc 12 and 15 miscompile those.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "http/core.h"
#include "http/request_log.h"
#include "http/request_parser.h"
#include "http/wire_format.h"
#include "http/wire_reply.h"

namespace gantry::http {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Clock = std::chrono::steady_clock;

  // The socket's executor is a strand of its own. `core` outlives the connection.
  // `peer`: as peer_of() says.
  Connection(Core& core, Socket socket, std::string peer);
  ~Connection();

  // The address of a socket's other end; empty where it has none, as of a unix socket.
  static std::string peer_of(const Socket& socket);

  void start();
  // Ends when it waits for a request; otherwise after the answer.
  void drain();
  // Ends now.
  void cut();
  // Ends as soon as the client has been told why, where it was promised an answer; else now.
  void cut(const Refusal& why);

 private:
  template <typename T>
  using Awaitable = boost::asio::awaitable<T>;

  // Something to wait for, on the strand: set() ends the wait that is in progress.
  class Event {
   public:
    explicit Event(const boost::asio::any_io_executor& executor) : timer_(executor) {}
    void set() { timer_.cancel(); }
    Awaitable<void> wait_until(Clock::time_point deadline);

   private:
    boost::asio::steady_timer timer_;
  };

  static Awaitable<void> run_read_loop(std::shared_ptr<Connection> self);
  static Awaitable<void> run_serve(std::shared_ptr<Connection> self);
  Awaitable<void> read_loop();
  Awaitable<void> serve();

  Awaitable<bool> serve_one();
  Awaitable<bool> read_request();
  Awaitable<bool> judge_head();
  Awaitable<bool> answer_request();
  Awaitable<bool> write_answer();
  void add_sign_of_life(std::string& bytes, std::string_view idle, bool streaming);
  Awaitable<bool> refuse(const Refusal& error);
  Awaitable<bool> write(std::string_view bytes, std::string_view more = {});
  Awaitable<void> linger();

  // What came of a look at the inbox.
  enum class Taken : uint8_t { kNothing, kSome, kNoMemory, kAddressFull };
  Taken take_input();
  std::optional<Refusal> lose_patience(Taken taken);
  void open_body_line();
  Clock::time_point read_deadline() const;
  void ended();
  void close();
  Awaitable<void> wait_for_reset();

  Core& core_;
  const uint64_t number_;
  Socket socket_;
  Event input_, input_room_, output_;
  boost::asio::steady_timer write_timer_;

  std::string inbox_;
  const std::string peer_;  // its address, without a port; empty: of a unix socket
  bool eof_ = false;        // the client will send no more; it may still read
  bool closed_ = false;     // nothing can be written any more
  bool draining_ = false;
  bool sent_too_far_ahead_ = false;  // something of it was dropped

  // The request that is being read or answered.
  std::optional<RequestParser> parser_;
  std::shared_ptr<os::MemoryAccount> account_;
  std::optional<BodyLedger::Line> body_line_;
  Clock::time_point waiting_since_, head_since_, body_since_, answering_since_;
  std::optional<Clock::time_point> short_since_;  // of memory
  bool gives_way_ = false;                        // its body was the slowest when memory was short
  bool first_request_ = true;
  std::string client_;  // the peer, or for whom it asks
  Request request_;
  std::vector<Header> common_headers_;
  WireOptions wire_;
  RequestLog log_;
  std::shared_ptr<WireReply> reply_;
  size_t begun_ = 0;  // bytes of the answer's begin that were written as signs of life
  size_t signs_ = 0;  // that were written
  Clock::time_point next_sign_;
};

}  // namespace gantry::http
