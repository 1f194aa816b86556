#pragma once
#include "core/no_postgres.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace pb::core {

// Appends a JSON string literal.
inline void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      out += escape;
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

inline std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

// Writes one JSON object, member by member.
class JsonObject {
 public:
  JsonObject() = default;
  explicit JsonObject(std::size_t expected_size) { body_.reserve(expected_size); }

  JsonObject& add(std::string_view name, std::int64_t value) { return raw(name, std::to_string(value)); }
  JsonObject& add(std::string_view name, std::string_view value) { return raw(name, json_string(value)); }
  JsonObject& add(std::string_view name, double value) {
    if (!std::isfinite(value)) return raw(name, "null");
    char text[32];  // the fewest digits that read back as the same number
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    return raw(name, std::string_view(text, static_cast<std::size_t>(end - text)));
  }
  JsonObject& add(std::string_view name, const JsonObject& object) {
    raw(name, "{");
    body_ += object.body_;
    body_.push_back('}');
    return *this;
  }
  JsonObject& raw(std::string_view name, std::string_view json) {
    if (!body_.empty()) body_ += ", ";
    append_json_string(body_, name);
    body_ += ": ";
    body_ += json;
    return *this;
  }
  std::string str() const { return "{" + body_ + "}"; }

 private:
  std::string body_;
};

// A JSON array of strings.
template <class Strings>
std::string json_array(const Strings& strings) {
  std::string body;
  for (const auto& text : strings) body += (body.empty() ? "" : ", ") + json_string(text);
  return "[" + body + "]";
}

}  // namespace pb::core
