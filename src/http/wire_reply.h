// The Reply of a connection: keeps what is to be written until the connection's coroutine takes it. Bounded:
// a stream whose client does not read is lost, which is its last word; nobody waits for it. Thread-safe.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "http/reply.h"

namespace gantry::http {

class WireReply final : public Reply {
 public:
  // `wake` is called after something came, not again before the next take(); it must not block.
  WireReply(size_t stream_bytes_max, std::function<void()> wake)
      : stream_bytes_max_(stream_bytes_max), wake_(std::move(wake)) {}

  void send(Response response) override;
  void begin_stream(Response head, std::string idle) override;
  bool push(std::string piece) override;
  void on_room(std::function<void()> room) override;
  void finish() override;
  void fail(std::string last) override;
  void note(Outcome outcome) override;
  void on_gone(std::function<void()> gone) override;
  const std::atomic<bool>& gone() const override { return is_gone_; }
  void on_cut(std::function<void(const Refusal& why)> cut) override;

  // For the connection.
  struct Taken {
    std::optional<Response> whole, head;
    std::string idle;  // with the head
    std::string bytes;
    bool finished = false;  // the stream is over
    bool broken = false;    // before its end
    bool torn = false;      // and without a word about it
    Outcome outcome;
    bool lost = false;  // its queue ran full; it is finished soon
  };
  Taken take();
  // The client went away: who works on its answer is told.
  void client_gone();
  // The answer has to end: who works on it is told, or else `refusal` is the answer.
  void cut(const Refusal& why, Response refusal);
  // Nothing is written any more: pieces are refused, wake is not called again.
  void detach();

 private:
  // Under the mutex.
  void wake();
  bool begin();  // false: it is over already, or nobody is there
  void end(bool broken, bool torn);
  bool takes_more() const { return !over_ && !detached_ && !is_gone_; }

  const size_t stream_bytes_max_;
  std::mutex mutex_;
  std::function<void()> wake_, gone_, room_;
  std::function<void(const Refusal&)> cut_;
  std::optional<Refusal> why_;  // it has to end
  Taken next_;
  bool wake_posted_ = false;
  std::atomic<bool> is_gone_ = false;  // written under the mutex
  bool begun_ = false;                 // something was said
  bool over_ = false;                  // all was said, or it was refused by cut()
  bool detached_ = false;
};

}  // namespace gantry::http
