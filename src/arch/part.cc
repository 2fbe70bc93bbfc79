#include "arch/part.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "arch/deal.h"
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
  const bool dealt = std::any_of(whole.layers.begin(), whole.layers.end(),
                                 [](const LayerSpec& layer) { return layer.mixer_dealt || layer.ffn_dealt; });
  if (part.shares.size() > 1 && (dealt || whole.output_dealt))
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

}  // namespace

std::optional<Range> share_of(uint32_t units, const Part& part) {
  const auto ranks = static_cast<uint32_t>(part.shares.size());
  if (units < ranks) return std::nullopt;
  const uint64_t all = std::accumulate(part.shares.begin(), part.shares.end(), uint64_t{0});
  uint64_t sum = 0;
  uint32_t first = 0, end = 0;
  for (uint32_t rank = 0; rank <= part.rank; ++rank) {
    sum += part.shares[rank];
    first = end;
    const auto border = static_cast<uint32_t>((2 * units * sum + all) / (2 * all));  // the nearest
    end = std::max(first + 1, std::min(border, units - (ranks - 1 - rank)));
  }
  return Range{first, end - first};
}

Blueprint part(const Blueprint& whole, const Part& part) {
  check(whole, part);
  Blueprint blueprint = whole;
  take_stage(blueprint, part);
  if (part.shares.size() == 1) return blueprint;
  Dealer dealer(part, blueprint);
  for (LayerSpec& layer : blueprint.layers) {
    layer.mixer_dealt = std::visit([&](auto& mixer) { return dealer.deal(mixer); }, layer.mixer);
    layer.ffn_dealt = std::visit([&](auto& ffn) { return dealer.deal(ffn); }, layer.ffn);
  }
  if (blueprint.output) blueprint.output_dealt = dealer.deal_rows(*blueprint.output);
  return blueprint;
}

}  // namespace gantry::arch
