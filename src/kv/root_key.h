// What the keys and values of a prefix depend on beside its tokens. Sequences share pages only under equal
// keys, compared byte for byte.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "base/check.h"

namespace gantry::kv {

// Names content by a digest of 256 bits; all zero: none.
using Fingerprint = std::array<uint8_t, 32>;

inline constexpr size_t kSaltBytesMax = 64;

struct RootKey {
  Fingerprint model = {};    // weights, KV type, and whatever else changes what is computed
  Fingerprint adapter = {};  // weights added to the model's for this sequence
  Fingerprint media = {};    // input that is no token (images, sound)
  // Parts those who must not learn from each other's cache hits; shorter ones end in zeros.
  std::array<char, kSaltBytesMax> salt = {};

  // At most kSaltBytesMax bytes, none of them zero.
  void set_salt(std::string_view bytes) {
    GANTRY_CHECK_LE(bytes.size(), kSaltBytesMax);
    salt = {};
    std::copy(bytes.begin(), bytes.end(), salt.begin());
  }
  bool operator==(const RootKey&) const = default;
};

}  // namespace gantry::kv
