// The end of a linear layer whose sum over k was shared out: the nodes of all parts are added in the order of
// the layer's tree. It reads each number once and does one addition with it, so memory is what it waits for,
// and there is nothing here for an instruction set of its own.
#include <algorithm>
#include <cstring>

#include "backends/cpu/cpu_stream.h"
#include "backends/cpu/operands.h"

namespace gantry::cpu {
namespace {

using device::FinishLinearArgs;

constexpr uint32_t kChunk = 256;  // outputs whose waiting nodes stay in a core's first cache

// Where the bias of a row begins.
const float* bias_of(const FinishLinearArgs& args, uint32_t row) {
  if (!args.bias) return nullptr;
  const float* first = array_of<float>(args.bias);
  if (args.experts == 0) return first;
  const int32_t* starts = array_of<int32_t>(args.starts);
  const auto* after = std::upper_bound(starts, starts + args.experts, static_cast<int32_t>(row));
  return first + static_cast<uint64_t>(after - starts - 1) * args.out.cols;
}

void add(const float* from, uint32_t count, float* to) {
  for (uint32_t i = 0; i < count; ++i) to[i] += from[i];
}

// Outputs [first, first + count) of a row.
void finish(const FinishLinearArgs& args, const device::SectionTree& tree, uint32_t row, uint32_t first,
            uint32_t count) {
  float waiting[device::kSectionStack][kChunk];
  uint32_t top = 0;  // of those that wait
  const float* node = row_of(args.nodes, row) + first;
  for (uint32_t i = 0; i < args.ranges.count; ++i, node += args.out.cols, ++top) {
    std::memcpy(waiting[top], node, count * sizeof(float));
    for (uint32_t joins = tree.joins[i]; joins > 0; --joins, --top)
      add(waiting[top], count, waiting[top - 1]);
  }
  float* total = waiting[0];
  if (const float* bias = bias_of(args, row)) add(bias + first, count, total);
  float* out = row_of(args.out, row) + first;
  if (args.accumulate)
    add(total, count, out);
  else
    std::memcpy(out, total, count * sizeof(float));
}

}  // namespace

void CpuStream::finish_linear(const FinishLinearArgs& args) {
  const uint32_t rows = args.out.rows, cols = args.out.cols;
  check_mat(args.nodes);
  check_mat(args.out);
  GANTRY_CHECK_EQ(args.nodes.rows, rows);
  GANTRY_CHECK_EQ(args.nodes.cols, uint64_t{args.ranges.count} * cols);
  if (args.bias) check_bytes(args.bias, uint64_t{std::max(1u, args.experts)} * cols * sizeof(float));
  if (args.experts != 0) check_bytes(args.starts, (uint64_t{args.experts} + 1) * sizeof(int32_t));
  const device::SectionTree tree = device::add_sections(args.sections, args.ranges);
  GANTRY_CHECK_EQ(tree.nodes.count, 1u);
  GANTRY_CHECK(tree.nodes.range[0].first == 0 && tree.nodes.range[0].end == args.sections);
  for_rows(rows, args.nodes.cols, [&](uint32_t row) {
    for (uint32_t first = 0; first < cols; first += kChunk)
      finish(args, tree, row, first, std::min(kChunk, cols - first));
  });
}

}  // namespace gantry::cpu
