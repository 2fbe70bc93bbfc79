#include "tests/device/trial_device.h"

#include "tests/device/handing_on.h"

namespace gantry::device {

std::unique_ptr<Backend> make_trial_backend(std::unique_ptr<Backend> inner) {
  return make_handing_on_backend("trial", std::move(inner), [](std::unique_ptr<Stream> stream) {
    return std::make_unique<HandingOnStream>(std::move(stream));
  });
}

}  // namespace gantry::device
