#include "device/operations.h"

namespace gantry::device {

const char* name_of(Operation operation) {
  switch (operation) {
#define GANTRY_NAME(number, call, Args, words) \
  case Operation::number:                      \
    return words;
    GANTRY_DEVICE_OPERATIONS(GANTRY_NAME)
#undef GANTRY_NAME
  }
  return "";
}

}  // namespace gantry::device
