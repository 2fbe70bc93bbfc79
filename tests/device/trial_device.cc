#include "tests/device/trial_device.h"

#include "tests/device/handing_on.h"

namespace gantry::device {
namespace {

class TrialDevice final : public Device {
 public:
  TrialDevice(std::shared_ptr<Device> inner, std::string id)
      : inner_(std::move(inner)), facts_(inner_->facts()) {
    facts_.id = std::move(id);
  }
  const DeviceFacts& facts() const override { return facts_; }
  const Sizer& sizer() const override { return inner_->sizer(); }
  std::unique_ptr<Arena> new_arena(const std::string& name, uint64_t bytes, MemoryKind kind) override {
    return inner_->new_arena(name, bytes, kind);
  }
  std::unique_ptr<Stream> new_stream() override {
    return std::make_unique<HandingOnStream>(inner_->new_stream());
  }
  std::unique_ptr<Event> new_event() override { return inner_->new_event(); }

  const std::shared_ptr<Device>& inner() const { return inner_; }

 private:
  const std::shared_ptr<Device> inner_;
  DeviceFacts facts_;
};

class TrialCommunicator final : public Communicator {
 public:
  explicit TrialCommunicator(std::unique_ptr<Communicator> inner) : inner_(std::move(inner)) {}
  uint32_t rank() const override { return inner_->rank(); }
  uint32_t ranks() const override { return inner_->ranks(); }
  void all_reduce_sum(Stream& stream, const Mat& x) override { inner_->all_reduce_sum(of(stream), x); }
  void all_gather_cols(Stream& stream, const Mat& part, const Mat& out) override {
    inner_->all_gather_cols(of(stream), part, out);
  }
  void send(Stream& stream, const Mat& x, uint32_t to_rank) override { inner_->send(of(stream), x, to_rank); }
  void receive(Stream& stream, const Mat& x, uint32_t from_rank) override {
    inner_->receive(of(stream), x, from_rank);
  }
  void abort() override { inner_->abort(); }

 private:
  static Stream& of(Stream& stream) { return static_cast<HandingOnStream&>(stream).inner(); }
  const std::unique_ptr<Communicator> inner_;
};

class TrialBackend final : public Backend {
 public:
  explicit TrialBackend(std::unique_ptr<Backend> inner) : inner_(std::move(inner)) {}
  std::string_view name() const override { return "trial"; }
  std::vector<DeviceEntry> list(const OpenDeviceOptions& options) const override {
    std::vector<DeviceEntry> entries = inner_->list(options);
    for (size_t i = 0; i < entries.size(); ++i) entries[i].facts.id = id_of(i);
    return entries;
  }
  std::shared_ptr<Device> open(uint32_t index, const OpenDeviceOptions& options) const override {
    return std::make_shared<TrialDevice>(inner_->open(index, options), id_of(index));
  }
  std::vector<std::unique_ptr<Communicator>> connect(
      const std::vector<std::shared_ptr<Device>>& devices) const override {
    std::vector<std::shared_ptr<Device>> inner;
    for (const auto& device : devices) inner.push_back(static_cast<TrialDevice&>(*device).inner());
    std::vector<std::unique_ptr<Communicator>> out;
    for (auto& one : inner_->connect(inner))
      out.push_back(std::make_unique<TrialCommunicator>(std::move(one)));
    return out;
  }

 private:
  static std::string id_of(size_t index) { return "trial:" + std::to_string(index); }
  const std::unique_ptr<Backend> inner_;
};

}  // namespace

std::unique_ptr<Backend> make_trial_backend(std::unique_ptr<Backend> inner) {
  return std::make_unique<TrialBackend>(std::move(inner));
}

}  // namespace gantry::device
