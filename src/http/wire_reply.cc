#include "http/wire_reply.h"

#include <utility>

namespace gantry::http {

void WireReply::wake() {
  if (wake_posted_ || detached_) return;
  wake_posted_ = true;
  wake_();
}

void WireReply::send(Response response) {
  const std::lock_guard lock(mutex_);
  if (detached_) return;
  next_.whole = std::move(response);
  wake();
}

void WireReply::begin_stream(Response head, std::string idle) {
  const std::lock_guard lock(mutex_);
  if (detached_) return;
  next_.head = std::move(head);
  next_.idle = std::move(idle);
  wake();
}

bool WireReply::push(std::string piece) {
  const std::lock_guard lock(mutex_);
  if (detached_ || is_gone_ || next_.lost) return false;
  if (next_.bytes.size() + piece.size() > stream_bytes_max_) {
    next_.lost = true;
    wake();
    return false;
  }
  next_.bytes += piece;
  wake();
  return true;
}

void WireReply::finish(bool broken) {
  const std::lock_guard lock(mutex_);
  next_.finished = true;
  next_.broken = broken;
  wake();
}

void WireReply::on_gone(std::function<void()> gone) {
  {
    const std::lock_guard lock(mutex_);
    if (!is_gone_ && !detached_) {
      gone_ = std::move(gone);
      return;
    }
    called_off_ = true;
    wake();
  }
  gone();
}

bool WireReply::called_off() {
  const std::lock_guard lock(mutex_);
  return called_off_;
}

WireReply::Taken WireReply::take() {
  const std::lock_guard lock(mutex_);
  wake_posted_ = false;
  Taken out = std::exchange(next_, {});
  next_.lost = out.lost;
  return out;
}

void WireReply::client_gone() {
  std::function<void()> gone;
  {
    const std::lock_guard lock(mutex_);
    is_gone_ = true;
    gone.swap(gone_);
    called_off_ |= gone != nullptr;
  }
  if (gone) gone();
}

void WireReply::detach() {
  std::function<void()> gone, wake;
  {
    const std::lock_guard lock(mutex_);
    detached_ = true;
    // Dropped outside the lock; the reply may outlive the loop that `wake` posts to.
    gone.swap(gone_);
    wake.swap(wake_);
  }
}

}  // namespace gantry::http
