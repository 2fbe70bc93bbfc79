#include "http/wire_reply.h"

#include <utility>

namespace gantry::http {

void WireReply::wake() {
  if (wake_posted_ || detached_) return;
  wake_posted_ = true;
  wake_();
}

bool WireReply::begin() {
  if (detached_ || over_) return false;
  begun_ = true;
  return true;
}

void WireReply::send(Response response) {
  const std::lock_guard lock(mutex_);
  if (!begin()) return;
  over_ = true;
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
  if (!takes_more() || next_.lost) return false;
  if (next_.bytes.empty()) {
    next_.bytes = std::move(piece);
  } else if (next_.bytes.size() + piece.size() <= stream_bytes_max_) {
    next_.bytes += piece;
  } else {
    next_.lost = true;
    wake();
    return false;
  }
  wake();
  return true;
}

void WireReply::on_room(std::function<void()> room) {
  {
    const std::lock_guard lock(mutex_);
    if (!takes_more()) return;
    if (!next_.bytes.empty()) {
      room_ = std::move(room);
      return;
    }
  }
  room();
}

void WireReply::end(bool broken, bool torn) {
  if (over_) return;
  over_ = true;
  next_.finished = true;
  next_.broken = broken;
  next_.torn = torn;
  wake();
}

void WireReply::finish() {
  const std::lock_guard lock(mutex_);
  end(false, false);
}

void WireReply::fail(std::string last) {
  const std::lock_guard lock(mutex_);
  if (detached_ || over_) return;
  next_.bytes += last;
  end(true, last.empty());
}

void WireReply::note(Outcome outcome) {
  const std::lock_guard lock(mutex_);
  if (!over_) next_.outcome = std::move(outcome);
}

void WireReply::on_gone(std::function<void()> gone) {
  {
    const std::lock_guard lock(mutex_);
    if (!is_gone_ && !detached_) {
      gone_ = std::move(gone);
      return;
    }
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
      over_ = true;
      next_.whole = std::move(refusal);
      wake();
    }
  }
  if (cut) cut(why);
}

WireReply::Taken WireReply::take() {
  std::function<void()> room;
  Taken out;
  bool takes = false;
  {
    const std::lock_guard lock(mutex_);
    wake_posted_ = false;
    out = std::exchange(next_, {});
    next_.lost = out.lost;
    room.swap(room_);
    takes = takes_more();
  }
  if (room && takes) room();
  return out;
}

void WireReply::client_gone() {
  std::function<void()> gone, room;
  {
    const std::lock_guard lock(mutex_);
    is_gone_ = true;
    gone.swap(gone_);
    room.swap(room_);
  }
  if (gone) gone();
}

void WireReply::detach() {
  std::function<void()> gone, wake, room;
  std::function<void(const Refusal&)> cut;
  {
    const std::lock_guard lock(mutex_);
    detached_ = true;
    // Dropped outside the lock; the reply may outlive the loop that `wake` posts to.
    gone.swap(gone_);
    cut.swap(cut_);
    wake.swap(wake_);
    room.swap(room_);
  }
}

}  // namespace gantry::http
