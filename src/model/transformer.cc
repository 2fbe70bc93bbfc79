#include "model/transformer.h"

#include <vector>

#include "model/bound_layer.h"
#include "model/copies.h"
#include "model/hands.h"
#include "model/staging.h"

namespace gantry::model {
namespace {

using device::Mat;
using plan::Role;
using plan::Staged;

RunnerLimits limits_of(const arch::Blueprint& blueprint, const LoadedModel& model) {
  const plan::Limits& l = model.limits();
  RunnerLimits limits{.vocab = blueprint.vocab,
                      .context_max = l.context,
                      .sequences_max = l.sequences,
                      .rows_max = l.step_rows,
                      .logit_rows_max = l.logit_rows,
                      .pages = l.pages,
                      .pages_max = l.pages_max,
                      .recurrent = model.state_layout().bytes != 0,
                      .windows = {},
                      .checkpoints = l.checkpoints};
  for (const auto& [window, pages] : l.windows) limits.windows.push_back({window, pages});
  return limits;
}

class Transformer final : public Runner, private Hands {
 public:
  Transformer(const arch::Blueprint& blueprint, const LoadedModel& model, device::Device& device)
      : Hands(model, device),
        blueprint_(blueprint),
        embedding_(blueprint.embedding ? model.weight(*blueprint.embedding) : device::Weight{}),
        limits_(limits_of(blueprint, model)),
        embedding_norm_(bind(blueprint.embedding_norm, model)),
        output_norm_(bind(blueprint.output_norm, model)),
        output_(blueprint.output ? bind(*blueprint.output, model) : LinearOp{}),
        copier_(blueprint, model),
        staging_(limits_) {
    for (uint32_t i = 0; i < blueprint.ropes.size(); ++i) ropes_.push_back({&blueprint.ropes[i], i});
    for (uint32_t i = 0; i < blueprint.layers.size(); ++i) layers_.push_back(bind_layer(blueprint, i, model));
  }

  const RunnerLimits& limits() const override { return limits_; }

  void step(const Batch& batch, std::span<float> logits) override {
    check_batch(batch, logits.size(), limits_);
    const auto wanted = static_cast<uint32_t>(batch.logit_rows.size());
    copier_.run(*stream_, batch.copies_before);
    const StepRows& rows = staging_.send(*this, batch);
    const Mat x = embed(rows);
    for (const RopeOp& rope : ropes_) make_rope_table(*this, rope, rows);
    for (const LayerOp& layer : layers_) forward(layer, rows, x);
    if (wanted > 0) {
      const Mat last = mat(Role::kLast, wanted, blueprint_.width);
      stream_->gather_rows({x, model_.staged(Staged::kLogitRows).part(0, 4ull * wanted), last});
      norm(output_norm_, last, last);
      const Mat out = mat(Role::kLogits, wanted, blueprint_.vocab);
      linear(output_, last, {out, false});
      if (blueprint_.logit_scale != 1 || blueprint_.logit_cap != 0)
        stream_->scale({out, blueprint_.logit_scale, 0, blueprint_.logit_cap});
      stream_->read(std::as_writable_bytes(logits.first(size_t{wanted} * blueprint_.vocab)), out.buffer);
    }
    copier_.run(*stream_, batch.copies_after);
    stream_->sync();
  }

 private:
  // The stream as it enters the first layer.
  Mat embed(const StepRows& step) {
    const uint32_t rows = step.all.count;
    const Mat x = mat(Role::kStream, rows, blueprint_.width);
    stream_->embed(
        {embedding_, model_.staged(Staged::kTokens).part(0, 4ull * rows), blueprint_.embedding_scale, x});
    if (blueprint_.position_embedding) {
      const Mat positions = mat(Role::kNormed, rows, blueprint_.width);
      stream_->embed({model_.weight(*blueprint_.position_embedding), step.all.positions, 1, positions});
      stream_->add({x, positions, x});
    }
    norm(embedding_norm_, x, x);
    return x;
  }

  void forward(const LayerOp& op, const StepRows& rows, const Mat& x) {
    const arch::LayerSpec& spec = *op.spec;
    const Mat mixer_in = input(op.mixer_norm, x, Role::kNormed);
    Mat ffn_in = mixer_in;
    if (spec.parallel && spec.ffn_norm) ffn_in = input(op.ffn_norm, x, Role::kNormedForFfn);
    branch(spec, op.mixer_post_norm, x, [&](const Target& to) {
      std::visit([&](const auto& kind) { mix(kind, rows, mixer_in, to); }, op.mixer);
    });
    if (!spec.parallel) ffn_in = input(op.ffn_norm, x, Role::kNormed);
    if (std::holds_alternative<arch::NoFfn>(op.ffn)) return;
    branch(spec, op.ffn_post_norm, x, [&](const Target& to) {
      std::visit([&](const auto& kind) { run_ffn(*this, kind, ffn_in, to); }, op.ffn);
    });
  }

  // Adds to x what `run` makes, at once where nothing is done to it before.
  template <typename Run>
  void branch(const arch::LayerSpec& spec, const NormOp& post_norm, const Mat& x, const Run& run) {
    const bool at_once = post_norm.spec == nullptr && spec.residual_scale == 1;
    const Mat out = at_once ? x : mat(Role::kBranch, x.rows, x.cols);
    run(Target{out, at_once});
    if (at_once) return;
    norm(post_norm, out, out);
    stream_->add({x, out, x, spec.residual_scale});
  }

  // What a mixer or an ffn reads: x normed, or x itself.
  Mat input(const NormOp& op, const Mat& x, Role role) {
    if (op.spec == nullptr) return x;
    const Mat normed = mat(role, x.rows, x.cols);
    norm(op, x, normed);
    return normed;
  }

  void mix(const AttentionOp& op, const StepRows& rows, const Mat& in, const Target& to) {
    run_mixer(*this, op, rows, in, to);
  }
  void mix(const LatentAttentionOp& op, const StepRows& rows, const Mat& in, const Target& to) {
    run_mixer(*this, op, rows, in, to);
  }
  template <typename Recurrent>
  void mix(const Recurrent& op, const StepRows& rows, const Mat& in, const Target& to) {
    run_mixer(*this, op, rows.all, in, to);
  }

  const arch::Blueprint& blueprint_;
  const device::Weight embedding_;
  const RunnerLimits limits_;
  const NormOp embedding_norm_, output_norm_;
  const LinearOp output_;
  std::vector<RopeOp> ropes_;
  std::vector<LayerOp> layers_;
  const Copier copier_;
  Staging staging_;
};

}  // namespace

std::unique_ptr<Runner> make_transformer(const arch::Blueprint& blueprint, const LoadedModel& model,
                                         device::Device& device) {
  return std::make_unique<Transformer>(blueprint, model, device);
}

}  // namespace gantry::model
