// The operations of a stream over device memory, each once: its number, the stream's call, its operands and
// its name in words. Streams declare their calls from this list; a device is asked about them by number.
#pragma once

#include <cstdint>

namespace gantry::device {

#define GANTRY_DEVICE_OPERATIONS(X)                                             \
  X(kEmbed, embed, EmbedArgs, "embeddings")                                     \
  X(kNorm, norm, NormArgs, "norms")                                             \
  X(kLinear, linear, LinearArgs, "linear layers")                               \
  X(kFinishLinear, finish_linear, FinishLinearArgs, "sums of several ranks")    \
  X(kRopeTable, rope_table, RopeTableArgs, "tables of rotations")               \
  X(kRope, rope, RopeArgs, "rotations")                                         \
  X(kKvWrite, kv_write, KvWriteArgs, "keys and values")                         \
  X(kAttention, attention, AttentionArgs, "attention")                          \
  X(kGlu, glu, GluArgs, "gated activations")                                    \
  X(kActivate, activate, ActivateArgs, "activations")                           \
  X(kAdd, add, AddArgs, "sums")                                                 \
  X(kScale, scale, ScaleArgs, "scaling")                                        \
  X(kTemper, temper, TemperArgs, "scaling by position")                         \
  X(kGatherRows, gather_rows, GatherRowsArgs, "gathering of rows")              \
  X(kShortConv, short_conv, ShortConvArgs, "short convolutions")                \
  X(kSelectiveScan, selective_scan, SelectiveScanArgs, "selective scans")       \
  X(kGatedDelta, gated_delta, GatedDeltaArgs, "gated delta rules")              \
  X(kL2Norm, l2_norm, L2NormArgs, "norms of length")                            \
  X(kGate, gate, GateArgs, "gates")                                             \
  X(kCopyMat, copy_mat, CopyMatArgs, "copies of matrices")                      \
  X(kRoute, route, RouteArgs, "routing to experts")                             \
  X(kExpertLinear, expert_linear, ExpertLinearArgs, "linear layers of experts") \
  X(kCombine, combine, CombineArgs, "sums over experts")                        \
  X(kHeadLinear, head_linear, HeadLinearArgs, "linear layers of heads")         \
  X(kExportPage, export_page, ExportPageArgs, "pages on their way out")         \
  X(kImportPage, import_page, ImportPageArgs, "pages on their way in")

enum class Operation : uint8_t {
#define GANTRY_OPERATION(number, call, Args, words) number,
  GANTRY_DEVICE_OPERATIONS(GANTRY_OPERATION)
#undef GANTRY_OPERATION
};

const char* name_of(Operation operation);

}  // namespace gantry::device
