// Attention over paged memory. A page is a span: 32 absolute positions, lanes in the scores, in order in the
// sum.
//
// One query and one span (docs/decisions/0002): s[p] = scale * (q . k[p]) by fma over the dims (q8_0: over
// the dims of a block, then the block's sum by fma with its scale); m = the greatest of the valid s, l = the
// sum of e[p] = exp(s[p]
// - m) by the halving tree with 0 for invalid lanes; o[d] = the sum over valid p, in order, by fma of e[p]
// v[p][d] (q8_0: (e[p] * scale of v[p]) times the integer). Spans are joined in order: M' = max(M, m), a =
// exp(M - M'), b = exp(m - M'), L' = fma(l, b, L a), O' = fma(o, b, O a); at the end O * (1 / L). The first
// span stands for itself.

#include "backends/cpu/kernels/exp.h"
#include "backends/cpu/kernels/set.h"
#include "backends/cpu/kernels/unrolled.h"

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

// One query head of one row, and what has been joined of it so far.
struct Query {
  const float* q;
  float* out;
  float*
      weights;  // [kPageTokens] e of the current span; for q8_0 overwritten per block of values by e * scale
  float* sums;  // [value_stride] O
  uint32_t position;
  uint32_t valid;  // positions of the current span, 0..32
  float greatest, total;
  float keep, take;  // a and b of the current join
  bool begun;
};

inline constexpr uint32_t kPositions = 32;

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

// From scores to e, and the factors of the join.
GANTRY_INLINE void softmax(Query& query) {
  const uint32_t n = query.valid, n0 = n < 16 ? n : 16, n1 = n < 16 ? 0 : n - 16;
  const F32 lowest = broadcast(-__builtin_inff()), zero = broadcast(0.0f);
  const F32 s0 = keep_first(load(query.weights), n0, lowest);
  const F32 s1 = keep_first(load(query.weights + 16), n1, lowest);
  const float greatest = reduce_max(max(s0, s1));
  const F32 m = broadcast(greatest);
  const F32 e0 = keep_first(exp(sub(s0, m)), n0, zero), e1 = keep_first(exp(sub(s1, m)), n1, zero);
  store(query.weights, e0);
  store(query.weights + 16, e1);
  const float total = reduce_add(add(e0, e1));
  if (!query.begun) {
    query.greatest = greatest;
    query.total = total;
    return;
  }
  const float joined = query.greatest > greatest ? query.greatest : greatest;
  float factors[16] = {query.greatest - joined, greatest - joined};
  store(factors, exp(load(factors)));
  query.keep = factors[0];
  query.take = factors[1];
  query.total = __builtin_fmaf(total, query.take, query.total * query.keep);
  query.greatest = joined;
}

// Values [16 * chunk, 16 * chunk + 16) of the sums of P queries.
template <typename E, uint32_t P>
GANTRY_INLINE void sum_values(const AttentionJob& job, const uint8_t* head, Query* const* queries,
                              uint32_t chunk) {
  const uint64_t stride = uint64_t{job.layout.value_stride} * E::kBytes;
  const uint8_t* v = head + job.layout.v + 16 * chunk * E::kBytes;
  const uint8_t* v_scale = head + job.layout.v_scales + 16 * chunk / kBlock * (2 * kPositions);
  float scaled[P][kPositions];
  const float* weights[P];
  uint32_t common = kPositions;
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
  });
  F32 sum[P];
  repeated<P>(GANTRY_LAMBDA(i) { sum[i.value] = broadcast(0.0f); });
  for (uint32_t p = 0; p < common; ++p) {
    const F32 values = E::values(v + p * stride);
    repeated<P>(
        GANTRY_LAMBDA(i) { sum[i.value] = fma(broadcast(weights[i.value][p]), values, sum[i.value]); });
  }
  repeated<P>(GANTRY_LAMBDA(i) {
    Query& query = *queries[i.value];
    for (uint32_t p = common; p < query.valid; ++p)
      sum[i.value] = fma(broadcast(weights[i.value][p]), E::values(v + p * stride), sum[i.value]);
    float* joined = query.sums + 16 * chunk;
    if (query.begun)
      sum[i.value] = fma(sum[i.value], broadcast(query.take), mul(load(joined), broadcast(query.keep)));
    store(joined, sum[i.value]);
  });
}

