#include "tests/device/trial_device.h"

#include <algorithm>

#include "base/check.h"
#include "tests/device/handing_on.h"

namespace gantry::device {
namespace {

using Without = std::vector<quant::Dtype>;

class TrialSizer final : public HandingOnSizer {
 public:
  TrialSizer(const Sizer& inner, const Without& without) : HandingOnSizer(inner), without_(without) {}
  Answer can(Operation operation, quant::Dtype dtype) const override {
    if (std::ranges::count(without_, dtype) == 0) return HandingOnSizer::can(operation, dtype);
    return {false, std::string("a trial device without ") + quant::facts(dtype).name};
  }

 private:
  const Without without_;
};

// Whoever did not ask first meets a check here.
class TrialStream final : public HandingOnStream {
 public:
  TrialStream(std::unique_ptr<Stream> inner, const Without& without)
      : HandingOnStream(std::move(inner)), without_(without) {}
  void upload_weight(const Weight& weight, uint32_t first_row, std::span<const std::byte> rows) override {
    check(weight.shape.dtype);
    HandingOnStream::upload_weight(weight, first_row, rows);
  }
  void kv_write(const KvWriteArgs& args) override {
    check(args.pages.shape.dtype);
    HandingOnStream::kv_write(args);
  }
  void import_page(const ImportPageArgs& args) override {
    check(args.pages.shape.dtype);
    HandingOnStream::import_page(args);
  }

 private:
  void check(quant::Dtype dtype) const { GANTRY_CHECK(std::ranges::count(without_, dtype) == 0); }
  const Without without_;
};

}  // namespace

std::unique_ptr<Backend> make_trial_backend(std::unique_ptr<Backend> inner,
                                            std::vector<quant::Dtype> without) {
  return make_handing_on_backend(
      "trial", std::move(inner),
      [without](std::unique_ptr<Stream> stream) {
        return std::make_unique<TrialStream>(std::move(stream), without);
      },
      [without](const Sizer& sizer) { return std::make_unique<TrialSizer>(sizer, without); });
}

}  // namespace gantry::device
