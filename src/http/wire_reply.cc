#include "http/wire_reply.h"

#include <utility>

namespace gantry::http {

void WireReply::wake() {
  if (wake_posted_ || detached_) return;
  wake_posted_ = true;
  wake_();
}

bool WireReply::begin() {
  if (detached_ || refused_) return false;
  begun_ = true;
  return true;
}

void WireReply::send(Response response) {
  const std::lock_guard lock(mutex_);
  if (!begin()) return;
  next_.whole = std::move(response);
  wake();
}

void WireReply::begin_stream(Response head, std::string idle) {
  const std::lock_guard lock(mutex_);
  if (!begin()) return;
  next_.head = std::move(head);
  next_.idle = std::move(idle);
  wake();
}

bool WireReply::push(std::string piece) {
  const std::lock_guard lock(mutex_);
  if (detached_ || refused_ || is_gone_ || next_.lost) return false;
  if (next_.bytes.size() + piece.size() > stream_bytes_max_) {
    next_.lost = true;
    wake();
    return false;
  }
  next_.bytes += piece;
  wake();
  return true;
}

void WireReply::end(bool broken) {
  if (refused_) return;
  next_.finished = true;
  next_.broken = broken;
  wake();
}

void WireReply::finish() {
  const std::lock_guard lock(mutex_);
  end(false);
}

void WireReply::fail(std::string last) {
  const std::lock_guard lock(mutex_);
  if (detached_ || refused_) return;
  next_.bytes += last;
  end(true);
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

void WireReply::on_cut(std::function<void(const Refusal& why)> cut) {
  {
    const std::lock_guard lock(mutex_);
    if (!why_) {
      if (!is_gone_ && !detached_) cut_ = std::move(cut);
      return;
    }
  }
  cut(*why_);  // never changes once it is there
}

void WireReply::cut(const Refusal& why, Response refusal) {
  std::function<void(const Refusal&)> cut;
  {
    const std::lock_guard lock(mutex_);
    if (detached_ || why_) return;
    why_ = why;
    cut.swap(cut_);
    if (!cut && !begun_) {
      refused_ = true;
      next_.whole = std::move(refusal);
      wake();
    }
  }
  if (cut) cut(why);
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
  std::function<void(const Refusal&)> cut;
  {
    const std::lock_guard lock(mutex_);
    detached_ = true;
    // Dropped outside the lock; the reply may outlive the loop that `wake` posts to.
    gone.swap(gone_);
    cut.swap(cut_);
    wake.swap(wake_);
  }
}

}  // namespace gantry::http
