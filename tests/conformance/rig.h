// What the conformance cases share: the devices under test, memory on them, random operands, and comparison.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "device/device.h"
#include "device/registry.h"
#include "quant/dtype.h"

namespace gantry::conformance {

// A device under test. `error_max` is 0 where results must equal the scalar device's bit for bit (contract
// E3), else the greatest difference as a part of the sum of the magnitudes that entered the result.
struct Subject {
  std::string label;
  const device::Backend* backend = nullptr;
  device::OpenDeviceOptions options;
  double error_max = 0;
};
std::ostream& operator<<(std::ostream& out, const Subject& subject);

// Every device this machine can test: each CPU instruction set, with one and with several threads; the CPU
// behind a device that is lazy, in order and not; a trial backend that offers less. What the machine does not
// support is left out, and said at once and in the end.
std::vector<Subject> subjects();
// For gtest's names: "avx2_3"
std::string name_of(const Subject& subject);

std::shared_ptr<device::Device> open(const Subject& subject);
// Why the subject's device says that it cannot do all of these; empty: it can. What it cannot is a case left
// out, said at once and in the end.
std::string refusal(const Subject& subject, std::initializer_list<device::Operation> operations,
                    quant::Dtype dtype = quant::Dtype::kF32);
bool able(const Subject& subject, device::Operation operation, quant::Dtype dtype = quant::Dtype::kF32);
std::shared_ptr<device::Device> open_scalar();
const device::Backend& cpu_backend();

// A device with one arena to put operands into.
class Rig {
 public:
  explicit Rig(std::shared_ptr<device::Device> device, uint64_t bytes = uint64_t{8} << 20);

  device::Device& device() { return *device_; }
  device::Stream& stream() { return *stream_; }

  device::Buffer space(uint64_t bytes) { return device::take(*arena_, bytes); }
  template <typename T>
  device::Buffer put(const std::vector<T>& values) {
    const device::Buffer to = space(values.size() * sizeof(T));
    stream_->write(to, std::as_bytes(std::span(values)));
    stream_->sync();
    return to;
  }
  // rows * cols values; `stride` 0: packed. What lies between the rows stays poisoned.
  device::Mat put_mat(const std::vector<float>& values, uint32_t rows, uint32_t cols, uint32_t stride = 0);
  device::Mat space_mat(uint32_t rows, uint32_t cols, uint32_t stride = 0);
  device::Weight put_weight(const device::WeightShape& shape, const std::vector<std::byte>& rows);
  // Rows at `positions` of `sequences` (negative: padding), whose page tables are `tables` [sequences,
  // pages_max] and whose states are `states`; either may be empty. The host's list of runs lives as long as
  // the rig.
  device::Rows put_rows(const std::vector<int32_t>& positions, const std::vector<int32_t>& sequences,
                        const std::vector<uint32_t>& tables, uint32_t pages_max,
                        const std::vector<uint32_t>& states = {});
  std::vector<float> get(const device::Mat& mat);

 private:
  std::shared_ptr<device::Device> device_;
  std::unique_ptr<device::Arena> arena_;
  std::unique_ptr<device::Stream> stream_;
  std::deque<std::vector<device::Run>> run_lists_;
};

// Ranks of a split of the subject's backend, each on a device and in a thread of its own.
void on_ranks(const Subject& subject, uint32_t ranks,
              const std::function<void(Rig& rig, device::Communicator& all, uint32_t rank)>& body);

// ---- operands; each a pure function of its seed

std::vector<float> random_floats(uint64_t seed, size_t count, float scale = 1);
// Rows of a weight: every code and every small scale occurs; the scales give values around 1.
std::vector<std::byte> random_weight(uint64_t seed, const device::WeightShape& shape);
std::vector<float> decoded(const device::WeightShape& shape, const std::vector<std::byte>& rows);
uint32_t random_below(uint64_t seed, uint64_t position, uint32_t limit);

// ---- comparison

// The first difference in words, or empty. Numbers that are not numbers equal each other.
std::string difference(std::span<const float> got, std::span<const float> want);
// As difference(), but equal means within error_max * magnitude[i] (0: bit for bit).
std::string difference_within(std::span<const float> got, std::span<const float> want,
                              std::span<const float> magnitude, double error_max);

// The weight types of the suite.
std::vector<quant::Dtype> weight_types();
bool is_float(quant::Dtype dtype);

}  // namespace gantry::conformance
