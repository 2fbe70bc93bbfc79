#include "tests/device/handing_on.h"

#include <utility>

namespace gantry::device {
namespace {

class HandingOnDevice final : public Device {
 public:
  HandingOnDevice(std::shared_ptr<Device> inner, std::string id, StreamMaker make_stream,
                  const SizerMaker& make_sizer)
      : inner_(std::move(inner)),
        facts_(inner_->facts()),
        sizer_(make_sizer ? make_sizer(inner_->sizer()) : std::make_unique<HandingOnSizer>(inner_->sizer())),
        make_stream_(std::move(make_stream)) {
    facts_.id = std::move(id);
  }
  const DeviceFacts& facts() const override { return facts_; }
  const Sizer& sizer() const override { return *sizer_; }
  std::unique_ptr<Arena> new_arena(const std::string& name, uint64_t bytes, MemoryKind kind) override {
    return inner_->new_arena(name, bytes, kind);
  }
  std::unique_ptr<Stream> new_stream() override { return make_stream_(inner_->new_stream()); }
  std::unique_ptr<Event> new_event() override { return inner_->new_event(); }
  bool can_record() const override { return inner_->can_record(); }

  const std::shared_ptr<Device>& inner() const { return inner_; }

 private:
  const std::shared_ptr<Device> inner_;
  DeviceFacts facts_;
  const std::unique_ptr<HandingOnSizer> sizer_;
  const StreamMaker make_stream_;
};

class HandingOnCommunicator final : public Communicator {
 public:
  explicit HandingOnCommunicator(std::unique_ptr<Communicator> inner) : inner_(std::move(inner)) {}
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

class HandingOnBackend final : public Backend {
 public:
  HandingOnBackend(std::string name, std::unique_ptr<Backend> inner, StreamMaker make_stream,
                   SizerMaker make_sizer)
      : name_(std::move(name)),
        inner_(std::move(inner)),
        make_stream_(std::move(make_stream)),
        make_sizer_(std::move(make_sizer)) {}
  std::string_view name() const override { return name_; }
  std::vector<DeviceEntry> list(const OpenDeviceOptions& options) const override {
    std::vector<DeviceEntry> entries = inner_->list(options);
    for (size_t i = 0; i < entries.size(); ++i) entries[i].facts.id = id_of(i);
    return entries;
  }
  std::shared_ptr<Device> open(uint32_t index, const OpenDeviceOptions& options) const override {
    return std::make_shared<HandingOnDevice>(inner_->open(index, options), id_of(index), make_stream_,
                                             make_sizer_);
  }
  std::vector<std::unique_ptr<Communicator>> connect(
      const std::vector<std::shared_ptr<Device>>& devices) const override {
    std::vector<std::shared_ptr<Device>> inner;
    for (const auto& device : devices) inner.push_back(static_cast<HandingOnDevice&>(*device).inner());
    std::vector<std::unique_ptr<Communicator>> out;
    for (auto& one : inner_->connect(inner))
      out.push_back(std::make_unique<HandingOnCommunicator>(std::move(one)));
    return out;
  }

 private:
  std::string id_of(size_t index) const { return name_ + ":" + std::to_string(index); }

  const std::string name_;
  const std::unique_ptr<Backend> inner_;
  const StreamMaker make_stream_;
  const SizerMaker make_sizer_;
};

}  // namespace

std::unique_ptr<Backend> make_handing_on_backend(std::string name, std::unique_ptr<Backend> inner,
                                                 StreamMaker make_stream, SizerMaker make_sizer) {
  return std::make_unique<HandingOnBackend>(std::move(name), std::move(inner), std::move(make_stream),
                                            std::move(make_sizer));
}

}  // namespace gantry::device
