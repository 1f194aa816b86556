#include "collect/http/redaction.hpp"

#include <algorithm>
#include <cstdio>

namespace pb::collect::http {

namespace {

char lower_ascii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower_ascii(x) == lower_ascii(y); });
}

bool ends_ignoring_case(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && same_ignoring_case(text.substr(text.size() - end.size()), end);
}

bool is_name_character(char c) {
  return (c >= '0' && c <= '9') || (lower_ascii(c) >= 'a' && lower_ascii(c) <= 'z') || c == '_' || c == '-';
}

bool is_secret_header(std::string_view name) {
  return ends_ignoring_case(name, "authorization") || ends_ignoring_case(name, "cookie");
}

std::string percent_decoded(std::string_view text) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : lower_ascii(c) - 'a' + 10; };
  const auto is_digit = [](char c) {
    return (c >= '0' && c <= '9') || (lower_ascii(c) >= 'a' && lower_ascii(c) <= 'f');
  };
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '%' && i + 2 < text.size() && is_digit(text[i + 1]) && is_digit(text[i + 2])) {
      decoded += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i];
    }
  return decoded;
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (is_name_character(c) || c == '.' || c == '~') {
      encoded += c;
      continue;
    }
    char hex[4];
    std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned char>(c));
    encoded += hex;
  }
  return encoded;
}

void replace_all(std::string& text, const std::string& what) {
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += 3) text.replace(at, what.size(), "***");
}

// Where the value begins after a name that ends here: behind = or :, quotes and blanks. The end of text: there is none.
std::size_t value_after(std::string_view text, std::size_t at) {
  const auto skip = [&](std::string_view set) {
    while (at < text.size() && set.find(text[at]) != set.npos) ++at;
  };
  skip("\"'\\ ");
  if (text.substr(at, 3) == "%3D" || text.substr(at, 3) == "%3d") {
    at += 3;
  } else if (at < text.size() && (text[at] == '=' || text[at] == ':')) {
    ++at;
  } else {
    return text.size();
  }
  skip("\"'\\ ");
  return at;
}

}  // namespace

bool is_secret_name(std::string_view name) {
  if (is_secret_header(name)) return true;
  for (const char* end : {"apikey", "api_key", "api-key", "token", "crumb", "secret", "password"})
    if (ends_ignoring_case(name, end)) return true;
  return false;
}

std::string redacted(std::string_view original, std::span<const std::string> secrets) {
  std::string text(original);
  for (const std::string& secret : secrets) {
    // What is shorter would be found everywhere.
    if (secret.size() < 4) continue;
    replace_all(text, secret);
    replace_all(text, percent_encoded(secret));
  }
  std::string result;
  std::size_t copied = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (!is_name_character(text[i])) {
      ++i;
      continue;
    }
    const std::size_t start = i;
    while (i < text.size() && is_name_character(text[i])) ++i;
    const std::string_view name = std::string_view(text).substr(start, i - start);
    if (!is_secret_name(name)) continue;
    const std::size_t value = value_after(text, i);
    if (value >= text.size()) continue;
    const std::size_t end =
        std::min(text.size(), text.find_first_of(is_secret_header(name) ? "\r\n\"" : "&\"' \t\r\n,;)}<>", value));
    result.append(text, copied, value - copied).append("***");
    copied = i = end;
  }
  return result.append(text, copied);
}

std::vector<std::string> secrets_of(const Request& request) {
  std::vector<std::string> secrets;
  for (const auto& [name, value] : request.headers) {
    const bool is_named = std::any_of(request.secret_headers.begin(), request.secret_headers.end(),
                                      [&n = name](const std::string& s) { return same_ignoring_case(s, n); });
    if (!is_named && !is_secret_name(name)) continue;
    secrets.push_back(value);
    // "Bearer KEY", "Token KEY": the key by itself as well.
    if (const auto blank = value.rfind(' '); blank != value.npos) secrets.push_back(value.substr(blank + 1));
  }
  std::string_view rest = request.path;
  rest.remove_prefix(std::min(rest.find('?'), rest.size()));
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view parameter = rest.substr(0, rest.find('&'));
    rest.remove_prefix(parameter.size());
    const auto equals = parameter.find('=');
    if (equals == parameter.npos || !is_secret_name(parameter.substr(0, equals))) continue;
    secrets.emplace_back(parameter.substr(equals + 1));
    secrets.push_back(percent_decoded(parameter.substr(equals + 1)));
  }
  return secrets;
}

}  // namespace pb::collect::http
