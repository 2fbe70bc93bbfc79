// Whether a client that sends no more is still there: docs/decisions/0019.
#include <chrono>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/connection.h"

namespace gantry::http {

namespace asio = boost::asio;
using boost::system::error_code;

// Between the first two signs of life, and then twice as long each time: what lies between here and a client
// (a tunnel, a proxy) may take some before it says that nobody is there.
constexpr std::chrono::milliseconds kFirstSignStep{250};

// Behind the client's last byte only an error comes: it is gone.
Connection::Awaitable<void> Connection::wait_for_reset() {
  error_code error;
  co_await socket_.async_wait(Socket::wait_error, asio::redirect_error(asio::use_awaitable, error));
  if (!error) close();
}

// Where the client has said its last and nothing else is to be written: so that it is seen whether it is
// there.
void Connection::add_sign_of_life(std::string& bytes, std::string_view idle, bool streaming) {
  const Clock::time_point now = Clock::now();
  if (signs_ == kAnswerBegin.size() || (signs_ > 0 && now < next_sign_)) return;
  if (streaming)
    append_wire_piece(bytes, idle, wire_);
  else
    bytes = kAnswerBegin[begun_++];
  next_sign_ = now + kFirstSignStep * (1 << signs_++);
}

}  // namespace gantry::http
