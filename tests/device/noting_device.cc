#include "tests/device/noting_device.h"

#include <vector>

#include "tests/device/handing_on.h"

namespace gantry::device {
namespace {

using quant::Dtype;

template <typename Args>
std::vector<Dtype> types_of(const Args& args) {
  if constexpr (requires { args.pages; })
    return {args.pages.shape.dtype};
  else if constexpr (requires { args.table.shape; })
    return {args.table.shape.dtype};
  else if constexpr (requires { args.weight.shape; })
    return {args.weight.shape.dtype};
  else
    return {Dtype::kF32};
}
std::vector<Dtype> types_of(const LinearArgs& args) {
  std::vector<Dtype> types;
  for (const LinearOutput& out : args.outs) types.push_back(out.weight.shape.dtype);
  return types;
}

class NotingStream final : public HandingOnStream {
 public:
  NotingStream(std::unique_ptr<Stream> inner, std::shared_ptr<Notes> notes)
      : HandingOnStream(std::move(inner)), notes_(std::move(notes)) {}
  void write(const Buffer& to, std::span<const std::byte> from) override {
    notes_->add([](Noted& noted) { ++noted.writes; });
    HandingOnStream::write(to, from);
  }
#define GANTRY_NOTE(number, call, Args, words) \
  void call(const Args& args) override {       \
    note(Operation::number, types_of(args));   \
    HandingOnStream::call(args);               \
  }
  GANTRY_DEVICE_OPERATIONS(GANTRY_NOTE)
#undef GANTRY_NOTE
  std::unique_ptr<Recording> end_recording() override {
    notes_->add([](Noted& noted) { ++noted.recordings; });
    return HandingOnStream::end_recording();
  }
  void replay(Recording& recording) override {
    notes_->add([](Noted& noted) { ++noted.replays; });
    HandingOnStream::replay(recording);
  }

 private:
  void note(Operation operation, const std::vector<Dtype>& types) {
    notes_->add([&](Noted& noted) {
      ++noted.operations;
      for (const Dtype dtype : types) noted.asked.insert({operation, dtype});
    });
  }
  const std::shared_ptr<Notes> notes_;
};

}  // namespace

std::unique_ptr<Backend> make_noting_backend(std::unique_ptr<Backend> inner, std::shared_ptr<Notes> notes) {
  std::string name(inner->name());
  return make_handing_on_backend(std::move(name), std::move(inner),
                                 [notes = std::move(notes)](std::unique_ptr<Stream> stream) {
                                   return std::make_unique<NotingStream>(std::move(stream), notes);
                                 });
}

}  // namespace gantry::device
