#include "collect/http/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace pb::collect::http {

namespace {

struct Ipv4Range {
  std::uint32_t first;
  int bits;
  const char* name;
};

// RFC 6890 and its successors. The addresses at which clouds tell secrets to their machines (169.254.169.254,
// 100.100.100.200, fd00:ec2::254) are link-local, shared or private; 192.0.0.192 and 168.63.129.16 are named.
constexpr std::array ipv4_ranges{
    Ipv4Range{0x00000000, 8, "unspecified"},    Ipv4Range{0x0a000000, 8, "private"},
    Ipv4Range{0x64400000, 10, "shared"},        Ipv4Range{0x7f000000, 8, "loopback"},
    Ipv4Range{0xa9fe0000, 16, "link-local"},    Ipv4Range{0xac100000, 12, "private"},
    Ipv4Range{0xc0000000, 24, "reserved"},      Ipv4Range{0xc0000200, 24, "documentation"},
    Ipv4Range{0xc0586300, 24, "reserved"},      Ipv4Range{0xc0a80000, 16, "private"},
    Ipv4Range{0xc6120000, 15, "benchmarking"},  Ipv4Range{0xc6336400, 24, "documentation"},
    Ipv4Range{0xcb007100, 24, "documentation"}, Ipv4Range{0xa83f8110, 32, "metadata"},
    Ipv4Range{0xe0000000, 4, "multicast"},      Ipv4Range{0xf0000000, 4, "reserved"},
};

std::string ipv4_class(std::uint32_t address) {
  for (const Ipv4Range& range : ipv4_ranges)
    if ((address ^ range.first) >> (32 - range.bits) == 0) return range.name;
  return {};
}

using Ipv6Bytes = std::array<std::uint8_t, 16>;

std::uint32_t ipv4_within(const Ipv6Bytes& bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
         bytes[at + 3];
}

bool begins(const Ipv6Bytes& bytes, std::initializer_list<int> prefix) {
  std::size_t i = 0;
  for (const int byte : prefix)
    if (bytes[i++] != byte) return false;
  return true;
}

std::string ipv6_class(const Ipv6Bytes& b) {
  if (begins(b, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})) return "unspecified";
  if (begins(b, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})) return "loopback";
  // Mapped, compatible (deprecated), translated.
  if (begins(b, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}) || begins(b, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) ||
      begins(b, {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0}))
    return ipv4_class(ipv4_within(b, 12));
  if (begins(b, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return ipv4_class(ipv4_within(b, 12));  // NAT64
  if (begins(b, {0x20, 0x02})) return ipv4_class(ipv4_within(b, 2));                                    // 6to4
  if (begins(b, {0x20, 0x01, 0x0d, 0xb8})) return "documentation";
  if (begins(b, {0x20, 0x01}) && b[2] < 2) return "reserved";  // Teredo and protocol assignments
  if ((b[0] & 0xfe) == 0xfc) return "private";
  if (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) return "link-local";
  if (b[0] == 0xfe && (b[1] & 0xc0) == 0xc0) return "private";  // site-local, deprecated
  if (b[0] == 0xff) return "multicast";
  if ((b[0] & 0xe0) != 0x20) return "reserved";  // public addresses are in 2000::/3
  return {};
}

}  // namespace

std::string address_class(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in ipv4;
    std::memcpy(&ipv4, address, sizeof ipv4);
    return ipv4_class(ntohl(ipv4.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 ipv6;
    std::memcpy(&ipv6, address, sizeof ipv6);
    Ipv6Bytes bytes;
    std::memcpy(bytes.data(), &ipv6.sin6_addr, bytes.size());
    return ipv6_class(bytes);
  }
  return "unknown";
}

std::string address_class(const std::string& literal) {
  in_addr ipv4;
  if (inet_pton(AF_INET, literal.c_str(), &ipv4) == 1) return ipv4_class(ntohl(ipv4.s_addr));
  Ipv6Bytes bytes;
  if (inet_pton(AF_INET6, literal.c_str(), bytes.data()) == 1) return ipv6_class(bytes);
  return "name";
}

bool is_loopback_literal(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return address_class(std::string(host)) == "loopback";
}

std::string to_text(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (address->sa_family == AF_INET) {
    sockaddr_in ipv4;
    std::memcpy(&ipv4, address, sizeof ipv4);
    inet_ntop(AF_INET, &ipv4.sin_addr, text, sizeof text);
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 ipv6;
    std::memcpy(&ipv6, address, sizeof ipv6);
    inet_ntop(AF_INET6, &ipv6.sin6_addr, text, sizeof text);
  }
  return text;
}

}  // namespace pb::collect::http
