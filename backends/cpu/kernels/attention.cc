// Attention over paged memory. A page is a span: 32 absolute positions, lanes in the scores, in order in the
// sum. 32 spans are a section.
//
// One query and one span (docs/decisions/0006): s[p] = scale * (q . k[p]) by fma over the dims (q8_0: over
// the dims of a block, then the block's sum by fma with its scale); m = the greatest of the valid s; e[p] =
// exp(s[p] - m), 0 for invalid lanes; l = the sum of e by the halving tree; o[d] = the sum over valid p, in
// order, by fma of e[p] v[p][d] (q8_0: (e[p] * scale of v[p]) times the integer).
//
// The spans of a section are joined in order, the first stands for itself: M' = max(M, m), a = exp(M - M'), b
// = exp(m - M'), L' = fma(l, b, L a), O' = fma(o, b, O a). Sections, each begun afresh, are joined in order
// the same way; at the end O * (1 / L). Between score and softmax: cap * tanh(s * (1 / cap)), then s =
// fma(slope, distance, s). A sink z joins last: M' = max(M, z), a = exp(M - M'), L' = fma(L, a, exp(z - M')),
// and the end is O * (a * (1 / L')). V that is part of K is read from there as floats: q8_0 values are
// multiplied by their scale first.

#include "backends/cpu/kernels/exp.h"
#include "backends/cpu/kernels/set.h"
#include "backends/cpu/kernels/tanh.h"

