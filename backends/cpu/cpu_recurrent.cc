// The operations of recurrent layers. A task is a part of one sequence's state; the sequence's rows go
// through it in order.
#include "backends/cpu/cpu_device.h"
#include "backends/cpu/cpu_stream.h"
#include "backends/cpu/operands.h"

namespace gantry::cpu {
namespace {

static_assert(kConvTaps == device::kConvTapsMax);
static_assert(kDeltaKeys == device::kDeltaKeyDimMax);

// The runs and one layer's states, on the host's side of the calls.
class RunsView {
 public:
  RunsView(const device::Rows& rows, const device::StatePart& part, uint64_t floats)
      : runs_(array_of<device::Run>(rows.runs)), states_(array_of<uint32_t>(rows.states)), part_(part) {
    check_rows(rows);
    check_bytes(rows.states, uint64_t{rows.sequence_count} * sizeof(uint32_t));
    GANTRY_CHECK_LE(part.offset + floats * sizeof(float), part.stride);
    for (size_t i = 0; i < rows.run_list.size(); ++i) {
      const device::Run& run = runs_[i];
      if (run.count == 0) continue;
      GANTRY_CHECK(run.first >= 0 && run.count > 0 && run.sequence >= 0);
      GANTRY_CHECK_LE(uint64_t{last(run)}, uint64_t{rows.count});
      GANTRY_CHECK_LT(static_cast<uint32_t>(run.sequence), rows.sequence_count);
      GANTRY_CHECK_LE((uint64_t{states_[run.sequence]} + 1) * part.stride, part.buffer.bytes);
    }
  }
  uint64_t first(uint32_t run) const { return static_cast<uint64_t>(runs_[run].first); }
  uint32_t rows(uint32_t run) const { return static_cast<uint32_t>(runs_[run].count); }
  float* state(uint32_t run) const {
    const uint64_t state = states_[runs_[run].sequence];
    return reinterpret_cast<float*>(data_of(part_.buffer) + state * part_.stride + part_.offset);
  }

 private:
  static uint32_t last(const device::Run& run) { return static_cast<uint32_t>(run.first + run.count); }

