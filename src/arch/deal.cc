#include "arch/deal.h"

#include <algorithm>

#include "base/check.h"
#include "device/sections.h"

namespace gantry::arch {
namespace {

using Ranges = std::vector<Range>;

uint32_t size_of(const Ranges& ranges) {
  uint32_t size = 0;
  for (const Range& range : ranges) size += range.count;
  return size;
}

Range times(const Range& range, uint32_t factor) { return {range.first * factor, range.count * factor}; }
Range after(uint32_t offset, const Range& range) { return {offset + range.first, range.count}; }

// Ranges that touch are one.
Ranges joined(const Ranges& ranges) {
  Ranges out;
  for (const Range& range : ranges) {
    if (!out.empty() && out.back().first + out.back().count == range.first)
      out.back().count += range.count;
    else
      out.push_back(range);
  }
  return out;
}

// The rows or values of a weight that are kept; ranges count from its own beginning.
void keep(Matrix& matrix, Ranges ranges) {
  GANTRY_CHECK(matrix.rows.empty());
  ranges = joined(ranges);
  for (Range& range : ranges) range.first += matrix.first_row;
  matrix.first_row = ranges[0].first;
  matrix.shape.rows = size_of(ranges);
  if (ranges.size() > 1) matrix.rows = std::move(ranges);
}
void keep(Vector& vector, Ranges ranges) {
  GANTRY_CHECK(vector.values.empty());
  ranges = joined(ranges);
  for (Range& range : ranges) range.first += vector.first;
  vector.first = ranges[0].first;
  vector.size = size_of(ranges);
  if (ranges.size() > 1) vector.values = std::move(ranges);
}
void keep(std::optional<Vector>& vector, const Ranges& ranges) {
  if (vector) keep(*vector, ranges);
}
void keep(Linear& linear, const Ranges& ranges) {
  keep(linear.weight, ranges);
  keep(linear.bias, ranges);
}
// Of every matrix of the stack.
void keep(MatrixStack& stack, Ranges ranges) {
  GANTRY_CHECK(stack.rows.empty() && !stack.transposed);
  ranges = joined(ranges);
  for (Range& range : ranges) range.first += stack.first_row;
  stack.first_row = ranges[0].first;
  stack.shape.rows = size_of(ranges);
  if (ranges.size() > 1) stack.rows = std::move(ranges);
}
void keep_matrices(MatrixStack& stack, const Range& range) {
  if (stack.tensors.size() > 1) {
    stack.tensors = {stack.tensors.begin() + range.first, stack.tensors.begin() + range.first + range.count};
  } else {
    stack.first_row += range.first * stack.step_rows;
  }
  stack.count = range.count;
}

// Each of `count` matrices' ranges in a vector that holds `size` values for each.
void keep_of_each(std::optional<Vector>& vector, uint32_t count, uint32_t size, const Ranges& ranges) {
  Ranges all;
  for (uint32_t i = 0; i < count; ++i)
    for (const Range& range : ranges) all.push_back(after(i * size, range));
  keep(vector, all);
}

// A norm of each head: of all heads the same weights, or those of the heads that are kept. False: it is of
// all heads at once.
bool is_by_head(const std::optional<Norm>& norm, uint32_t heads, uint32_t dim) {
  return !norm || (norm->size == dim && (norm->groups == 1 || norm->groups == heads));
}
void keep_heads(std::optional<Norm>& norm, const Range& heads) {
  if (!norm || norm->groups == 1) return;
  keep(norm->weight, {times(heads, norm->size)});
  keep(norm->bias, {times(heads, norm->size)});
  norm->groups = heads.count;
}

}  // namespace

std::optional<device::WeightShape> Dealer::share(const device::WeightShape& last) const {
  const std::optional<Range> mine = share_of(device::sections_of(last).count, blueprint_.ranks);
  if (!mine) return std::nullopt;
  return device::part_of(last, {mine->first, mine->first + mine->count});
}

bool Dealer::deal(SoftmaxAttention& a) {
  const std::optional<device::WeightShape> last = share(a.out.weight.shape);
  if (!last || !is_by_head(a.q_norm, a.heads, a.key_dim) || !is_by_head(a.k_norm, a.kv_heads, a.key_dim))
    return false;
  const Range values{last->first_col, last->cols};
  const Range heads{values.first / a.value_dim, values.count / a.value_dim};
  // The one KV head that all share is every rank's.
  const uint32_t group = a.heads / a.kv_heads;
  const Range kv_heads = a.kv_heads == 1 ? Range{0, 1} : Range{heads.first / group, heads.count / group};
  keep(a.q, {times(heads, (a.gated ? 2 : 1) * a.key_dim)});
  keep(a.k, {times(kv_heads, a.key_dim)});
  keep(a.v, {times(kv_heads, a.value_dim)});
  a.out.weight.shape = *last;
  keep_heads(a.q_norm, heads);
  keep_heads(a.k_norm, kv_heads);
  keep(a.sinks, {heads});
  if (a.slopes) {
    const auto [found, fresh] = slopes_.try_emplace({*a.slopes, heads.first}, blueprint_.slopes.size());
    if (fresh) {
      const std::vector<float>& all = blueprint_.slopes[*a.slopes];
      blueprint_.slopes.emplace_back(all.begin() + heads.first, all.begin() + heads.first + heads.count);
    }
    a.slopes = found->second;
  }
  a.heads = heads.count;
  a.kv_heads = kv_heads.count;
  return true;
}

bool Dealer::deal(LatentAttention& a) {
  const std::optional<device::WeightShape> last = share(a.out.weight.shape);
  if (!last) return false;
  const Range values{last->first_col, last->cols};
  const Range heads{values.first / a.value_dim, values.count / a.value_dim};
  keep(a.q, {times(heads, a.query_dim())});
  keep_matrices(a.k_b, heads);
  keep_matrices(a.v_b, heads);
  a.out.weight.shape = *last;
  a.heads = heads.count;
  return true;
}

bool Dealer::deal(ShortConv& c) {
  const std::optional<device::WeightShape> last = share(c.out.weight.shape);
  if (!last) return false;
  const Range mine{last->first_col, last->cols};
  keep(c.in, {mine, after(c.channels, mine), after(2 * c.channels, mine)});
  keep(c.conv, {times(mine, c.taps)});
  keep(c.conv_bias, {mine});
  c.out.weight.shape = *last;
  c.channels = mine.count;
  return true;
}

bool Dealer::deal(Mamba2& m) {
  const std::optional<device::WeightShape> last = share(m.out.weight.shape);
  if (!last || (m.norm && m.groups == 1)) return false;
  const Range values{last->first_col, last->cols};
  const Range heads{values.first / m.head_dim, values.count / m.head_dim};
  const uint32_t together = m.heads / m.groups;
  Range groups{0, 1};  // one that all heads read is every rank's
  if (m.groups > 1) {
    if (heads.first % together != 0 || heads.count % together != 0) return false;
    groups = {heads.first / together, heads.count / together};
  }
  const Range shared = times(groups, m.state_dim);
  // As they stand in `conv`, and behind the gate in `in`.
  const Ranges channels = {values, after(m.inner(), shared),
                           after(m.inner() + m.groups * m.state_dim, shared)};
  Ranges rows = {values}, taps;
  for (const Range& range : channels) {
    rows.push_back(after(m.inner(), range));
    taps.push_back(times(range, m.taps));
  }
  rows.push_back(after(m.inner() + m.channels(), heads));
  keep(m.in, rows);
  keep(m.conv, taps);
  keep(m.conv_bias, channels);
  for (Vector* vector : {&m.a, &m.d, &m.dt_bias}) keep(*vector, {heads});
  keep_heads(m.norm, groups);
  m.out.weight.shape = *last;
  m.heads = heads.count;
  m.groups = groups.count;
  return true;
}

// Value head h reads key head h % key_heads, in the part as in the whole: a rank's key heads begin with the
// one that its first value head reads.
bool Dealer::deal(GatedDelta& d) {
  const std::optional<device::WeightShape> last = share(d.out.weight.shape);
  if (!last || !is_by_head(d.norm, d.value_heads, d.value_dim)) return false;
  const Range values{last->first_col, last->cols};
  const Range heads{values.first / d.value_dim, values.count / d.value_dim};
  const uint32_t key_heads = std::min(d.key_heads, heads.count);
  Ranges channels;
  for (const uint32_t offset : {0u, d.key_heads * d.key_dim}) {
    for (uint32_t i = 0; i < key_heads; ++i)
      channels.push_back(after(offset, times({(heads.first + i) % d.key_heads, 1}, d.key_dim)));
  }
  channels.push_back(after(2 * d.key_heads * d.key_dim, values));
  Ranges taps;
  for (const Range& range : channels) taps.push_back(times(range, d.taps));
  keep(d.qkv, channels);
  keep(d.gate, {values});
  keep(d.alpha, {heads});
  keep(d.beta, {heads});
  keep(d.conv, taps);
  keep(d.conv_bias, channels);
  keep(d.a, {heads});
  keep(d.dt_bias, {heads});
  keep_heads(d.norm, heads);
  d.out.weight.shape = *last;
  d.key_heads = key_heads;
  d.value_heads = heads.count;
  return true;
}

bool Dealer::deal(GatedMlp& m) {
  const std::optional<device::WeightShape> last = share(m.down.weight.shape);
  if (!last) return false;
  const Range hidden{last->first_col, last->cols};
  keep(m.gate, {hidden});
  keep(m.up, {hidden});
  m.down.weight.shape = *last;
  return true;
}

bool Dealer::deal(PlainMlp& m) {
  const std::optional<device::WeightShape> last = share(m.down.weight.shape);
  if (!last) return false;
  const Range hidden{last->first_col, last->cols};
  keep(m.up, {hidden});
  m.down.weight.shape = *last;
  return true;
}

// Every rank has a share of every expert, and of the shared ones.
bool Dealer::deal(ExpertMlp& m) {
  const std::optional<device::WeightShape> last = share(m.down.shape);
  if (!last || (m.shared && !share(m.shared->down.weight.shape))) return false;
  const Range hidden{last->first_col, last->cols};
  const uint32_t experts = m.routing.experts, all = m.hidden();
  Ranges up = {hidden};
  if (m.gate) {
    keep(*m.gate, {hidden});
    keep_of_each(m.gate_bias, experts, all, {hidden});
    keep_of_each(m.up_bias, experts, all, up);
  } else {
    up.push_back(after(all, hidden));
    keep_of_each(m.up_bias, experts, 2 * all, up);
  }
  keep(m.up, up);
  m.down.shape = *last;
  if (m.shared) deal(*m.shared);
  return true;
}

bool Dealer::deal_rows(Linear& linear) {
  const std::optional<Range> mine = share_of(linear.weight.shape.rows, blueprint_.ranks);
  if (mine) keep(linear, {*mine});
  return mine.has_value();
}

}  // namespace gantry::arch
