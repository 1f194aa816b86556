#pragma once
#include "core/no_postgres.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>

namespace pb::core {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  auto operator<=>(const Uuid&) const = default;
};

// The canonical text form, as PostgreSQL prints it.
inline std::string to_string(const Uuid& id) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    text.push_back(digits[id.bytes[i] >> 4]);
    text.push_back(digits[id.bytes[i] & 0x0f]);
  }
  return text;
}

}  // namespace pb::core

template <>
struct std::hash<pb::core::Uuid> {
  // Identifiers are random or sequential in some of their bytes; folding both halves spreads either kind.
  std::size_t operator()(const pb::core::Uuid& id) const noexcept {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::memcpy(&high, id.bytes.data(), 8);
    std::memcpy(&low, id.bytes.data() + 8, 8);
    return static_cast<std::size_t>((high * 0x9e3779b97f4a7c15ULL) ^ low);
  }
};
