// Requests over HTTP to one server, each over a connection of its own for its time; connections are used
// again where the server lets them live. One thread: that of the io_context.
//
// Compilers: as http/connection.h says.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

#include "bench/figures.h"
#include "bench/target.h"

namespace gantry::bench {

// Takes the data of an event; false: leaves the server in the middle of its answer.
using OnEvent = std::function<bool(const std::string& data)>;

struct Reply {
  int status = 0;
  bool was_events = false;
  bool left = false;       // on_event did not want the rest
  std::string body;        // its beginning; of a stream empty
  double retry_after = 0;  // seconds; 0: not said
};

class Wire {
 public:
  // Looks the server's name up. Error kIo. `patience`: how long nothing may come.
  Wire(boost::asio::io_context& io, Target target, std::chrono::milliseconds patience);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // Throws RequestFault. `request` and `on_event` live until it is over.
  boost::asio::awaitable<Reply> exchange(const std::string& request, const OnEvent& on_event);
  // All that is under way fails now, and whatever is begun later.
  void cut();
  // What is begun from now on is again meant.
  void mend() { is_cut_ = false; }
  bool is_cut() const { return is_cut_; }
  const Target& target() const { return target_; }

 private:
  struct Line;
  using Socket = boost::asio::generic::stream_protocol::socket;
  using Endpoint = boost::asio::generic::stream_protocol::endpoint;

  static void watch(const std::shared_ptr<Line>& line, std::chrono::milliseconds patience);
  boost::asio::awaitable<void> connect(Line& line);
  boost::asio::awaitable<Reply> talk(std::shared_ptr<Line> line, const std::string& request,
                                     const OnEvent& on_event);
  std::shared_ptr<Line> take_line(bool fresh);
  void drop(Line& line);

  boost::asio::io_context& io_;
  const Target target_;
  const std::chrono::milliseconds patience_;
  std::vector<Endpoint> endpoints_;
  std::vector<Socket> idle_;
  std::unordered_set<Line*> lines_;  // under way
  bool is_cut_ = false;
};

}  // namespace gantry::bench
