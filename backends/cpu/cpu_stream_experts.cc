// The operations over stacks of matrices (device/expert_ops.h).
#include <cstring>

#include "backends/cpu/cpu_stream.h"
#include "backends/cpu/operands.h"
#include "backends/cpu/route.h"
#include "backends/cpu/stack_linear.h"

namespace gantry::cpu {
namespace {

void check_assignment(const device::Assignment& who) {
  const uint64_t pairs = uint64_t{who.rows} * who.used;
  check_bytes(who.starts, (uint64_t{who.experts} + 1) * sizeof(int32_t));
  check_bytes(who.source, pairs * sizeof(int32_t));
  check_bytes(who.place, pairs * sizeof(int32_t));
  check_bytes(who.weights, pairs * sizeof(float));
}

LinearJob job_of(const device::WeightStack& stack, const SumOrder& order) {
  check_bytes(stack.buffer, stack.count * stack.stride);
  LinearJob job{};
  job.tile_bytes = tile_bytes(stack.shape.dtype, stack.shape.cols);
  job.rows = stack.shape.rows;
  job.cols = stack.shape.cols;
  order.give_to(job);
  return job;
}

}  // namespace

void CpuStream::copy_mat(const device::CopyMatArgs& args) {
  check_mat(args.from);
  check_mat(args.to);
  GANTRY_CHECK(args.from.rows == args.to.rows && args.from.cols == args.to.cols);
  for_rows(args.to.rows, args.to.cols, [&](uint32_t row) {
    std::memcpy(row_of(args.to, row), row_of(args.from, row), uint64_t{args.to.cols} * sizeof(float));
  });
}

void CpuStream::route(const device::RouteArgs& args) {
  const device::Routing& rule = args.rule;
  const device::Assignment& out = args.out;
  check_mat(args.scores);
  check_assignment(out);
  GANTRY_CHECK(rule.experts <= device::kExpertsMax && rule.used <= rule.experts && rule.used > 0);
  GANTRY_CHECK(rule.groups > 0 && rule.experts % rule.groups == 0 && rule.groups_used <= rule.groups);
  GANTRY_CHECK(args.scores.cols == rule.experts && out.experts == rule.experts && out.used == rule.used);
  GANTRY_CHECK_EQ(out.rows, args.scores.rows);
  if (args.selection_bias) check_bytes(args.selection_bias, uint64_t{rule.experts} * sizeof(float));
  const float* bias = args.selection_bias ? array_of<float>(args.selection_bias) : nullptr;
  auto* place = writable<int32_t>(out.place);
  auto* weights = writable<float>(out.weights);
  for_rows(out.rows, uint64_t{rule.experts} * (rule.used + 8), [&](uint32_t row) {
    const uint64_t at = uint64_t{row} * rule.used;
    route_row(rule, device_.kernels(), row_of(args.scores, row), bias, place + at, weights + at);
  });
  assign(rule.experts, rule.used, out.rows, place, writable<int32_t>(out.starts),
         writable<int32_t>(out.source), place);
}

void CpuStream::expert_linear(const device::ExpertLinearArgs& args) {
  const device::Assignment& who = args.who;
  const device::WeightStack& stack = args.weight;
  const uint32_t pairs = who.rows * who.used;
  check_assignment(who);
  check_mat(args.x);
  check_mat(args.out);
  GANTRY_CHECK_EQ(stack.count, who.experts);
  GANTRY_CHECK_EQ(args.x.rows, args.by_place ? pairs : who.rows);
  GANTRY_CHECK_EQ(args.x.cols, stack.shape.cols);
  const SumOrder order(stack.shape);
  GANTRY_CHECK(args.out.rows == pairs && args.out.cols == uint64_t{order.nodes()} * stack.shape.rows);
  GANTRY_CHECK(!stack.shape.is_part() || !args.bias);
  if (args.bias) check_bytes(args.bias, uint64_t{stack.count} * stack.shape.rows * sizeof(float));
  check_bytes(args.scratch, stack_scratch_bytes(stack.shape.dtype, stack.shape.cols, stack.count, pairs));
  if (pairs == 0) return;
  LinearJob job = job_of(stack, order);
  job.x_stride = args.x.stride;
  job.x_rows = args.by_place ? nullptr : array_of<int32_t>(who.source);
  job.out_stride = args.out.stride;
  const StackScratch scratch = stack_scratch(data_of(args.scratch), stack.count, pairs);
  job.xq = scratch.xq;
  const auto* starts = array_of<int32_t>(who.starts);
  uint32_t parts = 0;
  for (uint32_t expert = 0; expert < stack.count; ++expert) {
    const auto first = static_cast<uint32_t>(starts[expert]), end = static_cast<uint32_t>(starts[expert + 1]);
    if (first == end) continue;
    StackPart& part = scratch.parts[parts++];
    part.weight = data_of(stack.buffer) + expert * stack.stride;
    part.bias = args.bias ? array_of<float>(args.bias) + uint64_t{expert} * stack.shape.rows : nullptr;
    part.x = row_of(args.x, 0);
    part.out = row_of(args.out, 0);
    part.first = first;
    part.tokens = end - first;
  }
  run_stack(job, stack.shape.dtype, scratch, parts, device_.kernels(), device_.pool());
}

void CpuStream::head_linear(const device::HeadLinearArgs& args) {
  const device::WeightStack& stack = args.weight;
  const uint32_t rows = args.x.rows;
  check_mat(args.x);
  check_mat(args.out);
  GANTRY_CHECK_EQ(args.out.rows, rows);
  GANTRY_CHECK(stack.count > 0 && args.out_step >= stack.shape.rows && !stack.shape.is_part());
  GANTRY_CHECK_LE(uint64_t{stack.count - 1} * args.x_step + stack.shape.cols, args.x.cols);
  GANTRY_CHECK_LE(uint64_t{stack.count - 1} * args.out_step + stack.shape.rows, args.out.cols);
  const uint64_t tokens = uint64_t{rows} * stack.count;
  check_bytes(args.scratch, stack_scratch_bytes(stack.shape.dtype, stack.shape.cols, stack.count, tokens));
  if (rows == 0) return;
  const SumOrder order(stack.shape);
  LinearJob job = job_of(stack, order);
  job.x_stride = args.x.stride;
  job.out_stride = args.out.stride;
  const StackScratch scratch = stack_scratch(data_of(args.scratch), stack.count, tokens);
  job.xq = scratch.xq;
  for (uint32_t head = 0; head < stack.count; ++head) {
    StackPart& part = scratch.parts[head];
    part.weight = data_of(stack.buffer) + head * stack.stride;
    part.bias = nullptr;
    part.x = row_of(args.x, 0) + uint64_t{head} * args.x_step;
    part.out = row_of(args.out, 0) + uint64_t{head} * args.out_step;
    part.first = 0;
    part.tokens = rows;
  }
  run_stack(job, stack.shape.dtype, scratch, stack.count, device_.kernels(), device_.pool());
}

void CpuStream::combine(const device::CombineArgs& args) {
  const device::Assignment& who = args.who;
  check_assignment(who);
  check_mat(args.y);
  check_mat(args.out);
  GANTRY_CHECK_EQ(args.y.rows, who.rows * who.used);
  GANTRY_CHECK(args.out.rows == who.rows && args.out.cols == args.y.cols);
  if (who.rows == 0) return;
  const auto* place = array_of<int32_t>(who.place);
  const auto* weights = array_of<float>(who.weights);
  for_rows(who.rows, uint64_t{args.out.cols} * who.used, [&](uint32_t row) {
    const uint64_t at = uint64_t{row} * who.used;
    device_.kernels().combine(row_of(args.y, 0), args.y.stride, place + at, weights + at, who.used,
                              args.out.cols, args.accumulate, row_of(args.out, row));
  });
}

}  // namespace gantry::cpu
