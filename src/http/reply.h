// Where the answer to one request goes: whole, or as a stream of pieces. The connection behind it may be slow
// or gone; nothing here ever waits for it. Thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "http/http.h"

namespace gantry::http {

class Reply {
 public:
  virtual ~Reply() = default;

  // The whole answer. Once, and not after begin_stream().
  virtual void send(Response response) = 0;

  // The head of a stream; pieces follow. `idle`: a piece that may stand between any two, sent when none came
  // for a while, so that nobody on the way takes the stream for dead; may be empty.
  virtual void begin_stream(Response head, std::string idle) = 0;
  // False: the stream is over, the client is gone, or it has not read for so long that its queue is full; its
  // stream is lost then, and fail() says so. An empty queue takes a piece of any size.
  virtual bool push(std::string piece) = 0;
  // `room` is called once, on any thread, when the queue is empty; at once if it is. Not any more when the
  // stream is over or the client has gone. Must not block. So a stream may be made as its client reads.
  virtual void on_room(std::function<void()> room) = 0;
  // The stream is over.
  virtual void finish() = 0;
  // It is over before its end; `last` says so, and goes out also where the queue is full. Without last words
  // the connection ends where the stream stands: so a client sees that it is not whole.
  virtual void fail(std::string last) = 0;

  // For the server's log: how it came out. Before the last word of the answer; later ones go nowhere.
  virtual void note(Outcome outcome) = 0;

  // `gone` is called at most once, on any thread, when the client goes away before the answer's end; at once
  // if it is gone already. The asker then need not answer. Must not block.
  virtual void on_gone(std::function<void()> gone) = 0;
  // Whether the client has gone, for work that can be called off between two pieces.
  virtual const std::atomic<bool>& gone() const = 0;
  // `cut` is called at most once, on any thread, when the answer has to end before its end; at once if it has
  // to already. The asker ends it then, in its own words. Must not block. An answer that nobody can end, and
  // of which nothing was said yet, is refused by the connection; what comes later goes nowhere.
  virtual void on_cut(std::function<void(const Refusal& why)> cut) = 0;
};

}  // namespace gantry::http
