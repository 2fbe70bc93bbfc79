// The parts of a model together are the model: every value of its file is in one part, or in all of them
// where part.h says so.
#include "arch/part.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include <gtest/gtest.h>

#include "arch/tiny_families.h"
#include "base/error.h"
#include "tests/shared_data.h"

namespace gantry::arch {
namespace {

using Shares = std::vector<uint32_t>;

// How often each value of a tensor is taken, by tensor.
class Count {
 public:
  void add(const Blueprint& blueprint) {
    visit_weights(blueprint, {[&](const Matrix& m) { add(m); }, [&](const Vector& v) { add(v); },
                              [&](const MatrixStack& s) { add(s); }});
  }
  const std::map<const gguf::TensorInfo*, std::vector<uint8_t>>& times() const { return times_; }

 private:
  void add(const Matrix& m) {
    for (const Range& rows : ranges_of(m.rows, m.first_row, m.shape.rows))
      add_rows(*m.tensor, rows, 0, m.shape.first_col, m.shape.cols);
  }
  void add(const Vector& v) {
    for (const Range& values : ranges_of(v.values, v.first, v.size))
      add_values(*v.tensor, values.first, values.count);
  }
  void add(const MatrixStack& s) {
    const bool apart = s.tensors.size() > 1;
    const uint32_t rows = s.transposed ? s.shape.cols : s.shape.rows;
    const uint32_t cols = s.transposed ? s.shape.rows : s.shape.cols;
    for (uint32_t i = 0; i < s.count; ++i) {
      for (const Range& range : ranges_of(s.rows, s.first_row, rows))
        add_rows(*s.tensors[apart ? i : 0], range, apart ? 0 : i * s.step_rows, s.shape.first_col, cols);
    }
  }
  static std::vector<Range> ranges_of(const std::vector<Range>& ranges, uint32_t first, uint32_t count) {
    return ranges.empty() ? std::vector<Range>{{first, count}} : ranges;
  }
  void add_rows(const gguf::TensorInfo& tensor, const Range& rows, uint32_t skipped, uint32_t first_col,
                uint32_t cols) {
    for (uint32_t row = 0; row < rows.count; ++row)
      add_values(tensor, (uint64_t{skipped} + rows.first + row) * tensor.shape[0] + first_col, cols);
  }
  void add_values(const gguf::TensorInfo& tensor, uint64_t first, uint64_t count) {
    std::vector<uint8_t>& times = times_[&tensor];
    times.resize(tensor.values());
    for (uint64_t i = 0; i < count; ++i) ++times.at(first + i);
  }

