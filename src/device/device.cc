#include "device/device.h"

#include "base/error.h"

namespace gantry::device {
namespace {

[[noreturn]] void refuse_recording() {
  throw Error(ErrorCode::kUnsupported, "this device cannot record a step", "stream");
}

}  // namespace

void Stream::begin_recording() { refuse_recording(); }
std::unique_ptr<Recording> Stream::end_recording() { refuse_recording(); }
void Stream::replay(Recording&) { refuse_recording(); }

}  // namespace gantry::device