  const device::Run* runs_;
  const uint32_t* states_;
  const device::StatePart& part_;
};

uint32_t run_count(const device::Rows& rows) { return static_cast<uint32_t>(rows.run_list.size()); }

void check_shape(const device::Mat& m, uint32_t rows, uint32_t cols) {
  check_mat(m);
  GANTRY_CHECK_EQ(m.rows, rows);
  GANTRY_CHECK_EQ(m.cols, cols);
}

void check_floats(const device::Buffer& buffer, uint64_t count) {
  check_bytes(buffer, count * sizeof(float));
}

}  // namespace

void CpuStream::short_conv(const device::ShortConvArgs& args) {
  const uint32_t channels = args.x.cols;
  check_shape(args.x, args.out.rows, channels);
  check_shape(args.out, args.x.rows, channels);
  GANTRY_CHECK(args.taps >= 1 && args.taps <= kConvTaps);
  check_floats(args.weight, uint64_t{channels} * args.taps);
  if (args.bias) check_floats(args.bias, channels);
  const RunsView runs(args.rows, args.state, uint64_t{args.taps - 1} * channels);
  GANTRY_CHECK_EQ(args.rows.count, args.x.rows);
  const uint32_t parts = (channels + 15) / 16;
  device_.pool().parallel_for(run_count(args.rows) * parts, [&](uint32_t task, uint32_t) {
    const uint32_t run = task / parts;
    if (runs.rows(run) == 0) return;
    ConvJob job{};
    job.rows = runs.rows(run);
    job.channels = channels;
    job.taps = args.taps;
    job.x = row_of(args.x, runs.first(run));
    job.x_stride = args.x.stride;
    job.weight = array_of<float>(args.weight);
    job.bias = args.bias ? array_of<float>(args.bias) : nullptr;
    job.silu = args.silu;
    job.state = runs.state(run);
    job.out = row_of(args.out, runs.first(run));
    job.out_stride = args.out.stride;
    device_.kernels().short_conv(job, task % parts * 16);
  });
}

void CpuStream::selective_scan(const device::SelectiveScanArgs& args) {
  const uint32_t rows = args.x.rows;
  check_shape(args.x, rows, args.heads * args.head_dim);
  check_shape(args.b, rows, args.groups * args.state_dim);
  check_shape(args.c, rows, args.groups * args.state_dim);
  check_shape(args.dt, rows, args.heads);
  check_shape(args.out, rows, args.heads * args.head_dim);
  GANTRY_CHECK_EQ(args.b.stride, args.c.stride);
  GANTRY_CHECK_EQ(args.heads % args.groups, 0u);
  for (const device::Buffer& vector : {args.a, args.d, args.dt_bias}) check_floats(vector, args.heads);
  const uint64_t head_floats = uint64_t{args.head_dim} * args.state_dim;
  const RunsView runs(args.rows, args.state, args.heads * head_floats);
  GANTRY_CHECK_EQ(args.rows.count, rows);
  // A task: some values of one head of one sequence.
  const uint32_t task_values = 16, parts = (args.head_dim + task_values - 1) / task_values;
  const uint32_t columns = args.heads * parts;
  device_.pool().parallel_for(run_count(args.rows) * columns, [&](uint32_t task, uint32_t) {
    const uint32_t run = task / columns, head = task % columns / parts;
    if (runs.rows(run) == 0) return;
    const uint32_t group = head / (args.heads / args.groups);
    const uint64_t first = runs.first(run);
    ScanJob job{};
    job.rows = runs.rows(run);
    job.state_dim = args.state_dim;
    job.x = row_of(args.x, first) + uint64_t{head} * args.head_dim;
    job.x_stride = args.x.stride;
    job.b = row_of(args.b, first) + uint64_t{group} * args.state_dim;
    job.c = row_of(args.c, first) + uint64_t{group} * args.state_dim;
    job.bc_stride = args.b.stride;
    job.dt = row_of(args.dt, first) + head;
    job.dt_stride = args.dt.stride;
    job.a = array_of<float>(args.a)[head];
    job.d = array_of<float>(args.d)[head];
    job.dt_bias = array_of<float>(args.dt_bias)[head];
    job.state = runs.state(run) + head * head_floats;
    job.out = row_of(args.out, first) + uint64_t{head} * args.head_dim;
    job.out_stride = args.out.stride;
    const uint32_t value = task % parts * task_values;
    device_.kernels().selective_scan(job, value, std::min(args.head_dim, value + task_values));
  });
}

void CpuStream::gated_delta(const device::GatedDeltaArgs& args) {
  const uint32_t rows = args.v.rows;
  check_shape(args.q, rows, args.key_heads * args.key_dim);
  check_shape(args.k, rows, args.key_heads * args.key_dim);
  check_shape(args.v, rows, args.value_heads * args.value_dim);
  check_shape(args.alpha, rows, args.value_heads);
  check_shape(args.beta, rows, args.value_heads);
  check_shape(args.out, rows, args.value_heads * args.value_dim);
  GANTRY_CHECK_EQ(args.q.stride, args.k.stride);
  GANTRY_CHECK_LE(args.key_dim, kDeltaKeys);
  for (const device::Buffer& vector : {args.a, args.dt_bias}) check_floats(vector, args.value_heads);
  const uint64_t head_floats = uint64_t{args.key_dim} * args.value_dim;
  const RunsView runs(args.rows, args.state, args.value_heads * head_floats);
  GANTRY_CHECK_EQ(args.rows.count, rows);
  const uint32_t parts = (args.value_dim + 15) / 16, columns = args.value_heads * parts;
  device_.pool().parallel_for(run_count(args.rows) * columns, [&](uint32_t task, uint32_t) {
    const uint32_t run = task / columns, head = task % columns / parts;
    if (runs.rows(run) == 0) return;
    const uint64_t first = runs.first(run), key_at = uint64_t{head % args.key_heads} * args.key_dim;
    DeltaJob job{};
    job.rows = runs.rows(run);
    job.key_dim = args.key_dim;
    job.value_dim = args.value_dim;
    job.q = row_of(args.q, first) + key_at;
    job.k = row_of(args.k, first) + key_at;
    job.qk_stride = args.q.stride;
    job.v = row_of(args.v, first) + uint64_t{head} * args.value_dim;
    job.v_stride = args.v.stride;
    job.alpha = row_of(args.alpha, first) + head;
    job.alpha_stride = args.alpha.stride;
    job.beta = row_of(args.beta, first) + head;
    job.beta_stride = args.beta.stride;
    job.a = array_of<float>(args.a)[head];
    job.dt_bias = array_of<float>(args.dt_bias)[head];
    job.state = runs.state(run) + head * head_floats;
    job.out = row_of(args.out, first) + uint64_t{head} * args.value_dim;
    job.out_stride = args.out.stride;
    device_.kernels().gated_delta(job, task % parts * 16);
  });
}

void CpuStream::l2_norm(const device::L2NormArgs& args) {
  check_shape(args.x, args.out.rows, args.out.cols);
  check_mat(args.out);
  GANTRY_CHECK_EQ(args.x.cols % args.heads, 0u);
  const uint32_t dim = args.x.cols / args.heads;
  for_rows(args.x.rows, args.x.cols, [&](uint32_t row) {
    for (uint32_t at = 0; at < args.x.cols; at += dim)
      device_.kernels().l2_norm(row_of(args.x, row) + at, args.eps, args.scale, dim,
                                row_of(args.out, row) + at);
  });
}

void CpuStream::gate(const device::GateArgs& args) {
  check_shape(args.x, args.out.rows, args.out.cols);
  check_shape(args.gate, args.out.rows, args.out.cols);
  check_mat(args.out);
  const bool smooth = args.kind == device::GateKind::kSigmoid;
  for_rows(args.out.rows, uint64_t{args.out.cols} * (smooth ? 2 : 1), [&](uint32_t row) {
    device_.kernels().gate(row_of(args.x, row), row_of(args.gate, row), smooth, args.out.cols,
                           row_of(args.out, row));
  });
}

}  // namespace gantry::cpu
