// Keys of providers from a file, and their addresses from a setting.
#pragma once
#include "core/no_postgres.hpp"

#include <map>
#include <string>
#include <string_view>

namespace pb::collect::http {

// Reads lines "provider = key"; empty lines and those that begin with # do not count. Keys by provider, in lower case.
// The file must be an ordinary one of the server's own user or of root, which nobody else may read. Errors name the
// file and the line, never what stands in it. Throws 42501, 58P01, 22023.
std::map<std::string, std::string> read_keys(const std::string& path);

// Reads "yahoo=https://host, fmp=https://host:8443": addresses by provider. Each is scheme and host with an optional
// port; plain HTTP only to a loopback address, and only where that is allowed. Throws 22023.
std::map<std::string, std::string> parse_addresses(std::string_view text, bool allow_insecure_loopback);

}  // namespace pb::collect::http
