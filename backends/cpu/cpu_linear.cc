// Linear layers of one input: one pass lays the input out for every way in which their weights want it, one
// pass goes over the tiles of all of them.
#include <algorithm>
#include <optional>

#include "backends/cpu/cpu_device.h"
#include "backends/cpu/cpu_stream.h"
#include "backends/cpu/linear_cut.h"
#include "backends/cpu/operands.h"
#include "backends/cpu/pack.h"

namespace gantry::cpu {
namespace {

using device::LinearArgs;
using device::LinearOutput;

// One output, and which of the call's tasks are its own.
struct Layer {
  LinearJob job;
  std::optional<SumOrder> order;
  PackFacts type;
  void (*function)(const LinearJob& job, const TokenGroup& group, uint32_t tile0, uint32_t tile1);
  bool first_of_its_way;  // its input has to be laid out; else an earlier layer's serves it too
  LinearCut cut;
  uint32_t task0;
};

// All layers of a call.
struct Layers {
  Layer of[device::kLinearOutputsMax];
  uint32_t count, ways, groups, tasks;

  const Layer& of_task(uint32_t task) const {
    uint32_t i = count - 1;
    while (of[i].task0 > task) --i;
    return of[i];
  }
  const Layer& of_way(uint32_t way) const {
    uint32_t i = 0;
    for (;; ++i) {
      if (of[i].first_of_its_way && way-- == 0) return of[i];
    }
  }
};

void check_output(const LinearArgs& args, const LinearOutput& output, uint32_t nodes) {
  const device::WeightShape& shape = output.weight.shape;
  check_mat(output.out);
  GANTRY_CHECK_EQ(args.x.cols, shape.cols);
  GANTRY_CHECK_EQ(output.out.cols, uint64_t{nodes} * shape.rows);
  GANTRY_CHECK(!shape.is_part() || (!output.bias && !output.accumulate));
  GANTRY_CHECK_EQ(output.out.rows, args.x.rows);
  if (output.bias) check_bytes(output.bias, uint64_t{shape.rows} * sizeof(float));
  check_bytes(output.weight.buffer, tile_count(shape.rows) * tile_bytes(shape.dtype, shape.cols));
}

LinearJob job_of(const LinearArgs& args, const LinearOutput& output) {
  const device::WeightShape& shape = output.weight.shape;
  LinearJob job{};
  job.weight = data_of(output.weight.buffer);
  job.tile_bytes = tile_bytes(shape.dtype, shape.cols);
  job.rows = shape.rows;
  job.cols = shape.cols;
  job.x = row_of(args.x, 0);
  job.x_stride = args.x.stride;
  job.tokens = args.x.rows;
  job.bias = output.bias ? array_of<float>(output.bias) : nullptr;
  job.accumulate = output.accumulate;
  job.out = row_of(output.out, 0);
  job.out_stride = output.out.stride;
  return job;
}

// The places of the laid out inputs, one for each way.
void place_inputs(const LinearArgs& args, Layers& layers) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < layers.count; ++i) {
    Layer& layer = layers.of[i];
    const Layer* earlier =
        std::find_if(layers.of, layers.of + i, [&](const Layer& l) { return l.type == layer.type; });
    layer.first_of_its_way = earlier == layers.of + i;
    if (!layer.first_of_its_way) {
      layer.job.xq = earlier->job.xq;
      continue;
    }
    const uint64_t its = grouped_bytes(layer.job.tokens, layer.job.cols, layer.type.quantized);
    check_bytes(args.scratch, bytes + its);
    layer.job.xq = args.scratch ? data_of(args.scratch) + bytes : nullptr;
    bytes += its;
    ++layers.ways;
  }
}

// Tasks as each layer's share of the bytes says.
void cut(Layers& layers, uint32_t threads) {
  uint64_t total = 0;
  const auto bytes = [](const Layer& layer) { return tile_count(layer.job.rows) * layer.job.tile_bytes; };
  for (uint32_t i = 0; i < layers.count; ++i) total += bytes(layers.of[i]);
  for (uint32_t i = 0; i < layers.count; ++i) {
    Layer& layer = layers.of[i];
    const auto share = static_cast<uint32_t>((threads * bytes(layer) + total - 1) / total);
    layer.cut = cut_linear(layer.job.rows, layer.job.tile_bytes, layer.job.tokens, share);
    layer.task0 = layers.tasks;
    layers.tasks += layer.cut.tasks();
  }
}

TokenGroup group_of(const Layer& layer, uint32_t group) {
  return token_group(layer.job.tokens, layer.job.cols, layer.type.quantized, group);
}

}  // namespace

void CpuStream::linear(const LinearArgs& args) {
  check_mat(args.x);
  GANTRY_CHECK(args.outs.size() != 0);
  Layers layers{};
  for (const LinearOutput& output : args.outs) {
    Layer& layer = layers.of[layers.count++];
    const SumOrder& order = layer.order.emplace(output.weight.shape);
    check_output(args, output, order.nodes());
    layer.job = job_of(args, output);
    order.give_to(layer.job);
    layer.type = pack_facts(output.weight.shape.dtype);
    layer.function = device_.kernels().linear[static_cast<uint32_t>(output.weight.shape.dtype)];
  }
  if (args.x.rows == 0) return;
  layers.groups = group_count(args.x.rows);
  place_inputs(args, layers);
  cut(layers, device_.pool().threads());

  const KernelTable& kernels = device_.kernels();
  device_.pool().parallel_for(layers.ways * layers.groups, [&](uint32_t number, uint32_t) {
    const Layer& layer = layers.of_way(number / layers.groups);
    const TokenGroup group = group_of(layer, number % layers.groups);
    if (layer.type.quantized)
      kernels.quantize_group(layer.job, group, layer.type.sums, layer.type.zero);
    else if (group.width > 1)
      kernels.pack_group(layer.job, group);
  });
  device_.pool().parallel_for(layers.tasks, [&](uint32_t number, uint32_t) {
    const Layer& layer = layers.of_task(number);
    const LinearTask task = task_of(layer.cut, number - layer.task0);
    for (uint32_t g = task.group0; g < task.group1; ++g)
      layer.function(layer.job, group_of(layer, g), task.tile0, task.tile1);
  });
}

}  // namespace gantry::cpu
