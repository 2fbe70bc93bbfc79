#include "backends/cpu/cpu_stream.h"

#include <algorithm>
#include <cstring>

#include "backends/cpu/cpu_device.h"
#include "backends/cpu/cpu_sizer.h"
#include "backends/cpu/kv_pages.h"
#include "backends/cpu/operands.h"
#include "backends/cpu/pack.h"
#include "base/check.h"
#include "base/fmath.h"
#include "base/ids.h"

namespace gantry::cpu {
using device::Buffer;
using device::Mat;
static_assert(kActivationKinds == device::kActivations);

void CpuStream::write(const Buffer& to, std::span<const std::byte> from) {
  check_bytes(to, from.size());
  if (!from.empty()) std::memcpy(data_of(to), from.data(), from.size());
}

void CpuStream::read(std::span<std::byte> to, const Buffer& from) {
  check_bytes(from, to.size());
  if (!to.empty()) std::memcpy(to.data(), data_of(from), to.size());
}

void CpuStream::copy(const Buffer& to, const Buffer& from) {
  check_bytes(to, from.bytes);
  if (from.bytes != 0) std::memcpy(data_of(to), data_of(from), from.bytes);
}

void CpuStream::fill(const Buffer& to, std::byte value) {
  if (to.bytes != 0) std::memset(data_of(to), std::to_integer<int>(value), to.bytes);
}

void CpuStream::upload_weight(const device::Weight& weight, uint32_t first_row,
                              std::span<const std::byte> rows) {
  static_assert(device::kUploadRows % kTileRows == 0);
  const device::WeightShape& whole = weight.shape;
  const auto count = static_cast<uint32_t>(rows.size() / quant::row_bytes(whole.dtype, whole.cols));
  const device::WeightShape slab{whole.dtype, count, whole.cols};
  GANTRY_CHECK_EQ(first_row % device::kUploadRows, 0u);
  GANTRY_CHECK_LE(uint64_t{first_row} + count, uint64_t{whole.rows});
  GANTRY_CHECK(count % device::kUploadRows == 0 || first_row + count == whole.rows);
  const uint64_t bytes = tile_bytes(whole.dtype, whole.cols);
  check_bytes(weight.buffer, tile_count(whole.rows) * bytes);
  uint8_t* to = data_of(weight.buffer) + first_row / kTileRows * bytes;
  device_.pool().parallel_for(
      tile_count(count), [&](uint32_t tile, uint32_t) { pack_tile(slab, rows, tile, to + tile * bytes); });
}

void CpuStream::embed(const device::EmbedArgs& args) {
  check_mat(args.out);
  GANTRY_CHECK_EQ(args.out.cols, args.table.shape.cols);
  check_bytes(args.tokens, uint64_t{args.out.rows} * sizeof(int32_t));
  const int32_t* tokens = array_of<int32_t>(args.tokens);
  const uint8_t* packed = data_of(args.table.buffer);
  for_rows(args.out.rows, uint64_t{args.out.cols} * 8, [&](uint32_t row) {
    decode_packed_row(args.table.shape, packed, static_cast<uint32_t>(tokens[row]), args.scale,
                      row_of(args.out, row));
  });
}

void CpuStream::norm(const device::NormArgs& args) {
  check_mat(args.x);
  check_mat(args.out);
  GANTRY_CHECK_EQ(args.x.rows, args.out.rows);
  GANTRY_CHECK_EQ(args.x.cols, args.out.cols);
  const uint64_t weight_bytes = uint64_t{args.weight_rows} * args.x.cols * sizeof(float);
  if (args.weight) check_bytes(args.weight, weight_bytes);
  if (args.bias) check_bytes(args.bias, weight_bytes);
  const float* weight = args.weight ? array_of<float>(args.weight) : nullptr;
  const float* bias = args.bias ? array_of<float>(args.bias) : nullptr;
  const auto function =
      args.kind == device::NormKind::kRms ? device_.kernels().rms_norm : device_.kernels().layer_norm;
  for_rows(args.x.rows, args.x.cols, [&](uint32_t row) {
    const uint64_t at = uint64_t{row % args.weight_rows} * args.x.cols;
    function(row_of(args.x, row),
             {weight != nullptr ? weight + at : nullptr, bias != nullptr ? bias + at : nullptr, args.eps,
              args.x.cols},
             row_of(args.out, row));
  });
}

void CpuStream::rope_table(const device::RopeTableArgs& args) {
  check_mat(args.table);
  const uint32_t pairs = args.table.cols / 2;
  check_bytes(args.positions, uint64_t{args.table.rows} * sizeof(int32_t));
  check_bytes(args.frequencies, uint64_t{pairs} * sizeof(double));
  const int32_t* positions = array_of<int32_t>(args.positions);
  const double* frequencies = array_of<double>(args.frequencies);
  for_rows(args.table.rows, uint64_t{pairs} * 64, [&](uint32_t row) {
    float* out = row_of(args.table, row);
    for (uint32_t i = 0; i < pairs; ++i) {
      const SinCos turn = sincos_f64(static_cast<double>(positions[row]) * frequencies[i]);
      out[i] = static_cast<float>(turn.cos * static_cast<double>(args.scale));
      out[pairs + i] = static_cast<float>(turn.sin * static_cast<double>(args.scale));
    }
  });
}

void CpuStream::rope(const device::RopeArgs& args) {
  check_mat(args.x);
  check_mat(args.table);
  GANTRY_CHECK_EQ(args.x.cols, args.heads * args.head_dim);
  GANTRY_CHECK_EQ(args.x.rows, args.table.rows);
  GANTRY_CHECK_LE(uint64_t{args.first} + args.table.cols, args.head_dim);
  const bool neox = args.order == device::RopeOrder::kNeox;
  for_rows(args.x.rows, args.x.cols, [&](uint32_t row) {
    device_.kernels().rope(row_of(args.x, row) + args.first, args.heads, args.head_dim,
                           row_of(args.table, row), args.table.cols / 2, neox);
  });
}

void CpuStream::kv_write(const device::KvWriteArgs& args) {
  const device::KvShape& shape = args.pages.shape;
  check_mat(args.k);
  GANTRY_CHECK_EQ(args.k.cols, shape.kv_heads * shape.key_dim);
  if (!shape.value_in_key) {
    check_mat(args.v);
    GANTRY_CHECK_EQ(args.v.cols, shape.kv_heads * shape.value_dim);
  }
  check_rows(args.rows);
  GANTRY_CHECK_EQ(args.k.rows, args.rows.count);
  const KvLayout layout = kv_layout(shape);
  const int32_t* positions = array_of<int32_t>(args.rows.positions);
  const int32_t* sequences = array_of<int32_t>(args.rows.sequences);
  const uint32_t* tables = array_of<uint32_t>(args.rows.page_tables);
  uint8_t* pages = data_of(args.pages.buffer);
  for_rows(args.rows.count, uint64_t{args.k.cols + args.v.cols} * 4, [&](uint32_t row) {
    if (sequences[row] < 0) return;
    const auto position = static_cast<uint32_t>(positions[row]);
    const auto sequence = static_cast<uint64_t>(sequences[row]);
    const uint32_t page = tables[sequence * args.rows.pages_max + position / kPageTokens];
    GANTRY_CHECK_LE((uint64_t{page} + 1) * layout.page_bytes, args.pages.buffer.bytes);
    write_kv_row(shape, layout, pages + page * layout.page_bytes, position % kPageTokens, row_of(args.k, row),
                 shape.value_in_key ? nullptr : row_of(args.v, row));
  });
}

void CpuStream::attention(const device::AttentionArgs& args) {
  const device::KvShape& shape = args.pages.shape;
  check_mat(args.q);
  check_mat(args.out);
  GANTRY_CHECK_EQ(args.q.cols, args.heads * shape.key_dim);
  GANTRY_CHECK_EQ(args.out.cols, args.heads * shape.value_dim);
  GANTRY_CHECK_EQ(args.heads % shape.kv_heads, 0u);
  check_rows(args.rows);
  GANTRY_CHECK(args.q.rows == args.rows.count && args.out.rows == args.rows.count);
  if (args.rows.count == 0) return;
  AttentionJob job{};
  job.pages = data_of(args.pages.buffer);
  job.layout = kv_layout(shape);
  job.element = shape.dtype == quant::Dtype::kF32 ? 0 : shape.dtype == quant::Dtype::kF16 ? 1 : 2;
  job.positions = array_of<int32_t>(args.rows.positions);
  job.sequences = array_of<int32_t>(args.rows.sequences);
  job.runs = args.causal ? nullptr : array_of<device::Run>(args.rows.runs);
  job.run_count = static_cast<uint32_t>(args.rows.run_list.size());
  job.page_tables = array_of<uint32_t>(args.rows.page_tables);
  job.pages_max = args.rows.pages_max;
  job.q = row_of(args.q, 0);
  job.q_stride = args.q.stride;
  job.heads = args.heads;
  job.kv_heads = shape.kv_heads;
  job.scale = args.scale;
  job.out = row_of(args.out, 0);
  job.out_stride = args.out.stride;
  job.cap = args.cap;
  job.window = args.window;
  if (args.slopes) check_bytes(args.slopes, uint64_t{args.heads} * sizeof(float));
  if (args.sinks) check_bytes(args.sinks, uint64_t{args.heads} * sizeof(float));
  job.slopes = args.slopes ? array_of<float>(args.slopes) : nullptr;
  job.sinks = args.sinks ? array_of<float>(args.sinks) : nullptr;
  const uint64_t floats = attention_scratch_floats(job.layout);
  check_bytes(args.scratch, device_.pool().threads() * floats * sizeof(float));
  auto* scratch = reinterpret_cast<float*>(data_of(args.scratch));

  // A task: some rows and the query heads of one KV head (or some of them, when they are very many).
  const uint32_t group = args.heads / shape.kv_heads;
  const uint32_t task_heads = std::min(group, kAttentionQueries);
  const uint32_t head_parts = (group + task_heads - 1) / task_heads;
  const uint32_t task_rows = kAttentionQueries / task_heads;
  const uint32_t row_parts = (args.rows.count + task_rows - 1) / task_rows;
  const uint32_t columns = shape.kv_heads * head_parts;
  device_.pool().parallel_for(row_parts * columns, [&](uint32_t task, uint32_t worker) {
    // Later rows attend to more: the longest tasks first.
    const uint32_t row0 = (row_parts - 1 - task / columns) * task_rows;
    const uint32_t kv_head = task % columns / head_parts;
    const uint32_t head0 = kv_head * group + task % head_parts * task_heads;
    const uint32_t head1 = std::min((kv_head + 1) * group, head0 + task_heads);
    device_.kernels().attention(job, row0, std::min(args.rows.count, row0 + task_rows), head0, head1,
                                scratch + worker * floats);
  });
}

void CpuStream::glu(const device::GluArgs& args) {
  check_mat(args.gate);
  check_mat(args.up);
  check_mat(args.out);
  GANTRY_CHECK(args.gate.cols == args.out.cols && args.up.cols == args.out.cols);
  GANTRY_CHECK(args.gate.rows == args.out.rows && args.up.rows == args.out.rows);
  const auto function = device_.kernels().glu[static_cast<size_t>(args.activation)];
  for_rows(args.out.rows, uint64_t{args.out.cols} * 2, [&](uint32_t row) {
    function(row_of(args.gate, row), row_of(args.up, row), args.out.cols, row_of(args.out, row));
  });
}

void CpuStream::activate(const device::ActivateArgs& args) {
  check_mat(args.x);
  check_mat(args.out);
  GANTRY_CHECK(args.x.cols == args.out.cols && args.x.rows == args.out.rows);
  const auto function = device_.kernels().activate[static_cast<size_t>(args.activation)];
  for_rows(args.out.rows, uint64_t{args.out.cols} * 2,
           [&](uint32_t row) { function(row_of(args.x, row), args.out.cols, row_of(args.out, row)); });
}

void CpuStream::scale(const device::ScaleArgs& args) {
  check_mat(args.x);
  for_rows(args.x.rows, args.x.cols, [&](uint32_t row) {
    device_.kernels().scale(row_of(args.x, row), args.scale, args.clamp, args.cap, args.x.cols,
                            row_of(args.x, row));
  });
}

void CpuStream::temper(const device::TemperArgs& args) {
  check_mat(args.x);
  check_bytes(args.positions, uint64_t{args.x.rows} * sizeof(int32_t));
  const int32_t* positions = array_of<int32_t>(args.positions);
  for_rows(args.x.rows, args.x.cols, [&](uint32_t row) {
    const uint32_t floors = (static_cast<uint32_t>(positions[row]) + args.offset) / args.floor_positions;
    const double factor = 1 + static_cast<double>(args.scale) * log_f64(1.0 + floors);
    device_.kernels().scale(row_of(args.x, row), static_cast<float>(factor), 0, 0, args.x.cols,
                            row_of(args.x, row));
  });
}

void CpuStream::add(const device::AddArgs& args) {
  check_mat(args.x);
  check_mat(args.y);
  check_mat(args.out);
  GANTRY_CHECK(args.x.cols == args.out.cols && args.y.cols == args.out.cols);
  GANTRY_CHECK(args.x.rows == args.out.rows && args.y.rows == args.out.rows);
  for_rows(args.out.rows, args.out.cols, [&](uint32_t row) {
    device_.kernels().add(row_of(args.x, row), row_of(args.y, row), args.scale, args.out.cols,
                          row_of(args.out, row));
  });
}

void CpuStream::gather_rows(const device::GatherRowsArgs& args) {
  check_mat(args.x);
  check_mat(args.out);
  GANTRY_CHECK_EQ(args.x.cols, args.out.cols);
  check_bytes(args.indices, uint64_t{args.out.rows} * sizeof(int32_t));
  const int32_t* indices = array_of<int32_t>(args.indices);
  for_rows(args.out.rows, args.out.cols, [&](uint32_t row) {
    GANTRY_CHECK_LT(static_cast<uint32_t>(indices[row]), args.x.rows);
    std::memcpy(row_of(args.out, row), row_of(args.x, static_cast<uint32_t>(indices[row])),
                uint64_t{args.out.cols} * sizeof(float));
  });
}

}  // namespace gantry::cpu
