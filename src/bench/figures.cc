#include "bench/figures.h"

namespace gantry::bench {
namespace {

void count_fault(std::vector<FaultCount>& faults, const RequestFault& fault) {
  for (FaultCount& one : faults)
    if (one.kind == fault.kind) {
      ++one.count;
      return;
    }
  if (faults.size() < kFaultKindsMax) {
    faults.push_back({fault.kind, fault.words, 1});
  } else {
    faults.back().kind = "others";
    ++faults.back().count;
  }
}

}  // namespace

void Figures::add(const Outcome& outcome) {
  if (outcome.end == End::kCut) {
    ++cut;
    return;
  }
  if (outcome.end == End::kFailed) {
    ++failed;
    count_fault(faults, outcome.fault);
    return;
  }
  ++(outcome.end == End::kDone ? done : cancelled);
  if (outcome.usage) {
    prompt_tokens += outcome.usage->prompt;
    cached_tokens += outcome.usage->cached.value_or(0);
    tells_cached |= outcome.usage->cached.has_value();
  } else {
    ++uncounted;
  }
  new_tokens += outcome.new_tokens();
  if (outcome.first) first.add(*outcome.first);
  for (const float seconds_between : outcome.gaps) gap.add(static_cast<double>(seconds_between));
  if (outcome.end != End::kDone) return;
  whole.add(outcome.whole);
  if (outcome.first && outcome.new_tokens() > 1)
    per_token.add((outcome.last - *outcome.first) / static_cast<double>(outcome.new_tokens() - 1));
}

}  // namespace gantry::bench
