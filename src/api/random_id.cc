#include "api/random_id.h"

#include <random>

namespace gantry::api {

std::string random_id(std::string_view prefix) {
  constexpr std::string_view kLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr size_t kLength = 24;
  static thread_local std::mt19937_64 generator{std::random_device{}()};
  std::uniform_int_distribution<size_t> pick(0, kLetters.size() - 1);
  std::string out(prefix);
  for (size_t i = 0; i < kLength; ++i) out += kLetters[pick(generator)];
  return out;
}

}  // namespace gantry::api
