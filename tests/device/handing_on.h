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

// Makes the stream that stands before another.
using StreamMaker = std::function<std::unique_ptr<HandingOnStream>(std::unique_ptr<Stream> inner)>;

// Devices called `name`:0, `name`:1, ... over those of `inner`.
std::unique_ptr<Backend> make_handing_on_backend(std::string name, std::unique_ptr<Backend> inner,
                                                 StreamMaker make_stream);

}  // namespace gantry::device
