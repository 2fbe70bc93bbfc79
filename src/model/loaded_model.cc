#include "model/loaded_model.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"
#include "plan/host_cache.h"
#include "plan/staging.h"
#include "quant/finite.h"

namespace gantry::model {
namespace {

// `bytes` are of `tensor`, some or all of it; copies of them have no place in the file.
std::span<const std::byte> checked(const gguf::TensorInfo& tensor, std::span<const std::byte> bytes,
                                   const gguf::GgufFile& file) {
  const auto bad = quant::find_not_finite(*tensor.dtype, bytes);
  if (!bad) return bytes;
  std::string where = fmt::format("{}: tensor {}", file.part_path(tensor.part), tensor.name);
  const auto all = file.data(tensor);
  const std::less_equal<const std::byte*> before;
  if (before(all.data(), bytes.data()) && before(bytes.data(), all.data() + all.size()))
    where +=
        fmt::format(", byte {}", tensor.offset + static_cast<uint64_t>(bytes.data() - all.data()) + *bad);
  throw Error(ErrorCode::kBadFile, "it holds numbers that are not finite", where,
              "the file is damaged: fetch or convert it again");
}

std::vector<float> read_vector(const arch::Vector& vector, const gguf::GgufFile& file) {
  const auto bytes = checked(*vector.tensor, file.data(*vector.tensor), file);
  std::vector<float> all(vector.tensor->values());
  quant::decode_row(*vector.tensor->dtype, bytes, all);
  const std::vector<arch::Range> together = {{vector.first, vector.size}};
  std::vector<float> values;
  for (const arch::Range& range : vector.values.empty() ? together : vector.values)
    values.insert(values.end(), all.begin() + range.first, all.begin() + range.first + range.count);
  return values;
}

// Rows of a weight are checked and uploaded in slabs, so that no more of the file than this, or kUploadRows
// rows, is in memory at once.
constexpr uint64_t kSlabBytes = uint64_t{4} << 20;

// `rows(first, count)`: those of the weight, as a span.
template <typename Rows>
void upload_rows(const device::Weight& to, const gguf::GgufFile& file, device::Stream& stream,
                 const Rows& rows) {
  const uint64_t unit = device::kUploadRows * quant::row_bytes(to.shape.dtype, to.shape.cols);
  const auto most = static_cast<uint32_t>(std::max<uint64_t>(kSlabBytes / unit, 1) * device::kUploadRows);
  for (uint32_t first = 0; first < to.shape.rows; first += most) {
    const std::span<const std::byte> slab = rows(first, std::min(most, to.shape.rows - first));
    stream.upload_weight(to, first, slab);
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
  std::unique_ptr<LoadedModel> model(new LoadedModel(plan.limits, blueprint.ranks));
  model->take_arenas(plan.devices[0], device, progress);
  model->take_all(blueprint, device.sizer());
  for (const auto& arena : model->arenas_) arena->seal();
  model->host_arena_->seal();
  if (model->host_cache_ != nullptr) model->host_cache_->seal();
  model->upload(blueprint, file, device, progress);
  return model;
}

void LoadedModel::take_arenas(const plan::DevicePlan& plan, device::Device& device,
                              const LoadProgress& progress) {
  const uint64_t staging = plan.arena(plan::ArenaKind::kStaging).bytes;
  uint64_t all = staging + plan.host_cache.bytes, done = 0;
  for (const plan::ArenaPlan& arena : plan.arenas) all += arena.bytes;
  const auto take_arena = [&](const std::string& name, uint64_t bytes, device::MemoryKind kind) {
    auto arena = device.take_arena(name, bytes, kind, [&](uint64_t there) {
      if (progress) progress("memory", done + there, all);
    });
    done += bytes;
    return arena;
  };
  if (progress) progress("memory", 0, all);
  for (const plan::ArenaPlan& arena : plan.arenas)
    arenas_.push_back(take_arena(name_of(arena.kind), arena.bytes, device::MemoryKind::kDevice));
  host_arena_ = take_arena("staging on the host", staging, device::MemoryKind::kHost);
  if (plan.host_cache.bytes != 0)
    host_cache_ = take_arena(name_of(plan.host_cache.kind), plan.host_cache.bytes, device::MemoryKind::kHost);
}

void LoadedModel::take_all(const arch::Blueprint& blueprint, const device::Sizer& sizer) {
  device::Arena& weights = arena(plan::ArenaKind::kWeights);
  arch::visit_weights(
      blueprint,
      {[&](const arch::Matrix& m) {
         weights_[place_of(m)] = device::take(weights, sizer.packed_bytes(m.shape));
       },
       [&](const arch::Vector& v) { weights_[place_of(v)] = device::take(weights, uint64_t{4} * v.size); },
       [&](const arch::MatrixStack& s) {
         weights_[place_of(s)] = device::take(weights, s.count * device::stack_stride(sizer, s.shape));
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
  const uint64_t staging =
      plan::staging_layout(plan::largest_step(limits_), arena(plan::ArenaKind::kStaging).alignment()).bytes;
  staging_ = device::take(arena(plan::ArenaKind::kStaging), staging);
  host_staging_ = device::take(*host_arena_, staging);
  if (host_cache_ == nullptr) return;
  for (const plan::Item& item : plan::list_host_cache(blueprint, limits_, sizer))
    host_pools_.push_back(device::take(*host_cache_, item.bytes));
}

void LoadedModel::upload(const arch::Blueprint& blueprint, const gguf::GgufFile& file, device::Device& device,
                         const LoadProgress& progress) {
  uint64_t all = 0, done = 0;
  const auto add = [&](const auto& w) { all += arch::stored_bytes(w); };
  arch::visit_weights(blueprint, {add, add, add});
  const auto stream = device.new_stream();
  const auto report = [&](uint64_t bytes) {
    file.check();
    done += bytes;
    if (progress) progress("weights", done, all);
  };
  report(0);
  std::vector<std::byte> room;
  arch::visit_weights(blueprint,
                      {[&](const arch::Matrix& m) {
                         upload_rows(weight(m), file, *stream, [&](uint32_t first, uint32_t count) {
                           return checked(*m.tensor, arch::bytes_of(file, m, first, count, room), file);
                         });
                         file.release(file.data(*m.tensor));  // of which some was copied
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
  for (size_t part = 0; part < file.parts(); ++part) file.release(file.part_bytes(part));  // its header too
}

device::Weight LoadedModel::weight(const arch::Matrix& matrix) const {
  return {weights_.at(place_of(matrix)), matrix.shape};
}

void LoadedModel::upload(const arch::MatrixStack& what, const gguf::GgufFile& file, device::Stream& stream) {
  const device::WeightStack to = stack(what);
  std::vector<std::byte> room;
  for (uint32_t i = 0; i < what.count; ++i) {
    const gguf::TensorInfo& tensor = *what.tensors[what.tensors.size() == 1 ? 0 : i];
    if (what.transposed) {
      const auto columns = checked(tensor, arch::bytes_of(file, what, i), file);
      const std::vector<float> turned = transposed(what, columns);
      const auto bytes = std::as_bytes(std::span(turned));
      const uint64_t row_bytes = bytes.size() / what.shape.rows;
      upload_rows(to.matrix(i), file, stream, [&](uint32_t first, uint32_t count) {
        return bytes.subspan(first * row_bytes, count * row_bytes);
      });
    } else {
      upload_rows(to.matrix(i), file, stream, [&](uint32_t first, uint32_t count) {
        return checked(tensor, arch::bytes_of(file, what, i, first, count, room), file);
      });
    }
    file.release(file.data(tensor));  // of which some was copied
  }
}

device::WeightStack LoadedModel::stack(const arch::MatrixStack& stack) const {
  const device::Buffer buffer = weights_.at(place_of(stack));
  return {buffer, stack.shape, stack.count, buffer.bytes / stack.count};
}

device::Buffer LoadedModel::vector(const arch::Vector& vector) const { return weights_.at(place_of(vector)); }

device::Buffer LoadedModel::activation(plan::Role role, uint32_t index) const {
  for (const Taken& taken : activations_) {
    if (taken.role == role && taken.index == index) return taken.buffer;
  }
  detail::check_failed("an activation that list_activations() names", __FILE__, __LINE__, name_of(role));
}

}  // namespace gantry::model
