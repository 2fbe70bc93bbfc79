// A GGUF model in another quantization: read (a file or the parts of a split), decided tensor by tensor on
// paper, encoded by several threads, written as one file that replaces what stood there only when it is
// whole. The same input, options and build give the same bytes whatever the number of threads. One tensor is
// in memory at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/gguf.h"
#include "library/recipe.h"
#include "quant/dtype.h"

namespace gantry::library {

// "blk.*.ffn_down=q6_k": tensors whose name, with or without ".weight", is what the pattern says ('*': any
// run of characters, '?': any one). Goes before the recipe; the last one that fits wins.
struct TypeOverride {
  std::string pattern;
  quant::Dtype dtype;
};
TypeOverride parse_type_override(std::string_view text);  // Error kUsage
bool matches(std::string_view pattern, std::string_view name);

struct QuantizeProgress {
  std::string_view tensor;     // which is done
  size_t done, count;          // tensors
  uint64_t bytes_done, bytes;  // of the new file's tensors
};

inline constexpr unsigned kQuantizeThreadsMax = 256;

struct QuantizeOptions {
  std::string recipe;  // a name of recipe_table()
  std::vector<TypeOverride> overrides;
  // Making a quantized type from another one adds its error to the first one's: only when it is wanted.
  bool from_quantized = false;
  unsigned threads = 0;  // at most kQuantizeThreadsMax; 0: as many as the machine runs at once
  // On the calling thread, after each tensor; what it throws ends the work, and nothing is written.
  std::function<void(const QuantizeProgress&)> progress;
  // Asked by every thread many times a second, also within a tensor; true ends the work with Error
  // kCancelled, and nothing is written.
  std::function<bool()> stopped = [] { return false; };
};

struct TensorChange {
  std::string name;
  std::vector<uint64_t> shape;
  quant::Dtype from, to;
  quant::Dtype wanted;  // not `to` where its rows are not whole blocks of it
  uint64_t bytes_before, bytes_after;
};

struct QuantizePlan {
  const Recipe* recipe;
  std::vector<TensorChange> tensors;           // in the file's order
  uint64_t bytes_before = 0, bytes_after = 0;  // of tensors
  double bits_per_weight = 0;                  // after, over all tensors
  size_t fallbacks() const;                    // tensors that did not get the type wanted
  std::string fallback_text() const;           // one line for each, "" without any
};

// What quantize would do. Error kUsage: no such recipe, an override that fits no tensor which may change;
// kUnsupported: a tensor in a type that cannot be read, or a quantized one without from_quantized.
QuantizePlan plan_quantize(const gguf::GgufFile& file, const QuantizeOptions& options);

// Reads `from`, writes `to`; returns the plan carried out. Errors: those of plan_quantize and of reading and
// writing; kUsage where `to` is a part of `from`; kBadFile naming tensor, row and value for one that the type
// cannot hold. After any Error `to` is as it was.
QuantizePlan quantize(const std::string& from, const std::string& to, const QuantizeOptions& options);

}  // namespace gantry::library
