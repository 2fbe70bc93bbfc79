// What proxies say of their clients, and which networks are trusted: one header, both, or the setting.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "http/client_address.h"

namespace {

using gantry::http::Header;
using gantry::http::TrustedProxies;

void check_client(const TrustedProxies& proxies, const std::string& peer,
                  const std::vector<Header>& headers) {
  const std::string client = proxies.client_of(peer, headers);
  if (client == peer) return;
  const auto address = gantry::http::parse_address(client);
  if (!proxies.trusts(peer) || !address || gantry::http::to_text(*address) != client) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  static const TrustedProxies some({"10.0.0.0/8", "fd00::/8", "unix"});
  const std::string middle = text.substr(text.size() / 2);
  for (const char* peer : {"", "10.0.0.1", "192.0.2.1"}) {
    if ((data[0] & 1) != 0) check_client(some, peer, {{"x-forwarded-for", text}});
    if ((data[0] & 2) != 0) check_client(some, peer, {{"forwarded", text}});
    if ((data[0] & 4) != 0) check_client(some, peer, {{"forwarded", text}, {"x-forwarded-for", middle}});
  }
  try {
    const TrustedProxies own({text});
    check_client(own, "10.0.0.1", {{"x-forwarded-for", middle}});
  } catch (const gantry::Error& error) {
    if (error.code() != gantry::ErrorCode::kUsage) __builtin_trap();
  }
  return 0;
}
