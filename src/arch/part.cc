#include "arch/part.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "arch/deal.h"
#include "base/check.h"
#include "base/error.h"

namespace gantry::arch {
namespace {

constexpr uint32_t kRanksMax = 1024;

[[noreturn]] void refuse(const Blueprint& whole, const std::string& what) {
  throw Error(ErrorCode::kInvalidRequest, what, whole.name);
}

void check(const Blueprint& whole, const Part& part) {
  const size_t layers = whole.layers.size();
  if (part.first_layer >= layers || part.layers > layers - part.first_layer)
    refuse(whole, fmt::format("layers {} to {} of {}", part.first_layer,
                              uint64_t{part.first_layer} + std::max(1u, part.layers) - 1, layers));
  if (part.shares.empty() || part.shares.size() > kRanksMax || part.rank >= part.shares.size())
    refuse(whole, fmt::format("rank {} of {}", part.rank, part.shares.size()));
  if (std::find(part.shares.begin(), part.shares.end(), 0u) != part.shares.end())
    refuse(whole, "a rank without a share");
  if (part.shares.size() > 1 && whole.ranks.count() > 1)
    throw Error(ErrorCode::kUnsupported, "a share of what is a share already", whole.name,
                "make it from the whole model");
}

void take_stage(Blueprint& blueprint, const Part& part) {
  const auto all = static_cast<uint32_t>(blueprint.layers.size());
  const uint32_t end = part.layers == 0 ? all : part.first_layer + part.layers;
  if (part.first_layer != 0) {
    blueprint.embedding.reset();
    blueprint.position_embedding.reset();
    blueprint.embedding_norm.reset();
  }
  if (end != all) {
    blueprint.output_norm.reset();
    blueprint.output.reset();
  }
  blueprint.layers.erase(blueprint.layers.begin() + end, blueprint.layers.end());
  blueprint.layers.erase(blueprint.layers.begin(), blueprint.layers.begin() + part.first_layer);
}

void take_shard(Blueprint& blueprint, const Part& part) {
  blueprint.ranks = {part.rank, part.shares};
  Dealer dealer(blueprint);
  bool any = false;
  for (LayerSpec& layer : blueprint.layers) {
    layer.mixer_dealt = std::visit([&](auto& mixer) { return dealer.deal(mixer); }, layer.mixer);
    layer.ffn_dealt = std::visit([&](auto& ffn) { return dealer.deal(ffn); }, layer.ffn);
    any |= layer.mixer_dealt || layer.ffn_dealt;
  }
  if (!any)
    throw Error(ErrorCode::kUnsupported,
                fmt::format("no layer of this {} can be shared out between {} ranks", blueprint.arch,
                            part.shares.size()),
                blueprint.name, "take fewer ranks, or share the model out by layers");
  if (blueprint.output) blueprint.output_dealt = dealer.deal_rows(*blueprint.output);
}

}  // namespace

std::optional<Range> share_of(uint32_t units, const Ranks& ranks) {
  const uint32_t count = ranks.count();
  if (units < count) return std::nullopt;
  const uint64_t all = std::accumulate(ranks.shares.begin(), ranks.shares.end(), uint64_t{0});
  uint64_t sum = 0;
  uint32_t first = 0, end = 0;
  for (uint32_t rank = 0; rank <= ranks.rank; ++rank) {
    sum += ranks.shares[rank];
    first = end;
    const auto border = static_cast<uint32_t>((2 * units * sum + all) / (2 * all));  // the nearest
    end = std::max(first + 1, std::min(border, units - (count - 1 - rank)));
  }
  return Range{first, end - first};
}

DealtSum dealt_sum(const device::WeightShape& last, const Ranks& ranks) {
  DealtSum sum;
  sum.sections = device::section_sum(last).sections;
  for (uint32_t rank = 0; rank < ranks.count(); ++rank) {
    const std::optional<Range> share = share_of(sum.sections, {rank, ranks.shares});
    GANTRY_CHECK(share.has_value());
    const device::SectionRange range{share->first, share->first + share->count};
    const device::SectionRanges its =
        device::add_sections(sum.sections, device::single_sections(range)).nodes;
    if (rank == ranks.rank) sum.own = {sum.nodes.count, its.count};
    for (uint32_t i = 0; i < its.count; ++i) sum.nodes.range[sum.nodes.count++] = its.range[i];
  }
  return sum;
}

Blueprint part(const Blueprint& whole, const Part& part) {
  check(whole, part);
  Blueprint blueprint = whole;
  if (part.shares.size() > 1) take_shard(blueprint, part);
  take_stage(blueprint, part);
  return blueprint;
}

}  // namespace gantry::arch
