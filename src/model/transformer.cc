#include "model/transformer.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "base/sampler_bytes.h"
#include "model/bound_layer.h"
#include "model/copies.h"
#include "model/hands.h"
#include "model/picker.h"
#include "model/recorded_steps.h"
#include "model/staging.h"
#include "model/step_thread.h"

namespace gantry::model {
namespace {

using device::Mat;
using plan::Role;

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
                      .width = blueprint.width,
                      .checkpoints = l.checkpoints,
                      .host = l.host};
  for (const auto& [window, pages] : l.windows) limits.windows.push_back({window, pages});
  return limits;
}

// Of the vocabulary.
arch::Range output_rows(const arch::Blueprint& blueprint) {
  if (!blueprint.output_dealt) return {0, blueprint.logits()};
  return arch::share_of(blueprint.vocab, blueprint.ranks).value();
}

class Transformer final : public Runner, private Hands {
 public:
  Transformer(const arch::Blueprint& blueprint, const LoadedModel& model, device::Device& device,
              device::Communicator* communicator)
      : Hands(model, device, communicator),
        blueprint_(blueprint),
        embedding_(blueprint.embedding ? model.weight(*blueprint.embedding) : device::Weight{}),
        limits_(limits_of(blueprint, model)),
        embedding_norm_(bind(blueprint.embedding_norm, model)),
        output_norm_(bind(blueprint.output_norm, model)),
        output_(blueprint.output ? bind(*blueprint.output, model) : LinearOp{}),
        output_rows_(output_rows(blueprint)),
        copier_(blueprint, model),
        staging_(limits_, model),
        records_(device.can_record() && communicator == nullptr),
        logits_(size_t{limits_.logit_rows_max} * blueprint.logits()),
        hidden_(size_t{limits_.logit_rows_max} * limits_.width),
        picker_(blueprint.logits(), limits_.logit_rows_max,
                std::min(device.facts().compute_units, kPickThreadsMax)),
        thread_([this] { run_for_all(); }) {
    GANTRY_CHECK_EQ(communicator != nullptr ? communicator->ranks() : 1, blueprint.ranks.count());
    GANTRY_CHECK_EQ(communicator != nullptr ? communicator->rank() : 0, blueprint.ranks.rank);
    for (uint32_t i = 0; i < blueprint.ropes.size(); ++i) ropes_.push_back({&blueprint.ropes[i], i});
    for (uint32_t i = 0; i < blueprint.layers.size(); ++i) layers_.push_back(bind_layer(blueprint, i, model));
  }

  const RunnerLimits& limits() const override { return limits_; }

  void launch(const Batch& batch) override {
    check_batch(batch, limits_);
    GANTRY_CHECK(blueprint_.embedding ||
                 std::ranges::count(batch.tokens, kNoToken) == std::ssize(batch.tokens));
    GANTRY_CHECK(blueprint_.output || (batch.picks.empty() && batch.logit_rows.empty()));
    batch_ = batch;
    thread_.begin();
  }

  Outputs land() override {
    thread_.wait();
    return outputs_;
  }

 private:
  // On the runner's own thread. A rank that fails must not hang the others, and nothing that it has begun
  // goes on with a batch of which its owner hears that it has ended.
  void run_for_all() {
    try {
      run();
    } catch (...) {
      if (communicator_ != nullptr) communicator_->abort();
      settle();
      throw;
    }
  }
  void settle() {
    try {
      stream_->sync();
    } catch (...) {  // the error that came first is the one that is told
    }
  }

  // All of a step.
  void run() {
    copier_.run(*stream_, batch_.copies_before);
    const bool recorded = records_ && one_row_each();
    const StepRows& rows = staging_.send(*stream_, batch_, recorded ? Sizing::kRounded : Sizing::kExact);
    if (limits_.recurrent) empty_states(rows);
    if (recorded)
      replay(rows);
    else
      compute(rows);
    const size_t with_logits = batch_.picks.size() + batch_.logit_rows.size();
    const std::span<float> logits = std::span(logits_).first(with_logits * limits_.vocab);
    const std::span<float> hidden = std::span(hidden_).first(batch_.hidden_rows.size() * limits_.width);
    read_given(rows, logits, hidden);
    copier_.run(*stream_, batch_.copies_after);
    stream_->sync();
    const size_t picked = batch_.picks.size() * limits_.vocab;
    outputs_ = {picker_.pick(batch_.picks, logits.first(picked)), logits.subspan(picked), hidden};
  }

  // Those of sequences that begin, so the copies before the rows come first.
  void empty_states(const StepRows& rows) {
    const std::span<const uint32_t> slots = staging_.slots();
    for (size_t i = 0; i < slots.size(); ++i) {
      const device::Run& run = rows.all.run_list[i];
      if (run.reach == run.count) stream_->fill(model_.state(slots[i]), std::byte{0});
    }
  }

