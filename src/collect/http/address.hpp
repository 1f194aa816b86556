// Which addresses may be connected to: those of the public internet.
#pragma once
#include "core/no_postgres.hpp"

#include <sys/socket.h>

#include <string>
#include <string_view>

namespace pb::collect::http {

// What kind of address it is, for a message: "loopback", "private", "link-local", …; empty: public. IPv6 addresses
// that carry an IPv4 address (mapped, NAT64, 6to4) are what that one is. What is neither IPv4 nor IPv6 is "unknown".
std::string address_class(const sockaddr* address);

// The same of an address in text, without brackets. "name" where it is no address.
std::string address_class(const std::string& literal);

// Whether a host, as it stands in a URL, is written as a loopback address: 127.0.0.1, [::1].
bool is_loopback_literal(std::string_view host);

std::string to_text(const sockaddr* address);

}  // namespace pb::collect::http
