#include "collect/http/keys.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "collect/http/address.hpp"
#include "core/error.hpp"

namespace pb::collect::http {

namespace {

constexpr std::size_t most_key_bytes = 64 << 10;
constexpr const char* insufficient_privilege = "42501";
constexpr const char* undefined_file = "58P01";

struct KeyFile {
  int descriptor;
  ~KeyFile() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

std::string_view trimmed_text(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

bool is_provider_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return lower;
}

void check_key_file(const std::string& path, const struct stat& status) {
  const std::string named = "file of keys \"" + path + "\"";
  if (!S_ISREG(status.st_mode))
    throw core::Error(insufficient_privilege, named + " is not an ordinary file", {},
                      "Name a file in portfolio_batch.provider_keys_file.");
  if (status.st_uid != ::geteuid() && status.st_uid != 0)
    throw core::Error(insufficient_privilege, named + " belongs to another user",
                      "It belongs to the user " + std::to_string(status.st_uid) + ", the server runs as " +
                          std::to_string(::geteuid()) + ".",
                      "Give the file to the user that the server runs as: chown.");
  if ((status.st_mode & 07177) != 0) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(status.st_mode & 07777));
    throw core::Error(insufficient_privilege, named + " can be read by others",
                      std::string("Its mode is ") + mode + ", at most 0600 is allowed.", "Run chmod 0600 on the file.");
  }
  if (static_cast<std::size_t>(status.st_size) > most_key_bytes)
    throw core::Error(
        core::sqlstate::invalid_parameter, named + " is too large",
        "It has " + std::to_string(status.st_size) + " bytes, at most " + std::to_string(most_key_bytes) + " are read.",
        "Keep lines \"provider = key\" in it and nothing else.");
}

std::string read_whole(const std::string& path) {
  // A link would be followed to where somebody else points it; a FIFO would be waited for.
  const KeyFile file{::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (file.descriptor < 0) {
    const int code = errno;
    if (code == ELOOP)
      throw core::Error(insufficient_privilege, "file of keys \"" + path + "\" is a symbolic link", {},
                        "Name the file itself in portfolio_batch.provider_keys_file.");
    throw core::Error(code == ENOENT ? undefined_file : insufficient_privilege,
                      "file of keys \"" + path + "\" cannot be opened", std::generic_category().message(code) + ".",
                      "portfolio_batch.provider_keys_file names it; the server's user must be able to read it.");
  }
  struct stat status;
  if (::fstat(file.descriptor, &status) != 0)
    throw core::Error("58030", "file of keys \"" + path + "\" cannot be examined",
                      std::generic_category().message(errno) + ".");
  check_key_file(path, status);
  std::string content(most_key_bytes + 1, '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t count = ::read(file.descriptor, content.data() + size, content.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      throw core::Error("58030", "file of keys \"" + path + "\" cannot be read",
                        std::generic_category().message(errno) + ".");
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  if (size > most_key_bytes)
    throw core::Error(core::sqlstate::invalid_parameter, "file of keys \"" + path + "\" is too large", {},
                      "Keep lines \"provider = key\" in it and nothing else.");
  content.resize(size);
  return content;
}

[[noreturn]] void refuse_address(std::string_view provider, const std::string& why) {
  throw core::Error(core::sqlstate::invalid_parameter,
                    "address of provider \"" + std::string(provider) + "\" cannot be used", why,
                    "Write provider=https://host or provider=https://host:port, with commas between them.");
}

void check_port(std::string_view provider, std::string_view port) {
  const bool is_number = !port.empty() && port.size() <= 5 &&
                         std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number || std::stoi(std::string(port)) < 1 || std::stoi(std::string(port)) > 65535)
    refuse_address(provider, "The port is not a number from 1 to 65535.");
}

// Errors do not repeat the address: somebody may have put a password into it.
void check_address(std::string_view provider, std::string_view address, bool allow_insecure_loopback) {
  const bool is_https = address.starts_with("https://");
  const bool is_http = address.starts_with("http://");
  if (!is_https && !is_http) refuse_address(provider, "The scheme is not https.");
  std::string_view host = address.substr(is_https ? 8 : 7);
  std::string_view after;
  if (host.starts_with('[')) {
    const auto bracket = host.find(']');
    if (bracket == host.npos || address_class(std::string(host.substr(1, bracket - 1))) == "name")
      refuse_address(provider, "What stands in brackets is no IPv6 address.");
    after = host.substr(bracket + 1);
    host = host.substr(0, bracket + 1);
  } else {
    after = host.substr(std::min(host.find(':'), host.size()));
    host = host.substr(0, host.size() - after.size());
    const bool is_name = !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    });
    if (!is_name) refuse_address(provider, "There may be a host and a port only: no user, path, query or fragment.");
  }
  if (!after.empty() && after.front() != ':')
    refuse_address(provider, "There may be a host and a port only: no user, path, query or fragment.");
  if (!after.empty()) check_port(provider, after.substr(1));
  if (is_http && !(allow_insecure_loopback && is_loopback_literal(host)))
    refuse_address(provider, allow_insecure_loopback
                                 ? "Plain HTTP is allowed to a loopback address only, such as 127.0.0.1."
                                 : "Plain HTTP is not allowed: portfolio_batch.allow_insecure_loopback is off.");
}

}  // namespace

