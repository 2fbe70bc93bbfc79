#include "base/random_id.h"

#include <random>

namespace gantry {
namespace {

std::random_device& source() {
  static thread_local std::random_device device;
  return device;
}

}  // namespace

uint64_t random_bits() {
  const uint64_t high = source()();
  return high << 32 | source()();
}

std::string random_id(std::string_view prefix, size_t letters) {
  std::uniform_int_distribution<size_t> pick(0, kIdLetters.size() - 1);
  std::string id(prefix);
  for (size_t i = 0; i < letters; ++i) id += kIdLetters[pick(source())];
  return id;
}

}  // namespace gantry
