#include "tests/conformance/rig.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <optional>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "backends/cpu/cpu_backend.h"
#include "base/error.h"
#include "base/rng.h"
#include "quant/half.h"
#include "tests/device/lazy_device.h"
#include "tests/device/trial_device.h"

namespace gantry::conformance {

using quant::Dtype;

std::ostream& operator<<(std::ostream& out, const Subject& subject) { return out << subject.label; }

const device::Backend& cpu_backend() {
  static const std::unique_ptr<device::Backend> backend = cpu::make_cpu_backend();
  return *backend;
}

namespace {

// What was left out, each once; told when it happens and counted when all is done.
class LeftOut : public ::testing::Environment {
 public:
  static LeftOut& all() {
    static LeftOut* const environment = [] {
      auto* made = new LeftOut;
      ::testing::AddGlobalTestEnvironment(made);  // gtest deletes it
      return made;
    }();
    return *environment;
  }
  void add(const std::string& what) {
    if (said_.insert(what).second) std::fprintf(stderr, "conformance: left out: %s\n", what.c_str());
  }
  void TearDown() override {
    if (!said_.empty()) std::fprintf(stderr, "conformance: %zu left out, named above\n", said_.size());
  }

 private:
  std::set<std::string> said_;
};

std::vector<Subject> known_subjects() {
  static const auto lazy = device::make_lazy_backend(cpu::make_cpu_backend());
  static const auto drawn = device::make_lazy_backend(cpu::make_cpu_backend(), {1});
  // It lacks a type of weights and pages, so that the suite is seen to leave out what is not offered.
  static const auto trial = device::make_trial_backend(cpu::make_cpu_backend(), {Dtype::kQ8_0});
  std::vector<Subject> out;
  for (const char* isa : {"scalar", "avx2", "avx512", "avx512vnni"}) {
    for (const uint32_t threads : {1u, 3u})
      out.push_back({fmt::format("{}_{}", isa, threads), &cpu_backend(), {isa, threads, 0}, 0});
  }
  out.push_back({"lazy", lazy.get(), {"avx2", 1, 0}, 0});
  out.push_back({"lazy_drawn", drawn.get(), {"avx2", 1, 0}, 0});
  out.push_back({"trial", trial.get(), {"avx2", 1, 0}, 0});
  return out;
}

}  // namespace

// Only what is not supported is left out. A device that fails otherwise stays, and its tests fail.
std::vector<Subject> subjects() {
  LeftOut& left_out = LeftOut::all();
  std::vector<Subject> out;
  for (const Subject& subject : known_subjects()) {
    const std::optional<Error> error = subject.backend->list(subject.options)[0].error;
    if (error && error->code() == ErrorCode::kUnsupported)
      left_out.add(fmt::format("{}: {}", subject.label, error->what()));
    else
      out.push_back(subject);
  }
  return out;
}

std::string name_of(const Subject& subject) { return subject.label; }

std::shared_ptr<device::Device> open(const Subject& subject) {
  return subject.backend->open(0, subject.options);
}

std::string refusal(const Subject& subject, std::initializer_list<device::Operation> operations,
                    Dtype dtype) {
  const auto device = open(subject);
  for (const device::Operation operation : operations) {
    const device::Answer answer = device->sizer().can(operation, dtype);
    if (answer) continue;
    std::string why = fmt::format("{}: {} in {}: {}", subject.label, device::name_of(operation),
                                  quant::facts(dtype).name, answer.reason);
    LeftOut::all().add(why);
    return why;
  }
  return {};
}

bool able(const Subject& subject, device::Operation operation, Dtype dtype) {
  return refusal(subject, {operation}, dtype).empty();
}

std::shared_ptr<device::Device> open_scalar() { return cpu_backend().open(0, {"scalar", 2, 0}); }

Rig::Rig(std::shared_ptr<device::Device> device, uint64_t bytes)
    : device_(std::move(device)), arena_(device_->new_arena("rig", bytes)), stream_(device_->new_stream()) {}

device::Mat Rig::space_mat(uint32_t rows, uint32_t cols, uint32_t stride) {
  if (stride == 0) stride = cols;
  return {space(uint64_t{rows} * stride * sizeof(float)), rows, cols, stride};
}

device::Mat Rig::put_mat(const std::vector<float>& values, uint32_t rows, uint32_t cols, uint32_t stride) {
  const device::Mat mat = space_mat(rows, cols, stride);
  for (uint32_t row = 0; row < rows; ++row)
    stream_->write(mat.buffer.part(uint64_t{row} * mat.stride * sizeof(float), cols * sizeof(float)),
                   std::as_bytes(std::span(values).subspan(uint64_t{row} * cols, cols)));
  stream_->sync();
  return mat;
}

device::Weight Rig::put_weight(const device::WeightShape& shape, const std::vector<std::byte>& rows) {
  const device::Weight weight{space(device_->sizer().packed_bytes(shape)), shape};
  const uint64_t row_bytes = rows.size() / shape.rows;
  for (uint32_t first = 0; first < shape.rows; first += device::kUploadRows) {
    const uint64_t count = std::min(device::kUploadRows, shape.rows - first);
    stream_->upload_weight(weight, first, std::span(rows).subspan(first * row_bytes, count * row_bytes));
  }
  stream_->sync();
  return weight;
}

device::Rows Rig::put_rows(const std::vector<int32_t>& positions, const std::vector<int32_t>& sequences,
                           const std::vector<uint32_t>& tables, uint32_t pages_max,
                           const std::vector<uint32_t>& states) {
  std::vector<device::Run>& runs = run_lists_.emplace_back();
  device::list_runs(positions, sequences, runs);
  device::Rows rows;
  rows.positions = put(positions);
  rows.sequences = put(sequences);
  rows.page_tables = put(tables);
  rows.states = put(states);
  rows.runs = put(runs);
  rows.run_list = runs;
  rows.count = static_cast<uint32_t>(positions.size());
  rows.sequence_count = static_cast<uint32_t>(pages_max != 0 ? tables.size() / pages_max : states.size());
  rows.pages_max = pages_max;
  rows.longest = device::longest_reach(runs);
  return rows;
}

std::vector<float> Rig::get(const device::Mat& mat) {
  std::vector<float> out(uint64_t{mat.rows} * mat.cols);
  for (uint32_t row = 0; row < mat.rows; ++row)
    stream_->read(std::as_writable_bytes(std::span(out).subspan(uint64_t{row} * mat.cols, mat.cols)),
                  mat.buffer.part(uint64_t{row} * mat.stride * sizeof(float), mat.cols * sizeof(float)));
  stream_->sync();
  return out;
}

void on_ranks(const Subject& subject, uint32_t ranks,
              const std::function<void(Rig& rig, device::Communicator& all, uint32_t rank)>& body) {
  std::vector<std::shared_ptr<device::Device>> devices;
  for (uint32_t r = 0; r < ranks; ++r) devices.push_back(open(subject));
  const auto communicators = subject.backend->connect(devices);
  std::vector<std::thread> threads;
  for (uint32_t r = 0; r < ranks; ++r)
    threads.emplace_back([&, r] {
      Rig rig(devices[r], uint64_t{1} << 20);
      EXPECT_EQ(communicators[r]->rank(), r);
      EXPECT_EQ(communicators[r]->ranks(), ranks);
      body(rig, *communicators[r], r);
    });
  for (std::thread& thread : threads) thread.join();
}

uint32_t random_below(uint64_t seed, uint64_t position, uint32_t limit) {
  return static_cast<uint32_t>(uniform_at(seed, position) * limit);
}

std::vector<float> random_floats(uint64_t seed, size_t count, float scale) {
  std::vector<float> out(count);
  for (size_t i = 0; i < count; ++i) {
    // The sum of four uniform numbers: bell-shaped, with tails that make blocks differ.
    double sum = -2;
    for (uint32_t part = 0; part < 4; ++part) sum += uniform_at(seed, i, part);
    out[i] = static_cast<float>(sum) * scale * (i % 61 == 0 ? 6.0f : 1.0f);
  }
  return out;
}

namespace {

// Where a block's f16 scales lie.
struct ScaleFields {
  Dtype dtype;
  std::vector<uint32_t> offsets;
  float size;
};
const std::vector<ScaleFields>& scale_fields() {
  static const std::vector<ScaleFields> fields = {
      {Dtype::kQ4_0, {0}, 0.1f},      {Dtype::kQ4_1, {0, 2}, 0.1f},   {Dtype::kQ5_0, {0}, 0.06f},
      {Dtype::kQ5_1, {0, 2}, 0.06f},  {Dtype::kQ8_0, {0}, 0.01f},     {Dtype::kQ2_K, {80, 82}, 0.05f},
      {Dtype::kQ3_K, {108}, 0.01f},   {Dtype::kQ4_K, {0, 2}, 0.002f}, {Dtype::kQ5_K, {0, 2}, 0.001f},
      {Dtype::kQ6_K, {208}, 0.0005f}, {Dtype::kIQ4_NL, {0}, 0.01f},   {Dtype::kIQ4_XS, {0}, 0.001f},
      {Dtype::kTQ1_0, {52}, 0.5f},    {Dtype::kTQ2_0, {64}, 0.5f},    {Dtype::kQ1_0, {0}, 0.5f},
      {Dtype::kQ2_0, {0}, 0.5f},
  };
  return fields;
}

}  // namespace

std::vector<std::byte> random_weight(uint64_t seed, const device::WeightShape& shape) {
  const uint64_t values = uint64_t{shape.rows} * shape.cols;
  std::vector<std::byte> out(quant::row_bytes(shape.dtype, shape.cols) * shape.rows);
  if (is_float(shape.dtype)) {
    const std::vector<float> floats = random_floats(seed, values);
    for (uint64_t i = 0; i < values; ++i) {
      const uint16_t half =
          shape.dtype == Dtype::kF16 ? quant::f32_to_f16(floats[i]) : quant::f32_to_bf16(floats[i]);
      if (shape.dtype == Dtype::kF32)
        std::memcpy(out.data() + 4 * i, &floats[i], 4);
      else
        std::memcpy(out.data() + 2 * i, &half, 2);
    }
    return out;
  }
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(random_below(seed, i, 256));
  if (shape.dtype == Dtype::kMXFP4) {  // exponents of ordinary sizes, and now and then the two subnormal ones
    const uint32_t block_bytes = quant::facts(shape.dtype).block_bytes;
    for (size_t at = 0; at < out.size(); at += block_bytes) {
      const uint64_t any = random_below(seed + 1, at, 23);
      out[at] = static_cast<std::byte>(any < 2 ? any : 108 + any);
    }
  }
  for (const ScaleFields& fields : scale_fields()) {
    if (fields.dtype != shape.dtype) continue;
    const uint32_t block_bytes = quant::facts(shape.dtype).block_bytes;
    for (size_t at = 0; at < out.size(); at += block_bytes) {
      for (const uint32_t offset : fields.offsets) {
        const auto size = static_cast<float>(uniform_at(seed + 1, at + offset) - 0.3) * fields.size;
        const uint16_t half = quant::f32_to_f16(size);
        std::memcpy(out.data() + at + offset, &half, 2);
      }
    }
  }
  return out;
}

std::vector<float> decoded(const device::WeightShape& shape, const std::vector<std::byte>& rows) {
  std::vector<float> out(uint64_t{shape.rows} * shape.cols);
  const uint64_t row_bytes = quant::row_bytes(shape.dtype, shape.cols);
  for (uint32_t row = 0; row < shape.rows; ++row)
    quant::decode_row(shape.dtype, std::span(rows).subspan(row * row_bytes, row_bytes),
                      std::span(out).subspan(uint64_t{row} * shape.cols, shape.cols));
  return out;
}

std::string difference(std::span<const float> got, std::span<const float> want) {
  return difference_within(got, want, want, 0);
}

std::string difference_within(std::span<const float> got, std::span<const float> want,
                              std::span<const float> magnitude, double error_max) {
  if (got.size() != want.size()) return fmt::format("{} values instead of {}", got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(got[i]) && std::isnan(want[i])) continue;
    const bool equal = error_max == 0 ? std::bit_cast<uint32_t>(got[i]) == std::bit_cast<uint32_t>(want[i])
                                      : std::abs(double{got[i]} - double{want[i]}) <=
                                            error_max * std::abs(double{magnitude[i]}) + 1e-30;
    if (!equal) return fmt::format("value {}: {:.9g} instead of {:.9g}", i, got[i], want[i]);
  }
  return {};
}

std::vector<Dtype> weight_types() {
  std::vector<Dtype> out;
  for (const quant::DtypeFacts& facts : quant::dtype_table()) {
    if (facts.is_weight) out.push_back(facts.dtype);
  }
  return out;
}

bool is_float(Dtype dtype) { return quant::facts(dtype).block_values == 1; }

}  // namespace gantry::conformance