std::map<std::string, std::string> read_keys(const std::string& path) {
  if (path.empty() || path.front() != '/' || path.find('\0') != path.npos)
    throw core::Error(core::sqlstate::invalid_parameter, "file of keys \"" + path + "\" is not an absolute path", {},
                      "Give the whole path in portfolio_batch.provider_keys_file.");
  const std::string content = read_whole(path);
  std::map<std::string, std::string> keys;
  std::string_view rest = content;
  for (int number = 1; !rest.empty(); ++number) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trimmed_text(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line.front() == '#') continue;
    const auto refuse = [&](const char* why) {
      throw core::Error(core::sqlstate::invalid_parameter,
                        "line " + std::to_string(number) + " of the file of keys \"" + path + "\" cannot be read", why,
                        "Write \"provider = key\", or begin the line with # for a comment.");
    };
    const auto equals = line.find('=');
    const std::string name = in_lower_case(trimmed_text(line.substr(0, equals)));
    if (equals == line.npos || !is_provider_name(name)) refuse("It is not a provider's name, = and a key.");
    const std::string_view key = trimmed_text(line.substr(equals + 1));
    if (key.empty()) refuse("It has no key.");
    if (!std::all_of(key.begin(), key.end(), [](char c) { return c > 32 && c < 127; }))
      refuse("The key has a blank or a character that is not in ASCII.");
    if (!keys.emplace(name, key).second) refuse("The provider has a key in a line before.");
  }
  return keys;
}

std::map<std::string, std::string> parse_addresses(std::string_view text, bool allow_insecure_loopback) {
  std::map<std::string, std::string> addresses;
  while (!trimmed_text(text).empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const std::string_view entry = trimmed_text(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    const auto equals = entry.find('=');
    const std::string provider = in_lower_case(trimmed_text(entry.substr(0, equals)));
    if (equals == entry.npos || !is_provider_name(provider))
      throw core::Error(core::sqlstate::invalid_parameter, "list of providers' addresses cannot be read",
                        "Its entry " + std::to_string(addresses.size() + 1) + " does not begin with a name and =.",
                        "Write provider=https://host, with commas between them.");
    std::string_view address = trimmed_text(entry.substr(equals + 1));
    check_address(provider, address, allow_insecure_loopback);
    if (!addresses.emplace(provider, address).second) refuse_address(provider, "There are two of them.");
  }
  return addresses;
}

}  // namespace pb::collect::http
