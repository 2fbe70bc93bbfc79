#include "backends/cpu/stack_linear.h"

#include <algorithm>

#include "backends/cpu/cpu_sizer.h"
#include "backends/cpu/pack.h"
#include "base/bytes.h"

namespace gantry::cpu {
namespace {

uint64_t parts_bytes(uint32_t count, uint64_t tokens) {
  return align_up(std::min<uint64_t>(count, tokens) * sizeof(StackPart), kLine);
}
uint64_t groups_bytes(uint64_t tokens) { return align_up(tokens * sizeof(TokenGroup), kLine); }

// The most that a token takes in groups, whatever the number of its neighbours: full groups repeat, so the
// numbers up to one full group say it all.
uint64_t group_bytes_per_token(uint32_t cols, bool quantized) {
  uint64_t most = 0;
  for (uint32_t tokens = 1; tokens <= kGroupTokens; ++tokens)
    most = std::max(most, (grouped_bytes(tokens, cols, quantized) + tokens - 1) / tokens);
  return most;
}

// Fills what run_stack sets; the number of groups and tasks of all parts.
struct Totals {
  uint32_t groups, tasks;
};
Totals plan_parts(const LinearJob& job, bool quantized, const StackScratch& scratch, uint32_t parts,
                  uint32_t threads) {
  uint64_t tokens = 0, x_offset = 0;
  for (uint32_t i = 0; i < parts; ++i) tokens += scratch.parts[i].tokens;
  Totals totals{};
  for (uint32_t i = 0; i < parts; ++i) {
    StackPart& part = scratch.parts[i];
    // Threads as the part's share of the work says, rounded up.
    const auto share = static_cast<uint32_t>((uint64_t{threads} * part.tokens + tokens - 1) / tokens);
    part.cut = cut_linear(job.rows, job.tile_bytes, part.tokens, share);
    part.group0 = totals.groups;
    part.task0 = totals.tasks;
    for (uint32_t g = 0; g < part.cut.groups; ++g) {
      TokenGroup group = token_group(part.tokens, job.cols, quantized, g);
      group.first += part.first;
      group.x_offset += x_offset;
      scratch.groups[totals.groups++] = group;
    }
    x_offset += grouped_bytes(part.tokens, job.cols, quantized);
    totals.tasks += part.cut.tasks();
  }
  return totals;
}

LinearJob job_of(const LinearJob& job, const StackPart& part) {
  LinearJob out = job;
  out.weight = part.weight;
  out.bias = part.bias;
  out.x = part.x;
  out.out = part.out;
  return out;
}

}  // namespace

uint64_t stack_scratch_bytes(quant::Dtype dtype, uint32_t cols, uint32_t count, uint64_t tokens) {
  return parts_bytes(count, tokens) + groups_bytes(tokens) +
         align_up(tokens * group_bytes_per_token(cols, pack_facts(dtype).quantized), kLine);
}

StackScratch stack_scratch(uint8_t* at, uint32_t count, uint64_t tokens) {
  uint8_t* groups = at + parts_bytes(count, tokens);
  return {reinterpret_cast<StackPart*>(at), reinterpret_cast<TokenGroup*>(groups),
          groups + groups_bytes(tokens)};
}

void run_stack(const LinearJob& job, quant::Dtype dtype, const StackScratch& scratch, uint32_t parts,
               const KernelTable& kernels, os::ThreadPool& pool) {
  const PackFacts type = pack_facts(dtype);
  const Totals totals = plan_parts(job, type.quantized, scratch, parts, pool.threads());
  const auto part_of = [&](uint32_t number, uint32_t StackPart::*first) -> const StackPart& {
    const StackPart* begin = scratch.parts;
    return *(std::upper_bound(begin, begin + parts, number,
                              [&](uint32_t n, const StackPart& part) { return n < part.*first; }) -
             1);
  };
  pool.parallel_for(totals.groups, [&](uint32_t g, uint32_t) {
    const TokenGroup& group = scratch.groups[g];
    const LinearJob its = job_of(job, part_of(g, &StackPart::group0));
    if (type.quantized)
      kernels.quantize_group(its, group, type.sums, type.zero);
    else if (group.width > 1)
      kernels.pack_group(its, group);
  });
  const auto function = kernels.linear[static_cast<uint32_t>(dtype)];
  pool.parallel_for(totals.tasks, [&](uint32_t number, uint32_t) {
    const StackPart& part = part_of(number, &StackPart::task0);
    const LinearJob its = job_of(job, part);
    const LinearTask task = task_of(part.cut, number - part.task0);
    for (uint32_t g = task.group0; g < task.group1; ++g)
      function(its, scratch.groups[part.group0 + g], task.tile0, task.tile1);
  });
}

}  // namespace gantry::cpu
