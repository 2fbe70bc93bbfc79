#include "http/client_address.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/error.h"
#include "http/http_syntax.h"

namespace gantry::http {
namespace {

constexpr std::string_view kUnix = "unix";
constexpr std::string_view kNothing = "?";  // no address, and no pair of a name and a value
constexpr Address kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // what IPv4 stands behind
constexpr uint32_t kBits = 128, kMappedBits = 96;

bool is_mapped(const Address& address) {
  return std::equal(kMapped.begin(), kMapped.begin() + 12, address.begin());
}

bool equal_in(uint32_t bits, const Address& a, const Address& b) {
  const uint32_t bytes = bits / 8, rest = bits % 8;
  if (!std::equal(a.begin(), a.begin() + bytes, b.begin())) return false;
  return rest == 0 || ((a[bytes] ^ b[bytes]) >> (8 - rest)) == 0;
}

Address cut_to(uint32_t bits, Address address) {
  for (uint32_t i = 0; i < kBits; ++i)
    if (i >= bits) address[i / 8] &= static_cast<uint8_t>(~(0x80U >> i % 8));
  return address;
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The next of a list's items, which `separator` divides; of Forwarded outside of quotes. A quote that never
// ends takes in what follows, which may be another proxy's: such an item says nothing.
enum class Quotes : uint8_t { kNone, kGroup };
std::string_view take_item(std::string_view& list, char separator, Quotes quotes) {
  bool quoted = false;
  size_t end = 0;
  for (; end < list.size() && (quoted || list[end] != separator); ++end) {
    if (quotes == Quotes::kGroup && list[end] == '"') quoted = !quoted;
    if (quoted && list[end] == '\\' && end + 1 < list.size()) ++end;
  }
  const std::string_view item = quoted ? kNothing : trimmed(list.substr(0, end));
  list.remove_prefix(std::min(end + 1, list.size()));
  return item;
}

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80".
std::optional<Address> read_node(std::string_view text) {
  std::string_view host = text, port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (host.find(':') == std::string_view::npos) return std::nullopt;
  } else if (std::ranges::count(text, ':') == 1) {
    host = text.substr(0, text.find(':'));
    port = text.substr(host.size());
  }
  if (!port.empty() && (port[0] != ':' || port.size() == 1 || !read_port(port.substr(1))))
    return std::nullopt;
  return parse_address(host);
}

// `for` of one element of Forwarded: for=192.0.2.60;proto=http, or FOR="[2001:db8::1]:80".
std::optional<Address> read_element(std::string_view element) {
  while (!element.empty()) {
    const std::string_view pair = take_item(element, ';', Quotes::kGroup);
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || !same_ignoring_case(pair.substr(0, equals), "for")) continue;
    std::string_view node = pair.substr(equals + 1);
    if (node.size() >= 2 && node.front() == '"' && node.back() == '"') node = node.substr(1, node.size() - 2);
    return read_node(node);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
  Address out = kMapped;
  const std::string whole(text);
  if (inet_pton(AF_INET, whole.c_str(), &out[12]) == 1 || inet_pton(AF_INET6, whole.c_str(), out.data()) == 1)
    return out;
  return std::nullopt;
}

std::string to_text(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_mapped(address))
    inet_ntop(AF_INET, &address[12], text.data(), text.size());
  else
    inet_ntop(AF_INET6, address.data(), text.data(), text.size());
  return text.data();
}

// The nodes of one header, as the proxies on the way have appended them.
class TrustedProxies::Way {
 public:
  explicit Way(const TrustedProxies& proxies) : proxies_(proxies) {}
  // Unreadable: nothing that stands before it is believed.
  void add(const std::optional<Address>& node) {
    if (!node || empty_ || !proxies_.trusts(*node)) client_ = node;
    empty_ = false;
  }
  bool empty() const { return empty_; }
  const std::optional<Address>& client() const { return client_; }

 private:
  const TrustedProxies& proxies_;
  bool empty_ = true;
  std::optional<Address> client_;
};

TrustedProxies::Network TrustedProxies::read_network(const std::string& text) {
  const size_t slash = std::min(text.find('/'), text.size());
  const std::optional<Address> base = parse_address(std::string_view(text).substr(0, slash));
  const bool is_four = base && is_mapped(*base);
  uint32_t bits = is_four ? kBits - kMappedBits : kBits;
  const uint32_t bits_max = bits;
  const char* const end = text.data() + text.size();
  bool readable = base.has_value();
  if (slash < text.size()) {
    const auto [stop, fault] = std::from_chars(text.data() + slash + 1, end, bits);
    readable &= fault == std::errc() && stop == end && bits <= bits_max;
  }
  if (!readable)
    throw Error(ErrorCode::kUsage, fmt::format("'{}' is neither an address nor a network", text),
                "trusted_proxies",
                "for example 192.0.2.7, 10.0.0.0/8, fd00::/8, or unix for the unix socket");
  if (is_four) bits += kMappedBits;
  const Address first = cut_to(bits, *base);
  if (first != *base)
    throw Error(ErrorCode::kUsage, fmt::format("'{}' is an address within a network", text),
                "trusted_proxies",
                fmt::format("say {}{} for the network, or leave out what follows the address", to_text(first),
                            text.substr(slash)));
  return {*base, bits};
}

TrustedProxies::TrustedProxies(const std::vector<std::string>& texts) {
  for (const std::string& text : texts)
    if (text == kUnix)
      unix_ = true;
    else
      networks_.push_back(read_network(text));
}

bool TrustedProxies::trusts(const Address& address) const {
  return std::ranges::any_of(
      networks_, [&](const Network& network) { return equal_in(network.bits, network.base, address); });
}

bool TrustedProxies::trusts(std::string_view peer) const {
  if (peer.empty()) return unix_;
  const std::optional<Address> address = parse_address(peer);
  return address && trusts(*address);
}

std::string TrustedProxies::client_of(const std::string& peer, const std::vector<Header>& headers) const {
  if (!trusts(peer)) return peer;
  Way nodes(*this), elements(*this);
  for (const Header& header : headers) {
    const bool is_list = header.name == "x-forwarded-for";
    if (!is_list && header.name != "forwarded") continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      const std::string_view item = take_item(rest, ',', is_list ? Quotes::kNone : Quotes::kGroup);
      if (item.empty()) continue;
      if (is_list)
        nodes.add(read_node(item));
      else
        elements.add(read_element(item));
    }
  }
  if (nodes.empty() && elements.empty()) return peer;
  const std::optional<Address>& client = nodes.empty() ? elements.client() : nodes.client();
  if (!client || (!nodes.empty() && !elements.empty() && client != elements.client())) return peer;
  return to_text(*client);
}

}  // namespace gantry::http
