// A backend whose devices and streams hand every call on to another's: the beginning of devices for tests
// that change or note some.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "device/registry.h"

namespace gantry::device {

class HandingOnStream : public Stream {
 public:
  explicit HandingOnStream(std::unique_ptr<Stream> inner) : inner_(std::move(inner)) {}
  void write(const Buffer& to, std::span<const std::byte> from) override { inner_->write(to, from); }
  void read(std::span<std::byte> to, const Buffer& from) override { inner_->read(to, from); }
  void copy(const Buffer& to, const Buffer& from) override { inner_->copy(to, from); }
  void fill(const Buffer& to, std::byte value) override { inner_->fill(to, value); }
  void upload_weight(const Weight& weight, uint32_t first_row, std::span<const std::byte> rows) override {
    inner_->upload_weight(weight, first_row, rows);
  }
#define GANTRY_HAND_ON(number, call, Args, words) \
  void call(const Args& args) override { inner_->call(args); }
  GANTRY_DEVICE_OPERATIONS(GANTRY_HAND_ON)
#undef GANTRY_HAND_ON
  void record(Event& event) override { inner_->record(event); }
  void wait(Event& event) override { inner_->wait(event); }
  void begin_recording() override { inner_->begin_recording(); }
  std::unique_ptr<Recording> end_recording() override { return inner_->end_recording(); }
  void replay(Recording& recording) override { inner_->replay(recording); }
  void sync() override { inner_->sync(); }

  Stream& inner() { return *inner_; }

 private:
  const std::unique_ptr<Stream> inner_;
};

class HandingOnSizer : public Sizer {
 public:
  explicit HandingOnSizer(const Sizer& inner) : inner_(inner) {}
  Answer can(Operation operation, quant::Dtype dtype) const override { return inner_.can(operation, dtype); }
  uint64_t alignment() const override { return inner_.alignment(); }
  uint64_t packed_bytes(const WeightShape& shape) const override { return inner_.packed_bytes(shape); }
  uint64_t kv_page_bytes(const KvShape& shape) const override { return inner_.kv_page_bytes(shape); }
  uint64_t linear_scratch_bytes(std::span<const WeightShape> shapes, uint32_t rows_max) const override {
    return inner_.linear_scratch_bytes(shapes, rows_max);
  }
  uint64_t stack_scratch_bytes(const WeightShape& shape, uint32_t count, uint64_t tokens_max) const override {
    return inner_.stack_scratch_bytes(shape, count, tokens_max);
  }
  uint64_t attention_scratch_bytes(const KvShape& shape, uint32_t heads, uint32_t rows_max) const override {
    return inner_.attention_scratch_bytes(shape, heads, rows_max);
  }
  uint64_t overhead_bytes() const override { return inner_.overhead_bytes(); }
  uint64_t recording_bytes(uint32_t calls) const override { return inner_.recording_bytes(calls); }

 private:
  const Sizer& inner_;
};

// Makes the stream that stands before another.
using StreamMaker = std::function<std::unique_ptr<HandingOnStream>(std::unique_ptr<Stream> inner)>;
// Likewise of sizers, where a device answers otherwise.
using SizerMaker = std::function<std::unique_ptr<HandingOnSizer>(const Sizer& inner)>;

// Devices called `name`:0, `name`:1, ... over those of `inner`.
std::unique_ptr<Backend> make_handing_on_backend(std::string name, std::unique_ptr<Backend> inner,
                                                 StreamMaker make_stream, SizerMaker make_sizer = {});

}  // namespace gantry::device