  std::map<const gguf::TensorInfo*, std::vector<uint8_t>> times_;
};

std::vector<Blueprint> shards(const Blueprint& whole, const Shares& shares) {
  std::vector<Blueprint> parts;
  for (uint32_t rank = 0; rank < shares.size(); ++rank) parts.push_back(part(whole, {0, 0, rank, shares}));
  return parts;
}

// By part.h every rank has this tensor whole.
bool is_whole(const std::string& name, const Blueprint& shard) {
  static const std::regex kInLayer("blk\\.(\\d+)\\.(ffn_)?.*");
  static const std::regex kWhole(
      "(token|position)_embd\\.weight|.*_norm(_2)?\\.(weight|bias)|.*(attn_output|ffn_down|ffn_down_exps)\\."
      "bias|"
      ".*ffn_gate_inp.*|.*exp_probs_b.*|.*attn_(q_a|kv_a).*|.*post_attention_norm.*");
  std::smatch found;
  if (std::regex_match(name, kWhole)) return true;
  if (!std::regex_match(name, found, kInLayer)) return !shard.output_dealt;
  const LayerSpec& layer = shard.layers.at(std::stoul(found[1]));
  return found[2].matched ? !layer.ffn_dealt : !layer.mixer_dealt;
}

// Some ranks may have the same key heads of a delta rule, and all of them the one KV head that there is;
// norms are of each head or of all alike.
bool may_be_shared(const std::string& name, const Blueprint& whole) {
  static const std::regex kKeys(
      "blk\\.(\\d+)\\.(attn_qkv|attn_k|attn_v|ssm_conv1d|ssm_norm|attn_q_norm|attn_k_norm)\\.(weight|bias)");
  std::smatch found;
  if (!std::regex_match(name, found, kKeys)) return false;
  if (found[2].str().ends_with("_norm")) return true;
  const Mixer& mixer = whole.layers.at(std::stoul(found[1])).mixer;
  if (const auto* attention = std::get_if<SoftmaxAttention>(&mixer)) return attention->kv_heads == 1;
  return std::holds_alternative<GatedDelta>(mixer);
}

void expect_shards_are_the_whole(const std::string& name, const Blueprint& whole, const Shares& shares) {
  SCOPED_TRACE(name + ", " + std::to_string(shares.size()) + " ranks");
  Count once, times;
  once.add(whole);
  const std::vector<Blueprint> parts = shards(whole, shares);
  for (const Blueprint& shard : parts) times.add(shard);
  ASSERT_EQ(times.times().size(), once.times().size());
  for (const auto& [tensor, count] : times.times()) {
    const std::string tensor_name(tensor->name);
    const std::vector<uint8_t>& wanted = once.times().at(tensor);
    // A tied output is dealt beside the embedding, which every rank has.
    const bool tied_too = whole.tied() && tensor == whole.embedding->tensor && parts[0].output_dealt;
    const auto ranks = static_cast<uint8_t>(shares.size());
    const bool all = is_whole(tensor_name, parts[0]), shared = may_be_shared(tensor_name, whole);
    for (size_t i = 0; i < count.size(); ++i) {
      const unsigned want = wanted[i] * (all ? ranks : 1u) + (tied_too ? 1u : 0u);
      if (shared && count[i] >= wanted[i] && count[i] <= ranks) continue;
      ASSERT_EQ(count[i], want) << tensor_name << ", value " << i;
    }
  }
}

void expect_stages_are_the_whole(const std::string& name, const Blueprint& whole, uint32_t stages) {
  SCOPED_TRACE(name + ", " + std::to_string(stages) + " stages");
  const auto layers = static_cast<uint32_t>(whole.layers.size());
  Count once, times;
  once.add(whole);
  for (uint32_t i = 0; i < stages; ++i) {
    const uint32_t first = layers * i / stages, end = layers * (i + 1) / stages;
    const Blueprint stage = part(whole, {first, end - first});
    EXPECT_EQ(stage.takes_tokens(), i == 0);
    EXPECT_EQ(stage.gives_logits(), i + 1 == stages);
    EXPECT_EQ(stage.layers.size(), end - first);
    times.add(stage);
  }
  ASSERT_EQ(times.times().size(), once.times().size());
  for (const auto& [tensor, count] : times.times()) {
    const std::vector<uint8_t>& wanted = once.times().at(tensor);
    const unsigned more = whole.tied() && tensor == whole.embedding->tensor && stages > 1 ? 1 : 0;
    for (size_t i = 0; i < count.size(); ++i)
      ASSERT_EQ(count[i], wanted[i] + more) << tensor->name << ", value " << i;
  }
}

// Whether none of its layers can be shared out so, which part() must say by the family's name.
bool is_refused(const Blueprint& whole, const Shares& shares) {
  try {
    part(whole, {0, 0, 0, shares});
    return false;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_NE(error.message().find(whole.arch), std::string::npos) << error.what();
    return true;
  }
}

void try_model(const std::string& name, const gguf::GgufFile& file) {
  const Blueprint whole = read_blueprint(file);
  for (const Shares& shares : {Shares{1}, {1, 1}, {1, 1, 1}, {3, 5}, {9, 1}})
    if (!is_refused(whole, shares)) expect_shards_are_the_whole(name, whole, shares);
  for (const uint32_t stages : {1u, 2u, 3u})
    if (stages <= whole.layers.size()) expect_stages_are_the_whole(name, whole, stages);
  if (is_refused(whole, {1, 1})) return;
  // A shard of a stage is a stage of a shard.
  const Blueprint stage = part(whole, {1, 1, 1, {1, 1}}),
                  other = part(part(whole, {0, 0, 1, {1, 1}}), {1, 1});
  EXPECT_EQ(parameters(stage), parameters(other)) << name;
}

TEST(Part, TheWholeOfEveryTinyFamily) {
  for (const TinyFile& tiny : tiny_families()) try_model(tiny.name, *tiny.open());
  for (const TinyFile& tiny : tiny_families(3))
    if (tiny.name != "lfm2")
      try_model(tiny.name, *tiny.open());  // it is large, and dealt like the narrow one
}

TEST(Part, TheWholeOfEveryReferenceModel) {
  GANTRY_NEED_SHARED("conformance/logits");
  for (const auto& entry : std::filesystem::directory_iterator(testing::shared_path("conformance/logits")))
    if (entry.path().extension() == ".gguf")
      try_model(entry.path().stem(), *gguf::GgufFile::open(entry.path().string()));
}

// To as many ranks as they were made for.
TEST(Part, TinyFamiliesAreDealt) {
  for (const uint32_t ranks : {2u, 4u}) {
    for (const TinyFile& tiny : tiny_families(ranks)) {
      const auto file = tiny.open();
      const Blueprint whole = read_blueprint(*file), shard = part(whole, {0, 0, 1, Shares(ranks, 1)});
      EXPECT_TRUE(shard.output_dealt) << tiny.name;
      for (const LayerSpec& layer : shard.layers) {
        EXPECT_TRUE(layer.mixer_dealt) << tiny.name;
        EXPECT_EQ(layer.ffn_dealt, !std::holds_alternative<NoFfn>(layer.ffn)) << tiny.name;
      }
    }
  }
}

// Sums of too few sections, and mixers that norm all they have at once in layers that are nothing else.
TEST(Part, WhatCannotBeSharedOutIsRefusedByName) {
  struct Case {
    const char* family;
    uint32_t ranks;
    bool norms_at_once;
  };
  constexpr Case kRefused[] = {{"llama", 3, false},     {"llama-q8_0", 3, false}, {"gemma2", 3, false},
                               {"gpt2", 3, false},      {"bloom", 3, false},      {"gpt-oss", 3, false},
                               {"deepseek2", 3, false}, {"mamba2", 3, false},     {"mamba2", 2, true},
                               {"lfm2", 3, false},      {"qwen35", 3, false}};
  std::set<std::string> listed;
  for (const TinyFile& tiny : tiny_families()) {
    const auto file = tiny.open();
    for (const Case& refused : kRefused) {
      if (tiny.name != refused.family) continue;
      Blueprint whole = read_blueprint(*file);
      EXPECT_FALSE(is_refused(whole, Shares(refused.ranks - 1, 1))) << tiny.name;
      if (refused.norms_at_once)
        for (LayerSpec& layer : whole.layers) std::get<Mamba2>(layer.mixer).groups = 1;
      EXPECT_TRUE(is_refused(whole, Shares(refused.ranks, 1))) << tiny.name;
      listed.insert(tiny.name);
    }
  }
  EXPECT_EQ(listed.size(), tiny_families().size()) << "a new family is listed too";
}

// The nodes of all ranks are all of the layer, and a rank's own are where it stands among them.
TEST(Part, NodesOfAllRanksAreTheWholeSum) {
  const device::WeightShape whole{quant::Dtype::kF32, 64, 8192};
  for (const Shares& shares : {Shares{1, 1}, {1, 1, 1}, {5, 3}, Shares(16, 1), {1, 14, 1}}) {
    uint32_t next = 0;
    for (uint32_t rank = 0; rank < shares.size(); ++rank) {
      const Range share = *share_of(16, {rank, shares});
      const device::WeightShape last = device::part_of(whole, {share.first, share.first + share.count});
      const DealtSum sum = dealt_sum(last, {rank, shares});
      EXPECT_EQ(sum.sections, 16u);
      EXPECT_EQ(sum.own.first, next);
      EXPECT_EQ(sum.own.count, device::section_sum(last).tree.nodes.count);
      next += sum.own.count;
      if (rank + 1 == shares.size()) {
        EXPECT_EQ(sum.nodes.count, next);
      }
      EXPECT_EQ(device::add_sections(16, sum.nodes).nodes.count, 1u);
    }
  }
}

TEST(Part, SharesAreWholeAndLeaveNothing) {
  for (const Shares& shares :
       {Shares{1}, {1, 1}, {1, 2, 3}, {100, 1, 1}, {1, 1000000, 1}, {4000000000, 4000000000}}) {
    for (uint32_t units = 1; units < 70; ++units) {
      uint32_t next = 0;
      for (uint32_t rank = 0; rank < shares.size(); ++rank) {
        const auto share = share_of(units, {rank, shares});
        ASSERT_EQ(share.has_value(), units >= shares.size());
        if (!share) continue;
        EXPECT_EQ(share->first, next);
        EXPECT_GE(share->count, 1u);
        next = share->first + share->count;
      }
      if (units >= shares.size()) {
        EXPECT_EQ(next, units);
      }
    }
  }
  EXPECT_EQ(share_of(16, {0, {3, 1}})->count, 12u);
}

TEST(Part, WhatTheModelDoesNotHaveIsRefused) {
  const TinyFile tiny = tiny_families()[0];
  const auto file = tiny.open();
  const Blueprint whole = read_blueprint(*file);
  for (const Part& wrong : {Part{3, 1}, Part{0, 4}, Part{2, 2}, Part{1, UINT32_MAX}, Part{0, 0, 1, {1}},
                            Part{0, 0, 0, {}}, Part{0, 0, 0, {1, 0}}, Part{0, 0, 2, {1, 1}}})
    EXPECT_THROW(part(whole, wrong), Error);
  EXPECT_THROW(part(part(whole, {0, 0, 0, {1, 1}}), {0, 0, 0, {1, 1}}), Error);
}

// Rows and columns brought together are the file's own.
TEST(Part, BytesAreThoseOfTheFile) {
  for (const TinyFile& tiny : tiny_families()) {
    const auto file = tiny.open();
    const Blueprint shard = part(read_blueprint(*file), {0, 0, 1, {1, 1}});
    visit_weights(shard, {[&](const Matrix& m) {
                            std::vector<std::byte> room;
                            const uint64_t stride = quant::row_bytes(m.shape.dtype, m.tensor->shape[0]),
                                           from = quant::row_bytes(m.shape.dtype, m.shape.first_col),
                                           bytes = quant::row_bytes(m.shape.dtype, m.shape.cols);
                            const auto all = file->data(*m.tensor);
                            std::vector<uint32_t> rows;
                            for (const Range& range :
                                 m.rows.empty() ? std::vector<Range>{{m.first_row, m.shape.rows}} : m.rows)
                              for (uint32_t i = 0; i < range.count; ++i) rows.push_back(range.first + i);
                            ASSERT_EQ(rows.size(), m.shape.rows) << m.tensor->name;
                            // In pieces that begin and end anywhere.
                            for (uint32_t first = 0; first < m.shape.rows; first += 37) {
                              const uint32_t count = std::min(37u, m.shape.rows - first);
                              const auto got = bytes_of(*file, m, first, count, room);
                              ASSERT_EQ(got.size(), count * bytes);
                              for (uint32_t i = 0; i < count; ++i)
                                ASSERT_EQ(std::memcmp(got.data() + i * bytes,
                                                      all.data() + rows[first + i] * stride + from, bytes),
                                          0)
                                    << tiny.name << ", " << m.tensor->name << ", row " << first + i;
                            }
                          },
                          [](const Vector&) {}, [](const MatrixStack&) {}});
  }
}

}  // namespace
}  // namespace gantry::arch
