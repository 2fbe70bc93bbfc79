// What every part of the forward pass works with: the stream, the buffers of a step by name, and weights
// already looked up.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>

#include "arch/layer_spec.h"
#include "arch/part.h"
#include "device/device.h"
#include "model/loaded_model.h"
#include "plan/activations.h"

namespace gantry::model {

struct LinearOp {
  device::Weight weight;
  device::Buffer bias;
  arch::DealtSum sum = {};  // of a weight that was dealt
};
struct NormOp {
  const arch::Norm* spec = nullptr;  // none: no norm here
  device::Buffer weight, bias;
};

// Where a mixer's or an ffn's result goes.
struct Target {
  device::Mat mat;
  bool accumulate;  // added to what stands there
};

device::Buffer bind(const std::optional<arch::Vector>& vector, const LoadedModel& model);
LinearOp bind(const arch::Linear& linear, const LoadedModel& model);
NormOp bind(const std::optional<arch::Norm>& norm, const LoadedModel& model);

// Columns [first, first + count) of a matrix.
device::Mat columns(const device::Mat& m, uint32_t first, uint32_t count);

// Model and device outlive the hands. After construction nothing is allocated. One thread at a time.
class Hands {
 public:
  // `communicator`: of a shard, to the other ranks, else none.
  Hands(const LoadedModel& model, device::Device& device, device::Communicator* communicator = nullptr)
      : model_(model), stream_(device.new_stream()), communicator_(communicator) {}

  const LoadedModel& model() const { return model_; }
  device::Stream& stream() { return *stream_; }
  device::Mat mat(plan::Role role, uint32_t rows, uint32_t cols, uint32_t index = 0) const;
  // Of a weight that was dealt all ranks' shares together, on every rank.
  void linear(const LinearOp& op, const device::Mat& x, const Target& to);
  // The same in three steps, for whoever sums the rank's own share by another operation: sum_own(its columns
  // of the nodes), then the exchange, then the end of the sum, for which `finish` names bias and target.
  template <typename Sum>
  void share_sum(const arch::DealtSum& sum, uint32_t rows, uint32_t cols, const Sum& sum_own,
                 device::FinishLinearArgs finish) {
    finish.nodes = mat(plan::Role::kNodes, rows, sum.nodes.count * cols);
    finish.sections = sum.sections;
    finish.ranges = sum.nodes;
    const device::Mat own = columns(finish.nodes, sum.own.first * cols, sum.own.count * cols);
    sum_own(own);
    communicator_->all_gather_cols(*stream_, own, finish.nodes);
    stream_->finish_linear(finish);
  }
  // Layers of one input, together.
  struct Layer {
    const LinearOp& op;
    device::Mat out;
  };
  void linear(const device::Mat& x, std::initializer_list<Layer> layers);
  void norm(const NormOp& op, const device::Mat& x, const device::Mat& out);
  // Heads one by one, or as many values as the norm has: [rows, n * size] seen as [rows * n, size].
  void norm_parts(const NormOp& op, const device::Mat& x);

 protected:
  const LoadedModel& model_;
  const std::unique_ptr<device::Stream> stream_;
  device::Communicator* const communicator_;
};

}  // namespace gantry::model
