#include "collect/http/address.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace address_test {

using pb::collect::http::address_class;
using pb::collect::http::is_loopback_literal;

TEST(Address, PublicOnesMayBeConnectedTo) {
  for (const char* address :
       {"1.1.1.1",          "9.255.255.255",   "11.0.0.0",        "100.63.255.255",  "100.128.0.0",
        "126.255.255.255",  "128.0.0.0",       "169.253.255.255", "169.255.0.0",     "172.15.255.255",
        "172.32.0.0",       "192.167.255.255", "192.169.0.0",     "198.17.255.255",  "198.20.0.0",
        "223.255.255.255",  "168.63.129.15",   "2001:200::1",     "2606:4700::1111", "2a00:1450::1",
        "64:ff9b::1.1.1.1", "::ffff:1.1.1.1",  "2002:101:101::1"})
    EXPECT_EQ(address_class(address), "") << address;
}

TEST(Address, OthersAreNamed) {
  const std::pair<const char*, const char*> cases[] = {{"0.0.0.0", "unspecified"},
                                                       {"0.1.2.3", "unspecified"},
                                                       {"10.0.0.0", "private"},
                                                       {"10.255.255.255", "private"},
                                                       {"100.64.0.0", "shared"},
                                                       {"100.127.255.255", "shared"},
                                                       {"127.0.0.1", "loopback"},
                                                       {"127.255.255.255", "loopback"},
                                                       {"169.254.169.254", "link-local"},
                                                       {"172.16.0.0", "private"},
                                                       {"172.31.255.255", "private"},
                                                       {"192.168.0.0", "private"},
                                                       {"192.168.255.255", "private"},
                                                       {"168.63.129.16", "metadata"},
                                                       {"192.0.0.192", "reserved"},
                                                       {"198.18.0.1", "benchmarking"},
                                                       {"224.0.0.1", "multicast"},
                                                       {"239.255.255.255", "multicast"},
                                                       {"240.0.0.1", "reserved"},
                                                       {"255.255.255.255", "reserved"},
                                                       {"::", "unspecified"},
                                                       {"::1", "loopback"},
                                                       {"fe80::1", "link-local"},
                                                       {"febf::1", "link-local"},
                                                       {"fec0::1", "private"},
                                                       {"fc00::1", "private"},
                                                       {"fd00:ec2::254", "private"},
                                                       {"ff02::1", "multicast"},
                                                       {"2001:db8::1", "documentation"},
                                                       {"2001::1", "reserved"},
                                                       {"4000::1", "reserved"},
                                                       {"100::1", "reserved"}};
  for (const auto& [address, name] : cases) EXPECT_EQ(address_class(std::string(address)), name) << address;
}

TEST(Address, OneThatCarriesAnIpv4AddressIsWhatThatOneIs) {
  for (const char* address :
       {"::ffff:127.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::1"})
    EXPECT_EQ(address_class(address), "loopback") << address;
  for (const char* address : {"::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"})
    EXPECT_EQ(address_class(address), "link-local") << address;
  for (const char* address : {"::ffff:10.1.2.3", "64:ff9b::192.168.1.1", "2002:ac10:1::"})
    EXPECT_EQ(address_class(address), "private") << address;
  // Such a prefix that a network chose for itself is not public.
  EXPECT_EQ(address_class("64:ff9b:1::a9fe:a9fe"), "reserved");
}

TEST(Address, OtherFamiliesAreUnknown) {
  sockaddr_un path{};
  path.sun_family = AF_UNIX;
  EXPECT_EQ(address_class(reinterpret_cast<const sockaddr*>(&path)), "unknown");
}

TEST(Address, SocketAddressesAreReadAsTheirTexts) {
  sockaddr_in ipv4{};
  ipv4.sin_family = AF_INET;
  ipv4.sin_addr.s_addr = htonl(0xa9fea9fe);
  EXPECT_EQ(address_class(reinterpret_cast<const sockaddr*>(&ipv4)), "link-local");
  EXPECT_EQ(pb::collect::http::to_text(reinterpret_cast<const sockaddr*>(&ipv4)), "169.254.169.254");
  sockaddr_in6 ipv6{};
  ipv6.sin6_family = AF_INET6;
  ipv6.sin6_addr = in6addr_loopback;
  EXPECT_EQ(address_class(reinterpret_cast<const sockaddr*>(&ipv6)), "loopback");
  EXPECT_EQ(pb::collect::http::to_text(reinterpret_cast<const sockaddr*>(&ipv6)), "::1");
}

TEST(Address, LoopbackIsALiteral) {
  EXPECT_TRUE(is_loopback_literal("127.0.0.1"));
  EXPECT_TRUE(is_loopback_literal("[::1]"));
  for (const char* host : {"localhost", "127.1", "10.0.0.1", "127.0.0.1.example", "", "[::2]", "2130706433"})
    EXPECT_FALSE(is_loopback_literal(host)) << host;
}

}  // namespace address_test
