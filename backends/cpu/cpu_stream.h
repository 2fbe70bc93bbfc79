// Work of a CPU device: done at once, in the calling thread and the pool's threads, so sync() has nothing to
// wait for. Which thread does what never changes a result. Allocates nothing.
#pragma once

#include "device/device.h"

namespace gantry::cpu {

class CpuDevice;

// Whatever it marks is done.
class CpuEvent final : public device::Event {
 public:
  bool reached() override { return true; }
  void wait() override {}
};

class CpuStream final : public device::Stream {
 public:
  explicit CpuStream(CpuDevice& device) : device_(device) {}

  void write(const device::Buffer& to, std::span<const std::byte> from) override;
  void read(std::span<std::byte> to, const device::Buffer& from) override;
  void copy(const device::Buffer& to, const device::Buffer& from) override;
  void fill(const device::Buffer& to, std::byte value) override;
  void upload_weight(const device::Weight& weight, uint32_t first_row,
                     std::span<const std::byte> rows) override;
  void embed(const device::EmbedArgs& args) override;
  void norm(const device::NormArgs& args) override;
  void rope_table(const device::RopeTableArgs& args) override;
  void rope(const device::RopeArgs& args) override;
  void kv_write(const device::KvWriteArgs& args) override;
  void attention(const device::AttentionArgs& args) override;
  void glu(const device::GluArgs& args) override;
  void activate(const device::ActivateArgs& args) override;
  void add(const device::AddArgs& args) override;
  void scale(const device::ScaleArgs& args) override;
  void temper(const device::TemperArgs& args) override;
  void gather_rows(const device::GatherRowsArgs& args) override;
  void linear(const device::LinearArgs& args) override;               // cpu_linear.cc
  void finish_linear(const device::FinishLinearArgs& args) override;  // cpu_finish_linear.cc
  // cpu_pages.cc
  void export_page(const device::ExportPageArgs& args) override;
  void import_page(const device::ImportPageArgs& args) override;
  // cpu_recurrent.cc
  void short_conv(const device::ShortConvArgs& args) override;
  void selective_scan(const device::SelectiveScanArgs& args) override;
  void gated_delta(const device::GatedDeltaArgs& args) override;
  void l2_norm(const device::L2NormArgs& args) override;
  void gate(const device::GateArgs& args) override;
  void route(const device::RouteArgs& args) override;
  void expert_linear(const device::ExpertLinearArgs& args) override;
  void combine(const device::CombineArgs& args) override;
  void head_linear(const device::HeadLinearArgs& args) override;
  void copy_mat(const device::CopyMatArgs& args) override;
  void record(device::Event&) override {}
  void wait(device::Event&) override {}
  void sync() override {}

 private:
  // Calls body(row) for every row, in the pool when there is enough to do for that.
  template <typename Body>
  void for_rows(uint32_t rows, uint64_t values_per_row, Body&& body);

  CpuDevice& device_;
};

}  // namespace gantry::cpu
