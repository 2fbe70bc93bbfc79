// Operations of recurrent layers: against their formulas, against the scalar device bit for bit, and against
// themselves when the rows are cut or come beside others.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "tests/conformance/rig.h"

namespace gantry::conformance {
namespace {

using device::Mat;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

// Rows of some sequences, each with the state of its number; cut into steps of at most `slice` rows each.
struct Work {
  std::vector<uint32_t> rows;  // of each sequence
  uint32_t slice = 1000;
  bool padded = false;  // rows that are none before each sequence and at the end
};

constexpr uint32_t kStates = 5;

// An operation over states: `inputs` columns per row in one matrix, `outputs` columns out of it.
struct Operation {
  device::Operation asked = device::Operation::kShortConv;
  std::string name;
  uint32_t inputs = 0, outputs = 0;
  uint64_t state_floats = 0;
  std::vector<uint32_t> vectors;  // sizes of the weights
  std::function<void(Rig&, const device::Rows&, const device::StatePart&, const Mat& in,
                     const std::vector<device::Buffer>& weights, const Mat& out)>
      run;
  // One row by the formula, the state changed.
  std::function<void(const float* in, const std::vector<std::vector<float>>& weights,
                     std::vector<double>& state, std::vector<double>& out)>
      formula;
};

Mat columns(const Mat& m, uint32_t first, uint32_t count) {
  const uint64_t bytes = m.rows == 0 ? 0 : 4 * (uint64_t{m.rows - 1} * m.stride + count);
  return {m.buffer.part(4ull * first, bytes), m.rows, count, m.stride};
}

Operation conv(uint32_t channels, uint32_t taps, bool silu) {
  Operation op{device::Operation::kShortConv,
               "conv" + std::to_string(channels) + "x" + std::to_string(taps),
               channels,
               channels,
               uint64_t{taps - 1} * channels,
               {channels * taps, channels},
               {},
               {}};
  op.run = [=](Rig& rig, const device::Rows& rows, const device::StatePart& state, const Mat& in,
               const std::vector<device::Buffer>& w, const Mat& out) {
    rig.stream().short_conv({rows, state, in, w[0], silu ? w[1] : device::Buffer{}, taps, silu, out});
  };
  op.formula = [=](const float* in, const std::vector<std::vector<float>>& w, std::vector<double>& state,
                   std::vector<double>& out) {
    for (uint32_t c = 0; c < channels; ++c) {
      double sum = double{in[c]} * double{w[0][c * taps + taps - 1]};
      for (uint32_t tap = 0; tap + 1 < taps; ++tap)
        sum += state[tap * channels + c] * double{w[0][c * taps + tap]};
      if (silu) sum += double{w[1][c]};
      out[c] = silu ? sum * sigmoid(sum) : sum;
    }
    if (taps == 1) return;
    state.erase(state.begin(), state.begin() + channels);
    state.insert(state.end(), in, in + channels);
  };
  return op;
}

// In: x, b, c, dt. Weights: a, d, dt_bias.
Operation scan(uint32_t heads, uint32_t head_dim, uint32_t groups, uint32_t state_dim) {
  const uint32_t inner = heads * head_dim, shared = groups * state_dim;
  Operation op{device::Operation::kSelectiveScan,
               "scan" + std::to_string(head_dim) + "x" + std::to_string(state_dim),
               inner + 2 * shared + heads,
               inner,
               uint64_t{inner} * state_dim,
               {heads, heads, heads},
               {},
               {}};
  op.run = [=](Rig& rig, const device::Rows& rows, const device::StatePart& state, const Mat& in,
               const std::vector<device::Buffer>& w, const Mat& out) {
    rig.stream().selective_scan({rows, state, heads, head_dim, groups, state_dim, columns(in, 0, inner),
                                 columns(in, inner, shared), columns(in, inner + shared, shared),
                                 columns(in, inner + 2 * shared, heads), w[0], w[1], w[2], out});
  };
  op.formula = [=](const float* in, const std::vector<std::vector<float>>& w, std::vector<double>& state,
                   std::vector<double>& out) {
    for (uint32_t h = 0; h < heads; ++h) {
      const float* b = in + inner + h / (heads / groups) * state_dim;
      const float* c = b + shared;
      const double dt = softplus(double{in[inner + 2 * shared + h]} + double{w[2][h]});
      const double decay = std::exp(dt * double{w[0][h]});
      for (uint32_t i = h * head_dim; i < (h + 1) * head_dim; ++i) {
        out[i] = double{in[i]} * double{w[1][h]};
        for (uint32_t k = 0; k < state_dim; ++k) {
          double& s = state[uint64_t{i} * state_dim + k];
          s = s * decay + double{in[i]} * dt * double{b[k]};
          out[i] += s * double{c[k]};
        }
      }
    }
  };
  return op;
}

// In: q, k, v, alpha, beta. Weights: a, dt_bias.
Operation delta(uint32_t key_heads, uint32_t value_heads, uint32_t key_dim, uint32_t value_dim) {
  const uint32_t keys = key_heads * key_dim, values = value_heads * value_dim;
  Operation op{device::Operation::kGatedDelta,
               "delta" + std::to_string(key_dim) + "x" + std::to_string(value_dim),
               2 * keys + values + 2 * value_heads,
               values,
               uint64_t{value_heads} * key_dim * value_dim,
               {value_heads, value_heads},
               {},
               {}};
  op.run = [=](Rig& rig, const device::Rows& rows, const device::StatePart& state, const Mat& in,
               const std::vector<device::Buffer>& w, const Mat& out) {
    // As in a layer: q and k of length one.
    const Mat q = rig.space_mat(in.rows, keys), k = rig.space_mat(in.rows, keys);
    rig.stream().l2_norm({columns(in, 0, keys), key_heads, 1e-6f, 0.5f, q});
    rig.stream().l2_norm({columns(in, keys, keys), key_heads, 1e-6f, 1, k});
    rig.stream().gated_delta({rows, state, key_heads, value_heads, key_dim, value_dim, q, k,
                              columns(in, 2 * keys, values), columns(in, 2 * keys + values, value_heads),
                              columns(in, 2 * keys + values + value_heads, value_heads), w[0], w[1], out});
  };
  op.formula = [=](const float* in, const std::vector<std::vector<float>>& w, std::vector<double>& state,
                   std::vector<double>& out) {
    for (uint32_t h = 0; h < value_heads; ++h) {
      const float* q = in + h % key_heads * key_dim;
      const float* k = q + keys;
      const float* v = in + 2 * keys + h * value_dim;
      const float* alpha = in + 2 * keys + values;
      const auto length = [&](const float* x) {
        return std::max(std::sqrt(std::inner_product(x, x + key_dim, x, 0.0)), 1e-6);
      };
      const double q_scale = 0.5 / length(q), k_scale = 1 / length(k);
      const double decay = std::exp(double{w[0][h]} * softplus(double{alpha[h]} + double{w[1][h]}));
      const double weight = sigmoid(double{alpha[value_heads + h]});
      for (uint32_t d = 0; d < value_dim; ++d) {
        double known = 0;
        const auto s = [&](uint32_t key) -> double& {
          return state[(uint64_t{h} * key_dim + key) * value_dim + d];
        };
        for (uint32_t key = 0; key < key_dim; ++key) {
          s(key) *= decay;
          known += s(key) * double{k[key]} * k_scale;
        }
        double& result = out[h * value_dim + d];
        result = 0;
        for (uint32_t key = 0; key < key_dim; ++key) {
          s(key) += double{k[key]} * k_scale * (double{v[d]} - known) * weight;
          result += s(key) * double{q[key]} * q_scale;
        }
      }
    }
  };
  return op;
}

std::vector<Operation> operations() {
  return {conv(5, 1, false),   conv(16, 3, false), conv(70, 4, true),   conv(33, 32, true),
          scan(2, 64, 2, 128), scan(6, 5, 3, 7),   scan(4, 33, 1, 16),  delta(2, 2, 128, 128),
          delta(1, 3, 16, 16), delta(2, 6, 7, 21), delta(2, 4, 256, 16)};
}

std::vector<float> inputs_of(const Operation& op, uint32_t sequence, uint32_t rows) {
  return random_floats(100 + sequence, uint64_t{rows} * op.inputs, 1.5f);
}
// a is negative: states fade.
std::vector<std::vector<float>> weights_of(const Operation& op) {
  std::vector<std::vector<float>> weights;
  for (size_t i = 0; i < op.vectors.size(); ++i) weights.push_back(random_floats(50 + i, op.vectors[i]));
  if (op.name[0] != 'c')
    for (float& a : weights[0]) a = -std::abs(a);
  return weights;
}
std::vector<float> state_of(const Operation& op, uint32_t sequence) {
  return random_floats(200 + sequence, op.state_floats);
}

// What each sequence's rows gave, and its state at the end.
std::vector<std::vector<float>> run(std::shared_ptr<device::Device> device, const Operation& op,
                                    const Work& work) {
  Rig rig(std::move(device), uint64_t{4} << 20);
  std::vector<device::Buffer> weights;
  for (const auto& values : weights_of(op)) weights.push_back(rig.put(values));
  const device::StatePart part{rig.space(kStates * (4 * op.state_floats + 192)), 4 * op.state_floats + 192,
                               64};
  const auto state_buffer = [&](uint32_t sequence) {
    // Sequence i has state kStates - 1 - i.
    return part.buffer.part((kStates - 1 - sequence) * part.stride + part.offset, 4 * op.state_floats);
  };
  for (uint32_t i = 0; i < work.rows.size(); ++i) {
    const std::vector<float> state = state_of(op, i);
    rig.stream().write(state_buffer(i), std::as_bytes(std::span(state)));
    rig.stream().sync();
  }
  std::vector<std::vector<float>> results(2 * work.rows.size());
  std::vector<uint32_t> states;
  for (uint32_t i = 0; i < work.rows.size(); ++i) states.push_back(kStates - 1 - i);
  std::vector<uint32_t> done(work.rows.size(), 0);
  while (done != work.rows) {
    std::vector<float> in;
    std::vector<int32_t> positions, sequences;
    const auto pad = [&](uint32_t count) {
      if (!work.padded) return;
      in.insert(in.end(), uint64_t{count} * op.inputs, std::numeric_limits<float>::quiet_NaN());
      positions.insert(positions.end(), count, 0);
      sequences.insert(sequences.end(), count, -1);
    };
    for (uint32_t i = 0; i < work.rows.size(); ++i) {
      const uint32_t rows = std::min(work.slice, work.rows[i] - done[i]);
      if (rows == 0) continue;
      pad(1);
      const auto all = inputs_of(op, i, work.rows[i]);
      in.insert(in.end(), all.begin() + done[i] * op.inputs, all.begin() + (done[i] + rows) * op.inputs);
      for (uint32_t row = 0; row < rows; ++row) {
        positions.push_back(static_cast<int32_t>(done[i] + row));
        sequences.push_back(static_cast<int32_t>(i));
      }
      done[i] += rows;
    }
    pad(5);
    const auto rows = static_cast<uint32_t>(positions.size());
    const Mat x = rig.put_mat(in, rows, op.inputs, op.inputs + 3);
    const Mat out = rig.space_mat(rows, op.outputs, op.outputs + 5);
    op.run(rig, rig.put_rows(positions, sequences, {}, 0, states), part, x, weights, out);
    const std::vector<float> got = rig.get(out);
    for (uint32_t row = 0; row < rows; ++row) {
      const auto values = got.begin() + std::ptrdiff_t{row} * op.outputs;
      if (sequences[row] >= 0)
        results[static_cast<size_t>(sequences[row])].insert(
            results[static_cast<size_t>(sequences[row])].end(), values, values + op.outputs);
      else
        EXPECT_TRUE(std::all_of(values, values + op.outputs, [](float v) { return std::isnan(v); }));
    }
  }
  for (uint32_t i = 0; i < work.rows.size(); ++i) {
    results[work.rows.size() + i].resize(op.state_floats);
    rig.stream().read(std::as_writable_bytes(std::span(results[work.rows.size() + i])), state_buffer(i));
  }
  rig.stream().sync();
  return results;
}

TEST(RecurrentFormulas, ScalarIsWhatTheFormulaSays) {
  constexpr uint32_t kRows = 40;
  for (const Operation& op : operations()) {
    const auto got = run(open_scalar(), op, {{kRows}});
    const auto in = inputs_of(op, 0, kRows);
    const auto weights = weights_of(op);
    const auto start = state_of(op, 0);
    std::vector<double> state(start.begin(), start.end()), out(op.outputs);
    double error = 0, power = 0;
    for (uint32_t row = 0; row < kRows; ++row) {
      op.formula(in.data() + uint64_t{row} * op.inputs, weights, state, out);
      for (uint32_t i = 0; i < op.outputs; ++i) {
        const double difference = double{got[0][row * op.outputs + i]} - out[i];
        error += difference * difference;
        power += out[i] * out[i];
      }
    }
    EXPECT_LT(error, power * 1e-12) << op.name;
    for (uint64_t i = 0; i < op.state_floats; ++i)
      ASSERT_NEAR(got[1][i], state[i], 1e-4 * (1 + std::abs(state[i]))) << op.name;
  }
}

TEST(RecurrentFormulas, GatesOverTheirWholeRange) {
  std::vector<float> x;
  for (float v = -120; v <= 120; v += 0.0625f) x.push_back(v);
  const auto count = static_cast<uint32_t>(x.size());
  Rig rig(open_scalar());
  const Mat gates = rig.put_mat(x, 1, count), ones = rig.put_mat(std::vector<float>(count, 3.0f), 1, count);
  const Mat out = rig.space_mat(1, count);
  rig.stream().gate({device::GateKind::kSigmoid, ones, gates, out});
  const auto smooth = rig.get(out);
  rig.stream().gate({device::GateKind::kPlain, ones, gates, out});
  const auto plain = rig.get(out);
  for (uint32_t i = 0; i < count; ++i) {
    ASSERT_NEAR(smooth[i], 3 * sigmoid(x[i]), 1e-6);
    ASSERT_EQ(plain[i], 3 * x[i]);
  }
}

class Recurrent : public ::testing::TestWithParam<Subject> {};

// A sequence's rows give the same wherever they are cut and whoever comes with them.
TEST_P(Recurrent, CutsAndNeighboursChangeNothing) {
  for (const Operation& op : operations()) {
    if (!able(GetParam(), op.asked)) continue;
    const std::vector<uint32_t> rows = {17, 1, 40, 8, 3};
    const auto together = run(open(GetParam()), op, {rows});
    for (const uint32_t slice : {1u, 7u}) {
      const auto cut = run(open(GetParam()), op, {rows, slice});
      for (size_t i = 0; i < together.size(); ++i)
        EXPECT_EQ(difference(cut[i], together[i]), "") << op.name << " slices of " << slice;
    }
    const auto padded = run(open(GetParam()), op, {rows, 7, true});
    for (size_t i = 0; i < together.size(); ++i)
      EXPECT_EQ(difference(padded[i], together[i]), "") << op.name << " with padding";
    const auto alone = run(open(GetParam()), op, {{17}});
    EXPECT_EQ(difference(alone[0], together[0]), "") << op.name;
    EXPECT_EQ(difference(alone[1], together[rows.size()]), "") << op.name;
  }
}

TEST_P(Recurrent, EqualsScalar) {
  for (const Operation& op : operations()) {
    if (!able(GetParam(), op.asked)) continue;
    const auto got = run(open(GetParam()), op, {{13, 33}});
    const auto want = run(open_scalar(), op, {{13, 33}});
    for (size_t i = 0; i < want.size(); ++i) {
      std::vector<float> magnitude(want[i].size(), 64.0f);
      EXPECT_EQ(difference_within(got[i], want[i], magnitude, GetParam().error_max), "") << op.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, Recurrent, ::testing::ValuesIn(subjects()),
                         [](const auto& tested) { return name_of(tested.param); });

}  // namespace
}  // namespace gantry::conformance
