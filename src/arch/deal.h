// Inside arch only: one rank's share of each kind of layer (part.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "arch/part.h"

namespace gantry::arch {

class Dealer {
 public:
  // The blueprint says whose share, and gets the slopes of the rank's heads.
  explicit Dealer(Blueprint& blueprint) : blueprint_(blueprint) {}

  // Each cuts what it is given down to the rank's share, or leaves it whole and returns false.
  bool deal(SoftmaxAttention& attention);
  bool deal(LatentAttention& attention);
  bool deal(ShortConv& conv);
  bool deal(Mamba2& scan);
  bool deal(GatedDelta& delta);
  bool deal(GatedMlp& mlp);
  bool deal(PlainMlp& mlp);
  bool deal(ExpertMlp& mlp);
  bool deal(ActivationOnly&) { return false; }
  bool deal(NoFfn&) { return false; }
  bool deal_rows(Linear& linear);

 private:
  // Of a layer's last matrix: the rank's sections of its sum.
  std::optional<device::WeightShape> share(const device::WeightShape& last) const;

  Blueprint& blueprint_;
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> slopes_;  // by index and first head: index of the share
};

}  // namespace gantry::arch
