#include "model/loaded_model.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"
#include "quant/finite.h"

namespace gantry::model {
namespace {

// `bytes` are of `tensor`, some or all of it.
void check_finite(const gguf::TensorInfo& tensor, std::span<const std::byte> bytes,
                  const gguf::GgufFile& file) {
  const auto bad = quant::find_not_finite(*tensor.dtype, bytes);
  if (!bad) return;
  const auto begin = static_cast<uint64_t>(bytes.data() - file.part_bytes(tensor.part).data());
  throw Error(ErrorCode::kBadFile, "it holds numbers that are not finite",
              fmt::format("{}: tensor {}, byte {}", file.part_path(tensor.part), tensor.name, begin + *bad),
              "the file is damaged: fetch or convert it again");
}

std::vector<float> read_vector(const arch::Vector& vector, const gguf::GgufFile& file) {
  check_finite(*vector.tensor, file.data(*vector.tensor), file);
  std::vector<float> values(vector.tensor->values());
  quant::decode_row(*vector.tensor->dtype, file.data(*vector.tensor), values);
  return {values.begin() + vector.first, values.begin() + vector.first + vector.size};
}

// Rows of a weight are checked and uploaded in slabs, so that no more of the file than this, or kUploadRows
// rows, is in memory at once. No tensor: the rows were made of one that has been checked.
constexpr uint64_t kSlabBytes = uint64_t{4} << 20;

void upload_rows(const device::Weight& to, const gguf::TensorInfo* tensor, std::span<const std::byte> rows,
                 const gguf::GgufFile& file, device::Stream& stream) {
  const uint64_t row_bytes = rows.size() / to.shape.rows;
  const uint64_t unit = device::kUploadRows * row_bytes;
  const uint64_t slab_bytes = std::max<uint64_t>(kSlabBytes / unit, 1) * unit;
  for (uint64_t at = 0; at < rows.size(); at += slab_bytes) {
    const auto slab = rows.subspan(at, std::min(slab_bytes, rows.size() - at));
    if (tensor != nullptr) check_finite(*tensor, slab, file);
    stream.upload_weight(to, static_cast<uint32_t>(at / row_bytes), slab);
    stream.sync();
    file.release(slab);
  }
}

// One matrix of a transposed stack: the file's rows are its columns.
std::vector<float> transposed(const arch::MatrixStack& stack, std::span<const std::byte> rows) {
  const uint32_t height = stack.shape.rows, width = stack.shape.cols;
  const quant::Dtype dtype = *stack.tensors[0]->dtype;
  const uint64_t row_bytes = quant::row_bytes(dtype, height);
  std::vector<float> row(height), out(uint64_t{height} * width);
  for (uint32_t col = 0; col < width; ++col) {
    quant::decode_row(dtype, rows.subspan(col * row_bytes, row_bytes), row);
    for (uint32_t i = 0; i < height; ++i) out[uint64_t{i} * width + col] = row[i];
  }
  return out;
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
  arch::visit_weights(
      blueprint, {[&](const arch::Matrix& m) {
                    weights_[{m.tensor, m.first_row}] = device::take(weights, sizer.packed_bytes(m.shape));
                  },
                  [&](const arch::Vector& v) {
                    weights_[{v.tensor, v.first}] = device::take(weights, uint64_t{4} * v.size);
                  },
                  [&](const arch::MatrixStack& s) {
                    weights_[{s.tensors[0], s.first_row}] =
                        device::take(weights, s.count * device::stack_stride(sizer, s.shape));
                  }});
  for (const arch::Rope& rope : blueprint.ropes) {
    frequencies_.push_back(device::take(weights, uint64_t{8} * rope.frequencies.size()));
  }
  for (const std::vector<float>& slopes : blueprint.slopes) {
    slopes_.push_back(device::take(weights, uint64_t{4} * slopes.size()));
  }
  for (const arch::LayerSpec& layer : blueprint.layers) {
    kv_.emplace_back();
    std::visit(arch::Overloaded{[&](const auto& attention) {
                                  const uint64_t page =
                                      sizer.kv_page_bytes(plan::kv_shape(attention, limits_));
                                  kv_.back() = device::take(arena(plan::ArenaKind::kKv),
                                                            page * plan::pool_pages(attention, limits_));
                                },
                                arch::SkipRecurrent{}},
               layer.mixer);
  }
  state_layout_ = plan::state_layout(blueprint);
  if (state_layout_.bytes != 0) {
    const uint64_t count = uint64_t{limits_.sequences} + limits_.checkpoints;
    states_ = device::take(arena(plan::ArenaKind::kStates), state_layout_.bytes * count);
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
  const auto add = [&](const auto& w) { all += arch::stored_bytes(w); };
  arch::visit_weights(blueprint, {add, add, add});
  const auto stream = device.new_stream();
  const auto report = [&](uint64_t bytes) {
    done += bytes;
    if (progress) progress(done, all);
  };
  arch::visit_weights(blueprint, {[&](const arch::Matrix& m) {
                                    upload_rows(weight(m), m.tensor, arch::bytes_of(file, m), file, *stream);
                                    report(arch::stored_bytes(m));
                                  },
                                  [&](const arch::Vector& v) {
                                    const std::vector<float> values = read_vector(v, file);
                                    stream->write(vector(v), std::as_bytes(std::span(values)));
                                    stream->sync();
                                    report(arch::stored_bytes(v));
                                  },
                                  [&](const arch::MatrixStack& s) {
                                    upload(s, file, *stream);
                                    report(arch::stored_bytes(s));
                                  }});
  for (size_t i = 0; i < blueprint.ropes.size(); ++i) {
    const std::vector<double>& frequencies = blueprint.ropes[i].frequencies_for(limits_.context);
    stream->write(frequencies_[i], std::as_bytes(std::span(frequencies)));
  }
  for (size_t i = 0; i < blueprint.slopes.size(); ++i) {
    stream->write(slopes_[i], std::as_bytes(std::span(blueprint.slopes[i])));
  }
  stream->sync();
  for (size_t part = 0; part < file.parts(); ++part) file.release(file.part_bytes(part));
}

device::Weight LoadedModel::weight(const arch::Matrix& matrix) const {
  return {weights_.at({matrix.tensor, matrix.first_row}), matrix.shape};
}

void LoadedModel::upload(const arch::MatrixStack& what, const gguf::GgufFile& file, device::Stream& stream) {
  const device::WeightStack to = stack(what);
  for (uint32_t i = 0; i < what.count; ++i) {
    const gguf::TensorInfo& tensor = *what.tensors[what.tensors.size() == 1 ? 0 : i];
    const auto rows = arch::bytes_of(file, what, i);
    if (!what.transposed) {
      upload_rows(to.matrix(i), &tensor, rows, file, stream);
      continue;
    }
    check_finite(tensor, rows, file);
    const std::vector<float> turned = transposed(what, rows);
    upload_rows(to.matrix(i), nullptr, std::as_bytes(std::span(turned)), file, stream);
    file.release(rows);
  }
}

device::WeightStack LoadedModel::stack(const arch::MatrixStack& stack) const {
  const device::Buffer buffer = weights_.at({stack.tensors[0], stack.first_row});
  return {buffer, stack.shape, stack.count, buffer.bytes / stack.count};
}

device::Buffer LoadedModel::vector(const arch::Vector& vector) const {
  return weights_.at({vector.tensor, vector.first});
}

device::Buffer LoadedModel::activation(plan::Role role, uint32_t index) const {
  for (const Taken& taken : activations_) {
    if (taken.role == role && taken.index == index) return taken.buffer;
  }
  detail::check_failed("an activation that list_activations() names", __FILE__, __LINE__, name_of(role));
}

}  // namespace gantry::model
