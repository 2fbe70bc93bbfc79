#include "device/sections.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace gantry::device {
namespace {

using quant::Dtype;

std::vector<uint32_t> lengths(Dtype dtype, uint32_t cols, uint32_t unit = kSectionUnit) {
  const Sections sections = sections_of({dtype, 64, cols, unit});
  std::vector<uint32_t> out;
  for (uint32_t i = 0; i < sections.count; ++i) out.push_back(sections.borders[i + 1] - sections.borders[i]);
  return out;
}
using Lengths = std::vector<uint32_t>;

TEST(Sections, AreWhatTheRuleSays) {
  EXPECT_EQ(lengths(Dtype::kQ4_K, 4096), Lengths(8, 512));
  EXPECT_EQ(lengths(Dtype::kQ4_K, 16384), Lengths(16, 1024));
  EXPECT_EQ(lengths(Dtype::kQ4_K, 3072), Lengths(4, 768));
  EXPECT_EQ(lengths(Dtype::kQ4_K, 256), Lengths{256});
  EXPECT_EQ(lengths(Dtype::kF32, 7), Lengths{7});
  EXPECT_EQ(lengths(Dtype::kF32, 1), Lengths{1});
  // Not a multiple of 256: what is left over is the last one's.
  EXPECT_EQ(lengths(Dtype::kQ4_0, 1184), (Lengths{512, 672}));
  EXPECT_EQ(lengths(Dtype::kQ4_0, 896), Lengths{896});
  EXPECT_EQ(lengths(Dtype::kF16, 1023), Lengths{1023});
  EXPECT_EQ(lengths(Dtype::kF16, 1025), (Lengths{512, 513}));
  // 43 steps for 16 sections.
  EXPECT_EQ(lengths(Dtype::kQ4_0, 11008),
            (Lengths{768, 512, 768, 768, 512, 768, 768, 768, 512, 768, 768, 512, 768, 768, 512, 768}));
}

// Heads of attention: groups of one KV head each, of widths that are no multiples of 256 or of a block.
TEST(Sections, KeepUnitsWhole) {
  EXPECT_EQ(lengths(Dtype::kQ4_K, 4096, 512), Lengths(8, 512));   // 8 KV heads of 4 times 128
  EXPECT_EQ(lengths(Dtype::kQ4_K, 4096, 128), Lengths(8, 512));   // 32 heads of 128
  EXPECT_EQ(lengths(Dtype::kQ4_0, 896, 448), Lengths(2, 448));    // 2 KV heads of 7 times 64
  EXPECT_EQ(lengths(Dtype::kQ4_0, 768, 64), Lengths(2, 384));     // 12 heads of 64
  EXPECT_EQ(lengths(Dtype::kQ4_0, 2560, 80), Lengths(4, 640));    // 32 heads of 80
  EXPECT_EQ(lengths(Dtype::kQ4_K, 2560, 80), Lengths(2, 1280));   // blocks of 256 and heads of 80
  EXPECT_EQ(lengths(Dtype::kQ8_0, 3072, 96), Lengths(8, 384));    // 32 heads of 96
  EXPECT_EQ(lengths(Dtype::kQ8_0, 576, 192), Lengths{576});       // 3 KV heads of 3 times 64: too short
  EXPECT_EQ(lengths(Dtype::kQ8_0, 5120, 512), Lengths(10, 512));  // 10 KV heads of 4 times 128
  EXPECT_EQ(lengths(Dtype::kNVFP4, 1344, 224), Lengths(3, 448));  // blocks of 64
  EXPECT_EQ(lengths(Dtype::kF32, 32, 16), Lengths{32});
  EXPECT_EQ(lengths(Dtype::kF32, 1000, 1000), Lengths{1000});
}

TEST(Sections, AreSoundForEveryShape) {
  for (const Dtype dtype : {Dtype::kF16, Dtype::kQ4_0, Dtype::kNVFP4, Dtype::kQ1_0, Dtype::kQ4_K}) {
    const uint32_t block = quant::facts(dtype).block_values;
    for (uint32_t unit : {1u, 33u, 64u, 80u, 96u, 128u, 192u, 256u, 448u, 512u, 1000u, 4096u}) {
      for (uint32_t cols = block; cols < 20000; cols += block == 1 ? 97 : block) {
        const Sections sections = sections_of({dtype, 1, cols, unit});
        ASSERT_LE(sections.count, kSectionsMax);
        ASSERT_EQ(sections.borders[0], 0u);
        ASSERT_EQ(sections.borders[sections.count], cols);
        uint32_t least = cols, most = 0;
        for (uint32_t i = 0; i < sections.count; ++i) {
          const uint32_t from = sections.borders[i], to = sections.borders[i + 1];
          ASSERT_LT(from, to) << cols;
          ASSERT_EQ(from % unit + from % 32 + from % block, 0u) << cols;
          ASSERT_TRUE(sections.count == 1 || to - from >= kSectionMin) << cols << " " << unit;
          least = std::min(least, to - from);
          most = std::max(most, to - from);
        }
        // One step of difference, and less than one left over.
        const uint64_t step = std::lcm(std::lcm(uint64_t{unit}, uint64_t{32}), uint64_t{block});
        ASSERT_LT(most - least, 2 * step) << cols << " " << unit;
      }
    }
  }
}

SectionRanges nodes_of(uint32_t sections, uint32_t first, uint32_t end) {
  return add_sections(sections, single_sections({first, end})).nodes;
}

TEST(SectionTree, HalvesAreNodes) {
  EXPECT_EQ(nodes_of(16, 0, 16).count, 1u);
  EXPECT_EQ(nodes_of(12, 0, 12).count, 1u);
  const SectionRanges nodes = nodes_of(16, 3, 13);
  ASSERT_EQ(nodes.count, 4u);
  const uint32_t borders[] = {3, 4, 8, 12, 13};
  for (uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(nodes.range[i].first, borders[i]);
    EXPECT_EQ(nodes.range[i].end, borders[i + 1]);
  }
  // Ranks of a split by two, four, eight, sixteen have one node each, wherever they share evenly.
  for (uint32_t sections = 1; sections <= kSectionsMax; ++sections) {
    for (uint32_t ranks = 2; ranks <= sections; ranks *= 2) {
      if (sections % ranks != 0) continue;
      const uint32_t each = sections / ranks;
      for (uint32_t rank = 0; rank < ranks; ++rank)
        EXPECT_EQ(nodes_of(sections, rank * each, (rank + 1) * each).count, 1u)
            << ranks << " of " << sections;
    }
  }
}

// A sum that shows its order: what was added to what, as text.
using Sums = std::vector<std::string>;
Sums added(const Sums& parts, const std::array<uint8_t, kSectionsMax>& joins, size_t* most_waiting) {
  Sums stack;
  for (size_t i = 0; i < parts.size(); ++i) {
    stack.push_back(parts[i]);
    *most_waiting = std::max(*most_waiting, stack.size());
    for (uint32_t join = 0; join < joins[i]; ++join) {
      const std::string right = stack.back();
      stack.pop_back();
      stack.back() = "(" + stack.back() + "+" + right + ")";
    }
  }
  return stack;
}
Sums names(const SectionRange& range) {
  Sums out;
  for (uint32_t i = range.first; i < range.end; ++i) out.push_back(std::to_string(i));
  return out;
}

TEST(SectionTree, IsTheHalvingTree) {
  size_t most = 0;
  const auto whole = [&](uint32_t sections) {
    return added(names({0, sections}), add_sections(sections, single_sections({0, sections})).joins,
                 &most)[0];
  };
  EXPECT_EQ(whole(1), "0");
  EXPECT_EQ(whole(3), "((0+1)+2)");
  EXPECT_EQ(whole(5), "(((0+1)+2)+(3+4))");
  EXPECT_EQ(whole(8), "(((0+1)+(2+3))+((4+5)+(6+7)))");
}

// However the sections are shared out between up to four ranks, the ranks' nodes give the one sum.
TEST(SectionTree, EveryShareGivesTheSameSum) {
  size_t most = 0;
  for (uint32_t sections = 1; sections <= kSectionsMax; ++sections) {
    const Sums whole =
        added(names({0, sections}), add_sections(sections, single_sections({0, sections})).joins, &most);
    ASSERT_EQ(whole.size(), 1u);
    const auto expect_same = [&](const std::vector<uint32_t>& borders) {
      SectionRanges nodes;
      Sums sums;
      for (size_t rank = 0; rank + 1 < borders.size(); ++rank) {
        const SectionRange own{borders[rank], borders[rank + 1]};
        const SectionTree tree = add_sections(sections, single_sections(own));
        const Sums its = added(names(own), tree.joins, &most);
        ASSERT_EQ(its.size(), tree.nodes.count);
        for (uint32_t i = 0; i < tree.nodes.count; ++i) nodes.range[nodes.count++] = tree.nodes.range[i];
        sums.insert(sums.end(), its.begin(), its.end());
      }
      const SectionTree rest = add_sections(sections, nodes);
      EXPECT_EQ(rest.nodes.count, 1u);
      EXPECT_EQ(added(sums, rest.joins, &most), whole);
    };
    for (uint32_t a = 0; a <= sections; ++a) {
      for (uint32_t b = a; b <= sections; ++b) {
        for (uint32_t c = b; c <= sections; ++c) expect_same({0, a, b, c, sections});
      }
    }
  }
  EXPECT_EQ(most, kSectionStack);
}

// A rank's part: its borders count from its own first column, its rows come whole.
TEST(SectionSum, OfAPart) {
  const WeightShape whole{Dtype::kQ4_0, 64, 3584, 448};
  const SectionSum all = section_sum(whole);
  EXPECT_EQ(all.sections, 8u);
  EXPECT_EQ(all.count(), 8u);
  EXPECT_EQ(all.tree.nodes.count, 1u);
  const WeightShape part = part_of(whole, {3, 6});
  EXPECT_EQ(part.first_col, 1344u);
  EXPECT_EQ(part.cols, 1344u);
  EXPECT_EQ(part.layer_cols(), 3584u);
  const SectionSum sum = section_sum(part);
  EXPECT_EQ(sum.sections, 8u);
  EXPECT_EQ(sum.own.first, 3u);
  EXPECT_EQ(sum.count(), 3u);
  EXPECT_EQ(std::vector<uint32_t>(sum.borders.begin(), sum.borders.begin() + 4),
            (Lengths{0, 448, 896, 1344}));
  EXPECT_EQ(sum.tree.nodes.count, 2u);  // 3, 4-5
}

TEST(SectionSumDeathTest, PartsAreWholeSections) {
  WeightShape part = part_of({Dtype::kQ4_0, 64, 3584, 448}, {3, 6});
  part.cols -= 32;
  EXPECT_DEATH(section_sum(part), "check failed");
}

}  // namespace
}  // namespace gantry::device
