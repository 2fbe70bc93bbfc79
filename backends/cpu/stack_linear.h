// Linear layers of a stack of matrices, each for tokens of its own: one pass that reads every matrix in use
// once. The arithmetic of an output is that of a linear layer (kernels/linear.h does it). Allocates nothing.
#pragma once

#include <cstdint>

#include "backends/cpu/kernels/kernels.h"
#include "backends/cpu/linear_cut.h"
#include "os/thread_pool.h"
#include "quant/dtype.h"

namespace gantry::cpu {

// One matrix and its tokens: rows [first, first + tokens) of x and out as they are numbered there.
struct StackPart {
  const uint8_t* weight;
  const float* bias;  // or null
  const float* x;
  float* out;
  uint32_t first, tokens;  // tokens > 0
  // Set by run_stack.
  uint32_t group0, task0;
  LinearCut cut;
};

// Where the work is planned: lists of the parts and of all their token groups, then the groups themselves.
struct StackScratch {
  StackPart* parts;    // [min(count, tokens)]
  TokenGroup* groups;  // [tokens]
  uint8_t* xq;
};
// Bytes for `count` matrices and `tokens` tokens of all of them together, however they are shared out.
uint64_t stack_scratch_bytes(quant::Dtype dtype, uint32_t cols, uint32_t count, uint64_t tokens);
StackScratch stack_scratch(uint8_t* at, uint32_t count, uint64_t tokens);

// `job` holds what all parts share: shape, strides, x_rows, xq.
void run_stack(const LinearJob& job, quant::Dtype dtype, const StackScratch& scratch, uint32_t parts,
               const KernelTable& kernels, os::ThreadPool& pool);

}  // namespace gantry::cpu