template <typename E, uint32_t P>
void attend_span(const AttentionJob& job, const uint8_t* head, Query* const* queries) {
  scores<E, P>(job, head, queries, 0);
  uint32_t most = 0;
  for (uint32_t i = 0; i < P; ++i) most = queries[i]->valid > most ? queries[i]->valid : most;
  if (most > 16) scores<E, P>(job, head, queries, 1);
  for (uint32_t i = 0; i < P; ++i) softmax(*queries[i]);
  for (uint32_t chunk = 0; chunk < job.layout.value_stride / 16; ++chunk)
    sum_values<E, P>(job, head, queries, chunk);
  for (uint32_t i = 0; i < P; ++i) queries[i]->begun = true;
}

// All spans for queries of one sequence and one KV head.
template <typename E>
void attend_sequence(const AttentionJob& job, const uint32_t* pages, uint32_t kv_head, Query* queries,
                     uint32_t count) {
  uint32_t last = 0;
  for (uint32_t i = 0; i < count; ++i) last = queries[i].position > last ? queries[i].position : last;
  for (uint32_t span = 0; span <= last / kPositions; ++span) {
    const uint8_t* head = job.pages + pages[span] * job.layout.page_bytes + kv_head * job.layout.head_bytes;
    Query* active[kAttentionQueries];
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; ++i) {
      if (queries[i].position < span * kPositions) continue;
      const uint32_t valid = queries[i].position - span * kPositions + 1;
      queries[i].valid = valid < kPositions ? valid : kPositions;
      active[n++] = &queries[i];
    }
    uint32_t i = 0;
    for (; i + kQueriesAtOnce <= n; i += kQueriesAtOnce)
      attend_span<E, kQueriesAtOnce>(job, head, active + i);
    if constexpr (kQueriesAtOnce > 4) {
      for (; i + 4 <= n; i += 4) attend_span<E, 4>(job, head, active + i);
    }
    for (; i + 2 <= n; i += 2) attend_span<E, 2>(job, head, active + i);
    for (; i < n; ++i) attend_span<E, 1>(job, head, active + i);
  }
  for (uint32_t i = 0; i < count; ++i) {
    const F32 inverse = broadcast(1.0f / queries[i].total);
    for (uint32_t d = 0; d < job.layout.value_dim; d += 16) {
      const uint32_t left = job.layout.value_dim - d;
      store_first(queries[i].out + d, mul(load(queries[i].sums + d), inverse), left < 16 ? left : 16);
    }
  }
}

template <typename E>
void attend_rows(const AttentionJob& job, uint32_t row0, uint32_t row1, uint32_t head0, uint32_t head1,
                 float* scratch) {
  const uint32_t kv_head = head0 / (job.heads / job.kv_heads);
  for (uint32_t first = row0; first < row1;) {
    uint32_t end = first + 1;
    while (end < row1 && job.sequences[end] == job.sequences[first]) ++end;
    Query queries[kAttentionQueries];
    uint32_t count = 0;
    for (uint32_t row = first; row < end; ++row) {
      for (uint32_t h = head0; h < head1; ++h) {
        Query& query = queries[count];
        query.q = job.q + row * job.q_stride + uint64_t{h} * job.layout.key_dim;
        query.out = job.out + row * job.out_stride + uint64_t{h} * job.layout.value_dim;
        query.weights = scratch + uint64_t{count} * (kPositions + job.layout.value_stride);
        query.sums = query.weights + kPositions;
        query.position = static_cast<uint32_t>(job.positions[row]);
        query.begun = false;
        ++count;
      }
    }
    const auto sequence = static_cast<uint64_t>(job.sequences[first]);
    attend_sequence<E>(job, job.page_tables + sequence * job.pages_max, kv_head, queries, count);
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
