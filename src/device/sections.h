// How the sum over k of a linear layer is cut and put together (contract E2, docs/decisions/0006): into at
// most sixteen sections, each a chain of its own, which a fixed binary tree adds. Whoever has some whole
// sections (a rank of a tensor split, a block of a GPU) sums them up to a few nodes of the tree, and the
// nodes of all together give the bits that one device gives. Pure; any thread; allocates nothing.
#pragma once

#include <array>
#include <cstdint>

#include "device/sizer.h"

namespace gantry::device {

inline constexpr uint32_t kSectionsMax = 16;
inline constexpr uint32_t kSectionMin = 384;  // values of k: shorter ones cost more than the work in them

// Section i is the values [borders[i], borders[i + 1]) of the whole layer's k.
struct Sections {
  uint32_t count = 1;
  std::array<uint32_t, kSectionsMax + 1> borders{};
};
// The shape alone decides. A step is the smallest common multiple of shape.unit, of the blocks that
// activations are quantized in and of the blocks of the weight's type; borders are multiples of it. Each step
// is a section if there are few of them and they are long enough; else a power of two of sections, as many as
// may be, share them out evenly. What is left over beside whole steps goes to the last section.
Sections sections_of(const WeightShape& shape);

// The tree halves [0, sections) from its root on, the left half the greater one. A range [first, end) of
// sections that it has is a node.
struct SectionRange {
  uint32_t first = 0, end = 0;
};
// Ranges side by side, from left to right.
struct SectionRanges {
  uint32_t count = 0;
  std::array<SectionRange, kSectionsMax> range{};
};
SectionRanges single_sections(const SectionRange& range);

// The additions that the tree makes of parts of it (nodes side by side). Each part is laid on a stack; after
// part i, joins[i] times, the two uppermost are replaced by their sum, left plus right. `nodes` is what lies
// there in the end: one, the whole sum, if the parts are all of the tree. The stack never holds more than
// kSectionStack.
inline constexpr uint32_t kSectionStack = 7;
struct SectionTree {
  std::array<uint8_t, kSectionsMax> joins{};
  SectionRanges nodes;
};
SectionTree add_sections(uint32_t sections, const SectionRanges& parts);

// What a device sums of a layer, which is all of it or what the shape says: its own sections, their borders
// from its own first column on, and what they come to.
struct SectionSum {
  uint32_t sections = 1;  // of the whole layer
  SectionRange own;
  std::array<uint32_t, kSectionsMax + 1> borders{};  // [own.end - own.first + 1]
  SectionTree tree;

  uint32_t count() const { return own.end - own.first; }
};
// The shape's columns are whole sections: anything else is our bug.
SectionSum section_sum(const WeightShape& shape);
// The part of a layer that has these sections of it.
WeightShape part_of(const WeightShape& whole, const SectionRange& range);

}  // namespace gantry::device
