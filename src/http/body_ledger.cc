#include "http/body_ledger.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace gantry::http {
BodyLedger::Line::Line(BodyLedger& ledger, std::string address, Clock::time_point since,
                       std::function<void()> give_way)
    : ledger_(ledger) {
  Bodies one;
  Body& body = one.emplace_back();
  body.address = std::move(address);
  body.older = body.newer = since;
  body.give_way = std::move(give_way);
  const std::lock_guard lock(ledger_.mutex_);
  ledger_.of_address_.try_emplace(one.front().address, 0);
  ledger_.bodies_.splice(ledger_.bodies_.end(), one);
  body_ = std::prev(ledger_.bodies_.end());
}

BodyLedger::Line::~Line() {
  Bodies gone;  // its function goes outside the lock
  const std::lock_guard lock(ledger_.mutex_);
  const auto sum = ledger_.of_address_.find(body_->address);
  sum->second -= body_->bytes;
  gone.splice(gone.end(), ledger_.bodies_, body_);
  if (sum->second > 0) return;
  for (const Body& other : ledger_.bodies_)
    if (other.address == sum->first) return;
  ledger_.of_address_.erase(sum);
}

bool BodyLedger::Line::note(uint64_t bytes, Clock::time_point now) {
  const std::lock_guard lock(ledger_.mutex_);
  Body& body = *body_;
  uint64_t& sum = ledger_.of_address_.at(body.address);
  const bool has_address = !body.address.empty();
  if (has_address && bytes > body.bytes && sum - body.bytes + bytes > ledger_.address_bytes_max_)
    return false;
  sum += bytes - body.bytes;
  body.bytes = bytes;
  if (now < body.newer + kMarkStep) return true;
  body.older = std::exchange(body.newer, now);
  body.older_bytes = std::exchange(body.newer_bytes, bytes);
  return true;
}

// Bytes a second; nothing of those that just began.
std::optional<double> BodyLedger::speed_of(const Body& body, Clock::time_point now) {
  const Clock::duration age = now - body.older;
  if (age < kJudgedAfter) return std::nullopt;
  const uint64_t came = body.bytes - std::min(body.bytes, body.older_bytes);
  return static_cast<double>(came) / std::chrono::duration<double>(age).count();
}

bool BodyLedger::Line::press(Clock::time_point now, Among among) {
  const std::lock_guard lock(ledger_.mutex_);
  Body* slowest = nullptr;
  double least = speed_of(*body_, now).value_or(std::numeric_limits<double>::max());
  for (Body& body : ledger_.bodies_) {
    if (&body == &*body_ || body.bytes == 0) continue;
    if (among == Among::kAddress && body.address != body_->address) continue;
    const std::optional<double> speed = speed_of(body, now);
    if (!speed) continue;
    if (body.told) return true;  // one is on its way out already
    if (*speed >= least) continue;
    least = *speed;
    slowest = &body;
  }
  if (slowest == nullptr) return false;
  slowest->told = true;
  slowest->give_way();
  return true;
}

}  // namespace gantry::http