namespace gantry::cpu::GANTRY_ISA {
namespace {

struct AttentionF32 {
  static constexpr uint32_t kBytes = 4;
  static constexpr bool kScaled = false;
  GANTRY_INLINE static F32 values(const uint8_t* p) { return load_f32(p); }
};
struct AttentionF16 {
  static constexpr uint32_t kBytes = 2;
  static constexpr bool kScaled = false;
  GANTRY_INLINE static F32 values(const uint8_t* p) { return load_f16(p); }
};
struct AttentionQ8_0 {
  static constexpr uint32_t kBytes = 1;
  static constexpr bool kScaled = true;
  GANTRY_INLINE static F32 values(const uint8_t* p) { return to_float(load_i8(p)); }
};

// What has been joined of some positions: nothing until it has begun.
struct Joined {
  float* sums;  // [value_stride] O
  float greatest, total;
  bool begun;
};

// One query head of one row.
struct Query {
  const float* q;
  float* out;
  float* weights;  // [kPositions] e of the current span
  Joined section;  // the current section's spans
  Joined earlier;  // the sections before it
  uint32_t head, position;
  uint32_t oldest, newest;  // positions seen
  uint32_t from, valid;     // positions [from, valid) of the current span are seen
  float slope;              // of the bias by distance; 0: none
  float keep, take;         // a and b of the current join
};

inline constexpr uint32_t kPositions = 32;     // of a span
inline constexpr uint32_t kSectionSpans = 32;  // so that sections are of 1,024 positions

// Scores of positions [16 * half, 16 * half + 16) for P queries.
template <typename E, uint32_t P>
GANTRY_INLINE void scores(const AttentionJob& job, const uint8_t* head, Query* const* queries,
                          uint32_t half) {
  const uint8_t* k = head + 16 * half * E::kBytes;
  const uint8_t* k_scale = head + job.layout.k_scales + 32 * half;
  const uint32_t dims = job.layout.key_dim;
  F32 acc[P];
  repeated<P>(GANTRY_LAMBDA(i) { acc[i.value] = broadcast(0.0f); });
  const uint32_t step = E::kScaled ? kBlock : dims;
  for (uint32_t first = 0; first < dims; first += step) {
    const uint32_t end = dims - first < step ? dims : first + step;
    F32 sum[P];
    repeated<P>(GANTRY_LAMBDA(i) { sum[i.value] = broadcast(0.0f); });
    for (uint32_t d = first; d < end; ++d) {
      const F32 values = E::values(k + uint64_t{d} * kPositions * E::kBytes);
      repeated<P>(
          GANTRY_LAMBDA(i) { sum[i.value] = fma(values, broadcast(queries[i.value]->q[d]), sum[i.value]); });
    }
    if constexpr (E::kScaled) {
      const F32 scale = load_f16(k_scale + first / kBlock * (2 * kPositions));
      repeated<P>(GANTRY_LAMBDA(i) { acc[i.value] = fma(sum[i.value], scale, acc[i.value]); });
    } else {
      repeated<P>(GANTRY_LAMBDA(i) { acc[i.value] = sum[i.value]; });
    }
  }
  const F32 scale = broadcast(job.scale);
  repeated<P>(GANTRY_LAMBDA(i) { store(queries[i.value]->weights + 16 * half, mul(acc[i.value], scale)); });
}

// Lanes [from, n) of v, the others of `other`; lanes are positions [first, first + 16) of the span.
GANTRY_INLINE F32 keep_seen(const Query& query, uint32_t first, F32 v, F32 other) {
  const uint32_t end = query.valid < first ? 0 : query.valid - first;
  v = keep_first(v, end < 16 ? end : 16, other);
  if (query.from <= first) return v;
  return keep_first(other, query.from - first < 16 ? query.from - first : 16, v);
}

inline constexpr float kLanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// A score after its scale: soft cap, then bias by distance. Lanes are positions from `position` on.
GANTRY_INLINE F32 shaped(const AttentionJob& job, const Query& query, F32 score, uint32_t position) {
  if (job.cap != 0) score = capped(score, job.cap);
  if (query.slope != 0) {
    const auto distance = static_cast<int32_t>(position) - static_cast<int32_t>(query.position);
    const F32 ahead = add(broadcast(static_cast<float>(distance)), load(kLanes)), zero = broadcast(0.0f);
    score = fma(broadcast(query.slope), sub(zero, max(ahead, sub(zero, ahead))), score);
  }
  return score;
}

// a and b, with which what is joined and what joins it enter the sum.
struct Factors {
  float keep, take;
};

// Joins the greatest score and the total of more positions; their sums are the caller's to join.
GANTRY_INLINE Factors join(Joined& to, float greatest, float total) {
  const float joined = to.greatest > greatest ? to.greatest : greatest;
  float factors[16] = {to.greatest - joined, greatest - joined};
  store(factors, exp(load(factors)));
  to.total = __builtin_fmaf(total, factors[1], to.total * factors[0]);
  to.greatest = joined;
  return {factors[0], factors[1]};
}

// The current section is whole: it joins the earlier ones, and the next one begins.
GANTRY_INLINE void end_section(Query& query, uint32_t value_stride) {
  Joined& to = query.earlier;
  Joined& from = query.section;
  if (!from.begun) return;
  if (!to.begun) {
    const Joined first = from;
    from = to;
    to = first;
  } else {
    const Factors factors = join(to, from.greatest, from.total);
    const F32 keep = broadcast(factors.keep), take = broadcast(factors.take);
    for (uint32_t d = 0; d < value_stride; d += 16)
      store(to.sums + d, fma(load(from.sums + d), take, mul(load(to.sums + d), keep)));
    from.begun = false;
  }
}

// From scores to e, and the factors of the join.
GANTRY_INLINE void softmax(const AttentionJob& job, Query& query, uint32_t span) {
  const F32 lowest = broadcast(-__builtin_inff()), zero = broadcast(0.0f);
  const uint32_t first = span * kPositions;
  const F32 s0 = keep_seen(query, 0, shaped(job, query, load(query.weights), first), lowest);
  const F32 s1 = keep_seen(query, 16, shaped(job, query, load(query.weights + 16), first + 16), lowest);
  const float greatest = reduce_max(max(s0, s1));
  const F32 m = broadcast(greatest);
  const F32 e0 = keep_seen(query, 0, exp(sub(s0, m)), zero), e1 = keep_seen(query, 16, exp(sub(s1, m)), zero);
  store(query.weights, e0);
  store(query.weights + 16, e1);
  const float total = reduce_add(add(e0, e1));
  Joined& section = query.section;
  if (!section.begun) {
    section.greatest = greatest;
    section.total = total;
    return;
  }
  const Factors factors = join(section, greatest, total);
  query.keep = factors.keep;
  query.take = factors.take;
}

// Values that are K's first ones, as floats the way V lies: [kPositions][value_stride].
template <typename E>
void take_values(const AttentionJob& job, const uint8_t* head, float* values) {
  const uint64_t stride = job.layout.value_stride;
  for (uint32_t first = 0; first < job.layout.value_dim; first += 16) {
    const uint32_t dims = job.layout.value_dim - first < 16 ? job.layout.value_dim - first : 16;
    for (uint32_t half = 0; half < 2; ++half) {
      float tile[16][16];  // [dim][position]
      for (uint32_t d = 0; d < dims; ++d) {
        F32 v = E::values(head + ((uint64_t{first} + d) * kPositions + 16 * half) * E::kBytes);
        if constexpr (E::kScaled)
          v = mul(v,
                  load_f16(head + job.layout.k_scales + (first + d) / kBlock * (2 * kPositions) + 32 * half));
        store(tile[d], v);
      }
      for (uint32_t p = 0; p < 16; ++p) {
        float* to = values + (16 * half + p) * stride + first;
        for (uint32_t d = 0; d < dims; ++d) to[d] = tile[d][p];
      }
    }
  }
}

// Values [16 * chunk, 16 * chunk + 16) of the sums of P queries; V at `v`.
template <typename E, uint32_t P>
GANTRY_INLINE void sum_values(const AttentionJob& job, const uint8_t* v, const uint8_t* v_scale,
                              Query* const* queries, uint32_t chunk) {
  const uint64_t stride = uint64_t{job.layout.value_stride} * E::kBytes;
  v += 16 * chunk * E::kBytes;
  v_scale += 16 * chunk / kBlock * (2 * kPositions);
  float scaled[P][kPositions];
  const float* weights[P];
  uint32_t common_from = 0, common = kPositions;  // what all of them see
  repeated<P>(GANTRY_LAMBDA(i) {
    const Query& query = *queries[i.value];
    weights[i.value] = query.weights;
    if constexpr (E::kScaled) {
      for (uint32_t half = 0; half < 2; ++half)
        store(scaled[i.value] + 16 * half,
              mul(load(query.weights + 16 * half), load_f16(v_scale + 32 * half)));
      weights[i.value] = scaled[i.value];
    }
    common = query.valid < common ? query.valid : common;
    common_from = query.from > common_from ? query.from : common_from;
  });
  common = common < common_from ? common_from : common;
  F32 sum[P];
  repeated<P>(GANTRY_LAMBDA(i) { sum[i.value] = broadcast(0.0f); });
  repeated<P>(GANTRY_LAMBDA(i) {
    const Query& query = *queries[i.value];
    for (uint32_t p = query.from; p < (common_from < query.valid ? common_from : query.valid); ++p)
      sum[i.value] = fma(broadcast(weights[i.value][p]), E::values(v + p * stride), sum[i.value]);
  });
  for (uint32_t p = common_from; p < common; ++p) {
    const F32 values = E::values(v + p * stride);
    repeated<P>(
        GANTRY_LAMBDA(i) { sum[i.value] = fma(broadcast(weights[i.value][p]), values, sum[i.value]); });
  }
  repeated<P>(GANTRY_LAMBDA(i) {
    Query& query = *queries[i.value];
    for (uint32_t p = common; p < query.valid; ++p)
      sum[i.value] = fma(broadcast(weights[i.value][p]), E::values(v + p * stride), sum[i.value]);
    float* joined = query.section.sums + 16 * chunk;
    if (query.section.begun)
      sum[i.value] = fma(sum[i.value], broadcast(query.take), mul(load(joined), broadcast(query.keep)));
    store(joined, sum[i.value]);
  });
}

// `values`: V as take_values() left it, or null where the page has it.
template <typename E, uint32_t P>
void attend_span(const AttentionJob& job, const uint8_t* head, const float* values, Query* const* queries,
                 uint32_t span) {
  scores<E, P>(job, head, queries, 0);
  uint32_t most = 0;
  for (uint32_t i = 0; i < P; ++i) most = queries[i]->valid > most ? queries[i]->valid : most;
  if (most > 16) scores<E, P>(job, head, queries, 1);
  for (uint32_t i = 0; i < P; ++i) softmax(job, *queries[i], span);
  const uint32_t chunks = job.layout.value_stride / 16;
  if (values != nullptr) {
    const auto* v = reinterpret_cast<const uint8_t*>(values);
    for (uint32_t chunk = 0; chunk < chunks; ++chunk) sum_values<AttentionF32, P>(job, v, v, queries, chunk);
  } else {
    for (uint32_t chunk = 0; chunk < chunks; ++chunk)
      sum_values<E, P>(job, head + job.layout.v, head + job.layout.v_scales, queries, chunk);
  }
  for (uint32_t i = 0; i < P; ++i) queries[i]->section.begun = true;
}

// The sum over the total. A sink joins as a span of one position whose value is zero would.
void finish(const AttentionJob& job, const Query& query) {
  const Joined& all = query.earlier;
  float total = all.total;
  F32 keep = broadcast(1.0f);
  if (job.sinks != nullptr) {
    const float sink = job.sinks[query.head];
    const float joined = all.greatest > sink ? all.greatest : sink;
    float factors[16] = {all.greatest - joined, sink - joined};
    store(factors, exp(load(factors)));
    total = __builtin_fmaf(total, factors[0], factors[1]);
    keep = broadcast(factors[0]);
  }
  const F32 inverse = mul(keep, broadcast(1.0f / total));
  for (uint32_t d = 0; d < job.layout.value_dim; d += 16) {
    const uint32_t left = job.layout.value_dim - d;
    store_first(query.out + d, mul(load(all.sums + d), inverse), left < 16 ? left : 16);
  }
}

// All spans for queries of one sequence and one KV head.
template <typename E>
void attend_sequence(const AttentionJob& job, const uint32_t* pages, uint32_t kv_head, Query* queries,
                     uint32_t count, float* values) {
  uint32_t oldest = UINT32_MAX, last = 0;
  for (uint32_t i = 0; i < count; ++i) {
    last = queries[i].newest > last ? queries[i].newest : last;
    oldest = queries[i].oldest < oldest ? queries[i].oldest : oldest;
  }
  for (uint32_t span = oldest / kPositions; span <= last / kPositions; ++span) {
    const uint8_t* head = job.pages + pages[span] * job.layout.page_bytes + kv_head * job.layout.head_bytes;
    Query* active[kAttentionQueries];
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t first = span * kPositions;
      if (queries[i].newest < first || queries[i].oldest >= first + kPositions) continue;
      const uint32_t valid = queries[i].newest - first + 1;
      queries[i].valid = valid < kPositions ? valid : kPositions;
      queries[i].from = queries[i].oldest > first ? queries[i].oldest - first : 0;
      active[n++] = &queries[i];
    }
    if (values != nullptr && n != 0) take_values<E>(job, head, values);
    uint32_t i = 0;
    for (; i + kQueriesAtOnce <= n; i += kQueriesAtOnce)
      attend_span<E, kQueriesAtOnce>(job, head, values, active + i, span);
    if constexpr (kQueriesAtOnce > 4) {
      for (; i + 4 <= n; i += 4) attend_span<E, 4>(job, head, values, active + i, span);
    }
    for (; i + 2 <= n; i += 2) attend_span<E, 2>(job, head, values, active + i, span);
    for (; i < n; ++i) attend_span<E, 1>(job, head, values, active + i, span);
    if (span % kSectionSpans != kSectionSpans - 1) continue;
    for (i = 0; i < count; ++i) end_section(queries[i], job.layout.value_stride);
  }
  for (uint32_t i = 0; i < count; ++i) {
    end_section(queries[i], job.layout.value_stride);
    finish(job, queries[i]);
  }
}

// The last position that is written of the sequence that a row belongs to.
inline uint32_t last_written(const AttentionJob& job, uint32_t row) {
  uint32_t run = 0;
  while (run + 1 < job.run_count && static_cast<uint32_t>(job.runs[run].first + job.runs[run].count) <= row)
    ++run;
  return static_cast<uint32_t>(job.runs[run].reach) - 1;
}

template <typename E>
void attend_rows(const AttentionJob& job, uint32_t row0, uint32_t row1, uint32_t head0, uint32_t head1,
                 float* scratch) {
  const uint32_t kv_head = head0 / (job.heads / job.kv_heads);
  float* values = job.layout.value_in_key
                      ? scratch + kAttentionQueries * (kPositions + 2 * uint64_t{job.layout.value_stride})
                      : nullptr;
  for (uint32_t first = row0; first < row1;) {
    uint32_t end = first + 1;
    while (end < row1 && job.sequences[end] == job.sequences[first]) ++end;
    if (job.sequences[first] < 0) {
      first = end;
      continue;
    }
    const uint32_t last = job.runs != nullptr ? last_written(job, first) : 0;
    Query queries[kAttentionQueries];
    uint32_t count = 0;
    for (uint32_t row = first; row < end; ++row) {
      for (uint32_t h = head0; h < head1; ++h) {
        Query& query = queries[count];
        query.q = job.q + row * job.q_stride + uint64_t{h} * job.layout.key_dim;
        query.out = job.out + row * job.out_stride + uint64_t{h} * job.layout.value_dim;
        query.weights = scratch + uint64_t{count} * (kPositions + 2 * job.layout.value_stride);
        query.section = {query.weights + kPositions, 0, 0, false};
        query.earlier = {query.section.sums + job.layout.value_stride, 0, 0, false};
        query.head = h;
        query.slope = job.slopes != nullptr ? job.slopes[h] : 0.0f;
        query.position = static_cast<uint32_t>(job.positions[row]);
        query.oldest = job.window != 0 && query.position >= job.window ? query.position - job.window + 1 : 0;
        query.newest = query.position;
        if (job.runs != nullptr) {
          const bool beyond = job.window != 0 && last >= query.position + job.window;
          query.newest = beyond ? query.position + job.window - 1 : last;
        }
        ++count;
      }
    }
    const auto sequence = static_cast<uint64_t>(job.sequences[first]);
    attend_sequence<E>(job, job.page_tables + sequence * job.pages_max, kv_head, queries, count, values);
    first = end;
  }
}

void attention(const AttentionJob& job, uint32_t row0, uint32_t row1, uint32_t head0, uint32_t head1,
               float* scratch) {
  switch (job.element) {
    case 0:
      attend_rows<AttentionF32>(job, row0, row1, head0, head1, scratch);
      break;
    case 1:
      attend_rows<AttentionF16>(job, row0, row1, head0, head1, scratch);
      break;
    default:
      attend_rows<AttentionQ8_0>(job, row0, row1, head0, head1, scratch);
      break;
  }
}

}  // namespace

void add_attention(KernelTable& t) { t.attention = attention; }

}  // namespace gantry::cpu::GANTRY_ISA