  // Steps of which many are alike: each sequence has a token, and gives logits if anything.
  bool one_row_each() const {
    const auto& of = batch_.sequences;
    return batch_.inputs.empty() && batch_.hidden_rows.empty() && batch_.causal &&
           std::ranges::adjacent_find(of) == of.end();
  }

  void replay(const StepRows& rows) {
    device::Recording* step = recorded_.find(staging_.sizes());
    if (step == nullptr) {
      recorded_.make_room();
      stream_->begin_recording();
      compute(rows);
      step = &recorded_.keep(staging_.sizes(), stream_->end_recording());
    }
    stream_->replay(*step);
  }

  void compute(const StepRows& rows) {
    const Mat x = embed(rows);
    for (const RopeOp& rope : ropes_) make_rope_table(*this, rope, rows);
    for (const LayerOp& layer : layers_) forward(layer, rows, x);
    give(rows, x);
  }

  // Of the rows that give something, those with logits stand first.
  void give(const StepRows& rows, const Mat& x) {
    if (rows.with_logits + rows.hidden == 0) return;
    const Mat last = mat(Role::kLast, rows.with_logits + rows.hidden, blueprint_.width);
    stream_->gather_rows({x, rows.given, last});
    norm(output_norm_, last, last);
    if (rows.with_logits == 0) return;
    const Mat out = mat(Role::kLogits, rows.with_logits, blueprint_.vocab);
    const Mat own = columns(out, output_rows_.first, output_rows_.count);
    linear(output_, mat(Role::kLast, rows.with_logits, blueprint_.width), {own, false});
    if (blueprint_.output_dealt) communicator_->all_gather_cols(*stream_, own, out);
    if (blueprint_.logit_scale != 1 || blueprint_.logit_cap != 0)
      stream_->scale({out, blueprint_.logit_scale, 0, blueprint_.logit_cap});
  }
  void read_given(const StepRows& rows, std::span<float> logits, std::span<float> hidden) {
    const uint64_t before = 4ull * rows.with_logits * blueprint_.width;
    if (!logits.empty())
      stream_->read(std::as_writable_bytes(logits),
                    model_.activation(Role::kLogits).part(0, logits.size_bytes()));
    if (!hidden.empty())
      stream_->read(std::as_writable_bytes(hidden),
                    model_.activation(Role::kLast).part(before, hidden.size_bytes()));
  }

  // The stream as it enters the first layer.
  Mat embed(const StepRows& step) {
    const uint32_t rows = step.all.count;
    const Mat x = mat(Role::kStream, rows, blueprint_.width);
    if (blueprint_.embedding) stream_->embed({embedding_, step.tokens, blueprint_.embedding_scale, x});
    take_inputs(x);
    if (blueprint_.position_embedding) {
      const Mat positions = mat(Role::kNormed, rows, blueprint_.width);
      stream_->embed({model_.weight(*blueprint_.position_embedding), step.turns, 1, positions});
      stream_->add({x, positions, x});
    }
    norm(embedding_norm_, x, x);
    return x;
  }

  // Rows without a token take theirs from the batch: as many as stand together at once.
  void take_inputs(const Mat& x) {
    const uint64_t bytes = 4ull * blueprint_.width;
    auto left = std::as_bytes(batch_.inputs);
    for (size_t row = 0; !left.empty(); ++row) {
      const size_t first = row;
      while (row < batch_.tokens.size() && batch_.tokens[row] == kNoToken) ++row;
      if (row == first) continue;
      const uint64_t count = (row - first) * bytes;
      stream_->write(x.buffer.part(first * bytes, count), left.first(count));
      left = left.subspan(count);
    }
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
  const arch::Range output_rows_;  // which logits it makes
  std::vector<RopeOp> ropes_;
  std::vector<LayerOp> layers_;
  const Copier copier_;
  Staging staging_;
  const bool
      records_;  // the device can, and no other rank takes part: an exchange waits, which no recording does
  RecordedSteps recorded_;
  std::vector<float> logits_;  // [logit_rows_max, vocab]
  std::vector<float> hidden_;  // [logit_rows_max, width]
  Picker picker_;
  Batch batch_;      // of the step under way
  Outputs outputs_;  // of the last one
  StepThread thread_;
};

}  // namespace

std::unique_ptr<Runner> make_transformer(const arch::Blueprint& blueprint, const LoadedModel& model,
                                         device::Device& device, device::Communicator* communicator) {
  return std::make_unique<Transformer>(blueprint, model, device, communicator);
}

}  // namespace gantry::model
