#include "tests/model/plain_llama.h"

#include <cmath>
#include <stdexcept>

#include "quant/dtype.h"

namespace gantry::testing {
namespace {

using Row = std::vector<double>;

Row row_of(const arch::Matrix& matrix, const gguf::GgufFile& file, uint32_t row) {
  std::vector<float> values(matrix.shape.cols);
  std::vector<std::byte> room;
  quant::decode_row(matrix.shape.dtype, arch::bytes_of(file, matrix, row, 1, room), values);
  return {values.begin(), values.end()};
}

Row vector_of(const arch::Vector& vector, const gguf::GgufFile& file) {
  std::vector<float> values(vector.tensor->values());
  quant::decode_row(*vector.tensor->dtype, file.data(*vector.tensor), values);
  return {values.begin() + vector.first, values.begin() + vector.first + vector.size};
}

class PlainLlama {
 public:
  PlainLlama(const arch::Blueprint& blueprint, const gguf::GgufFile& file) : b_(blueprint), file_(file) {}

  std::vector<float> logits(std::span<const TokenId> tokens) {
    std::vector<Row> x;
    for (const TokenId token : tokens)
      x.push_back(row_of(b_.embedding.value(), file_, static_cast<uint32_t>(token)));
    for (const arch::LayerSpec& layer : b_.layers) {
      const auto* attention = std::get_if<arch::SoftmaxAttention>(&layer.mixer);
      const auto* mlp = std::get_if<arch::GatedMlp>(&layer.ffn);
      if (attention == nullptr || mlp == nullptr || attention->window != 0 || layer.parallel ||
          mlp->activation != device::Activation::kSilu)
        throw std::invalid_argument("not of Llama's shape");
      attend(*attention, *layer.mixer_norm, x);
      for (Row& row : x) feed_forward(*mlp, *layer.ffn_norm, row);
    }
    std::vector<float> out;
    for (Row& row : x) {
      for (const double value : linear(b_.output.value(), normed(*b_.output_norm, row)))
        out.push_back(static_cast<float>(value));
    }
    return out;
  }

 private:
  Row linear(const arch::Linear& layer, const Row& x) const {
    Row out;
    const Row bias = layer.bias ? vector_of(*layer.bias, file_) : Row(layer.weight.shape.rows);
    for (uint32_t i = 0; i < layer.weight.shape.rows; ++i) {
      const Row weight = row_of(layer.weight, file_, i);
      double sum = 0;
      for (size_t k = 0; k < x.size(); ++k) sum += weight[k] * x[k];
      out.push_back(sum + bias[i]);
    }
    return out;
  }

  Row normed(const arch::Norm& norm, const Row& x) const {
    double squares = 0;
    for (const double value : x) squares += value * value;
    const double scale =
        1 / std::sqrt(squares / static_cast<double>(x.size()) + static_cast<double>(norm.eps));
    const Row weight = vector_of(*norm.weight, file_);
    Row out;
    for (size_t i = 0; i < x.size(); ++i) out.push_back(x[i] * scale * weight[i]);
    return out;
  }

  void turn(const arch::Rope& rope, uint32_t head_dim, size_t position, Row& heads) const {
    const size_t pairs = rope.frequencies.size();
    for (size_t head = 0; head < heads.size(); head += head_dim) {
      for (size_t i = 0; i < pairs; ++i) {
        const bool adjacent = rope.order == device::RopeOrder::kAdjacent;
        double& a = heads[head + (adjacent ? 2 * i : i)];
        double& b = heads[head + (adjacent ? 2 * i + 1 : i + pairs)];
        const double angle = static_cast<double>(position) * rope.frequencies[i];
        const double cos = std::cos(angle), sin = std::sin(angle), was = a;
        a = was * cos - b * sin;
        b = was * sin + b * cos;
      }
    }
  }

  void attend(const arch::SoftmaxAttention& spec, const arch::Norm& norm, std::vector<Row>& x) const {
    std::vector<Row> keys, values;
    for (size_t at = 0; at < x.size(); ++at) {
      const Row in = normed(norm, x[at]);
      Row query = linear(spec.q, in);
      keys.push_back(linear(spec.k, in));
      values.push_back(linear(spec.v, in));
      turn(b_.ropes.at(*spec.rope), spec.key_dim, at, query);
      turn(b_.ropes.at(*spec.rope), spec.key_dim, at, keys.back());
      Row seen(size_t{spec.heads} * spec.value_dim);
      for (uint32_t head = 0; head < spec.heads; ++head) see(spec, head, query, keys, values, seen);
      const Row out = linear(spec.out, seen);
      for (size_t i = 0; i < out.size(); ++i) x[at][i] += out[i];
    }
  }

  // One head of the last position over all of them.
  static void see(const arch::SoftmaxAttention& spec, uint32_t head, const Row& query,
                  const std::vector<Row>& keys, const std::vector<Row>& values, Row& seen) {
    const size_t shared = head / (spec.heads / spec.kv_heads);
    Row weights;
    double sum = 0;
    for (const Row& key : keys) {
      double score = 0;
      for (uint32_t i = 0; i < spec.key_dim; ++i)
        score += query[head * spec.key_dim + i] * key[shared * spec.key_dim + i];
      weights.push_back(std::exp(score * static_cast<double>(spec.score_scale)));
      sum += weights.back();
    }
    for (size_t p = 0; p < keys.size(); ++p) {
      for (uint32_t i = 0; i < spec.value_dim; ++i)
        seen[head * spec.value_dim + i] += weights[p] / sum * values[p][shared * spec.value_dim + i];
    }
  }

  void feed_forward(const arch::GatedMlp& mlp, const arch::Norm& norm, Row& x) const {
    const Row in = normed(norm, x);
    Row hidden = linear(mlp.gate, in);
    const Row up = linear(mlp.up, in);
    for (size_t i = 0; i < hidden.size(); ++i) hidden[i] = hidden[i] / (1 + std::exp(-hidden[i])) * up[i];
    const Row out = linear(mlp.down, hidden);
    for (size_t i = 0; i < out.size(); ++i) x[i] += out[i];
  }

  const arch::Blueprint& b_;
  const gguf::GgufFile& file_;
};

}  // namespace

std::vector<float> plain_logits(const arch::Blueprint& blueprint, const gguf::GgufFile& file,
                                std::span<const TokenId> tokens) {
  return PlainLlama(blueprint, file).logits(tokens);
}

}  // namespace gantry::testing
