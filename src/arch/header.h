// A family's view of a GGUF header: its keys ("llama.block_count") and its tensors by name and shape, with
// errors that name what is missing or misshapen. Remembers which tensors were used.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "arch/layer_spec.h"
#include "gguf/gguf.h"

namespace gantry::arch {

// How a family norms.
struct NormRule {
  device::NormKind kind = device::NormKind::kRms;
  float eps = 0;
  bool needs_bias = false;  // else a bias is taken where the file has one
};

class Header {
 public:
  explicit Header(const gguf::GgufFile& file);

  const std::string& arch() const { return arch_; }
  const gguf::GgufFile& file() const { return file_; }

  // Keys under the family's prefix: need("block_count") reads "llama.block_count". Values outside [min, max]
  // are errors.
  std::string key(std::string_view suffix) const;
  uint32_t need_uint(std::string_view suffix, uint32_t min, uint32_t max) const;
  std::optional<uint32_t> get_uint(std::string_view suffix, uint32_t min, uint32_t max) const;
  std::optional<double> get_float(std::string_view suffix) const;
  double need_float(std::string_view suffix) const;
  std::optional<std::string_view> get_string(std::string_view suffix) const;
  std::optional<bool> get_bool(std::string_view suffix) const;
  bool need_bool(std::string_view suffix) const;
  // One number for all layers or an array with one for each.
  std::optional<std::vector<uint32_t>> get_per_layer(std::string_view suffix, uint32_t layers, uint32_t min,
                                                     uint32_t max) const;
  std::vector<uint32_t> need_per_layer(std::string_view suffix, uint32_t layers, uint32_t min,
                                       uint32_t max) const;

  bool is_array(std::string_view suffix) const;
  // The first `count_max` (at least `count_min`) integers of an array that must be there.
  std::vector<uint32_t> need_array(std::string_view suffix, uint32_t count_min, uint32_t count_max,
                                   uint32_t max) const;

  // Tensors. The shape is checked; the dtype must be one that can be computed with.
  Matrix need_matrix(const std::string& name, uint32_t rows, uint32_t cols);
  std::optional<Matrix> find_matrix(const std::string& name, uint32_t rows, uint32_t cols);
  Vector need_vector(const std::string& name, uint32_t size);
  // A matrix used as rows * cols float32, row after row.
  Vector need_table(const std::string& name, uint32_t rows, uint32_t cols);
  std::optional<Vector> find_vector(const std::string& name, uint32_t size);
  // A tensor of `count` matrices, and of `count` rows of `size` values as one vector.
  MatrixStack need_stack(const std::string& name, uint32_t rows, uint32_t cols, uint32_t count);
  std::optional<Vector> find_vector_stack(const std::string& name, uint32_t size, uint32_t count);
  // NAME.weight and, where present, NAME.bias.
  Linear need_linear(const std::string& name, uint32_t rows, uint32_t cols);
  // Norms of `size` values; with `groups` NAME.weight is [size, groups]: each group its own weights.
  Norm need_norm(const NormRule& rule, const std::string& name, uint32_t size, uint32_t groups = 1);
  std::optional<Norm> find_norm(const NormRule& rule, const std::string& name, uint32_t size,
                                uint32_t groups = 1);

  bool has(const std::string& tensor) const { return file_.find_tensor(tensor) != nullptr; }

  // Tokens: those of the file's vocabulary, else ARCH.vocab_size, else the rows of token_embd.weight, which
  // must be there.
  uint32_t vocab() const;

  std::vector<std::string> unused() const;

  [[noreturn]] void refuse(std::string_view suffix, const std::string& what,
                           const std::string& mend = {}) const;

 private:
  std::vector<uint32_t> integers(std::string_view suffix, uint32_t count_min, uint32_t count_max,
                                 uint32_t min, uint32_t max) const;
  const gguf::TensorInfo* find(const std::string& name, std::initializer_list<uint64_t> shape);
  const gguf::TensorInfo& need(const std::string& name, std::initializer_list<uint64_t> shape);

  const gguf::GgufFile& file_;
  std::string arch_;
  std::vector<bool> used_;
};

// Rows [first, first + rows) of a fused layer, and the same part of its bias.
Linear rows_of(const Linear& linear, uint32_t first, uint32_t rows);

// Numbers above this are damage, not models: they bound every loop and product that a header can start.
inline constexpr uint32_t kLayersMax = 4096;
inline constexpr uint32_t kWidthMax = 1u << 20;
inline constexpr uint32_t kHeadsMax = 1u << 14;
inline constexpr uint32_t kContextMax = 1u << 28;

}  // namespace gantry::arch
