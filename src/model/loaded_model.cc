#include "model/loaded_model.h"

#include <cmath>

#include "base/check.h"
#include "base/error.h"

namespace gantry::model {
namespace {

std::vector<float> read_vector(const arch::Vector& vector, const gguf::GgufFile& file) {
  std::vector<float> values(vector.size);
  quant::decode_row(*vector.tensor->dtype, file.data(*vector.tensor), values);
  for (const float value : values) {
    if (!std::isfinite(value)) {
      throw Error(ErrorCode::kBadFile, "it holds numbers that are not finite",
                  file.path() + ": tensor " + std::string(vector.tensor->name),
                  "the file is damaged: fetch it again");
    }
  }
  return values;
}

}  // namespace

std::unique_ptr<LoadedModel> LoadedModel::load(const arch::Blueprint& blueprint, const gguf::GgufFile& file,
                                               const plan::MemoryPlan& plan, device::Device& device,
                                               const LoadProgress& progress) {
  GANTRY_CHECK_EQ(plan.devices.size(), size_t{1});
  std::unique_ptr<LoadedModel> model(new LoadedModel(plan.limits));
  for (const plan::ArenaPlan& arena : plan.devices[0].arenas) {
    model->arenas_.push_back(device.new_arena(name_of(arena.kind), arena.bytes));
  }
  model->take_all(blueprint, device.sizer());
  for (const auto& arena : model->arenas_) arena->seal();
  model->upload(blueprint, file, device, progress);
  return model;
}

void LoadedModel::take_all(const arch::Blueprint& blueprint, const device::Sizer& sizer) {
  device::Arena& weights = arena(plan::ArenaKind::kWeights);
  arch::visit_weights(blueprint, {[&](const arch::Matrix& m) {
                                    weights_[m.tensor] = device::take(weights, sizer.packed_bytes(m.shape));
                                  },
                                  [&](const arch::Vector& v) {
                                    weights_[v.tensor] = device::take(weights, uint64_t{4} * v.size);
                                  }});
  for (const arch::Rope& rope : blueprint.ropes) {
    frequencies_.push_back(device::take(weights, uint64_t{8} * rope.frequencies.size()));
  }
  for (const arch::LayerSpec& layer : blueprint.layers) {
    std::visit(arch::Overloaded{[&](const arch::SoftmaxAttention& a) {
                 const uint64_t page = sizer.kv_page_bytes(plan::kv_shape(a, limits_));
                 kv_.push_back(device::take(arena(plan::ArenaKind::kKv), page * limits_.pages));
               }},
               layer.mixer);
  }
  for (const plan::Activation& a : plan::list_activations(blueprint, limits_)) {
    activations_.push_back({a.role, a.index, device::take(arena(plan::ArenaKind::kActivations), a.bytes())});
  }
  scratch_ = device::take(arena(plan::ArenaKind::kScratch), plan::scratch_bytes(blueprint, limits_, sizer));
  for (const plan::Staging& s : plan::list_staging(limits_)) {
    GANTRY_CHECK_EQ(staged_.size(), static_cast<size_t>(s.what));
    staged_.push_back(device::take(arena(plan::ArenaKind::kStaging), s.bytes));
  }
}

void LoadedModel::upload(const arch::Blueprint& blueprint, const gguf::GgufFile& file, device::Device& device,
                         const LoadProgress& progress) {
  uint64_t all = 0, done = 0;
  const auto add = [&](const auto& w) { all += w.tensor->bytes; };
  arch::visit_weights(blueprint, {add, add});
  const auto stream = device.new_stream();
  const auto report = [&](const gguf::TensorInfo& tensor) {
    done += tensor.bytes;
    if (progress) progress(done, all);
  };
  arch::visit_weights(blueprint, {[&](const arch::Matrix& m) {
                                    stream->upload_weight(weight(m), file.data(*m.tensor));
                                    stream->sync();  // bounds what is in flight, and makes progress true
                                    report(*m.tensor);
                                  },
                                  [&](const arch::Vector& v) {
                                    const std::vector<float> values = read_vector(v, file);
                                    stream->write(weights_.at(v.tensor), std::as_bytes(std::span(values)));
                                    stream->sync();
                                    report(*v.tensor);
                                  }});
  for (size_t i = 0; i < blueprint.ropes.size(); ++i) {
    stream->write(frequencies_[i], std::as_bytes(std::span(blueprint.ropes[i].frequencies)));
  }
  stream->sync();
}

device::Weight LoadedModel::weight(const arch::Matrix& matrix) const {
  return {weights_.at(matrix.tensor), matrix.shape};
}

device::Buffer LoadedModel::vector(const arch::Vector& vector) const { return weights_.at(vector.tensor); }

device::Buffer LoadedModel::activation(plan::Role role, uint32_t index) const {
  for (const Taken& taken : activations_) {
    if (taken.role == role && taken.index == index) return taken.buffer;
  }
  detail::check_failed("an activation that list_activations() names", __FILE__, __LINE__, name_of(role));
}

}  // namespace gantry::model
