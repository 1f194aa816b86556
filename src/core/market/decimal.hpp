// Exact sums of numbers as providers write them.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pb::market {

// A decimal number: units of 10^-scale. Holds 36 digits, which is more than any amount of money has.
class Decimal {
 public:
  // Digits with a sign, a point and an exponent, such as -12.50 or 9.9803E10; none for any other text, and for numbers
  // of more than 36 digits.
  static std::optional<Decimal> parse(std::string_view text) {
    Decimal number;
    bool is_negative = false, has_digits = false, in_fraction = false;
    std::size_t at = 0;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) is_negative = text[at++] == '-';
    for (; at < text.size() && text[at] != 'e' && text[at] != 'E'; ++at) {
      if (text[at] == '.' && !in_fraction) {
        in_fraction = true;
        continue;
      }
      if (text[at] < '0' || text[at] > '9' || number.units_ > most / 10) return std::nullopt;
      number.units_ = number.units_ * 10 + (text[at] - '0');
      number.scale_ += in_fraction ? 1 : 0;
      has_digits = true;
    }
    if (!has_digits) return std::nullopt;
    if (at < text.size()) {
      const auto exponent = small_integer(text.substr(at + 1));
      if (!exponent) return std::nullopt;
      number.scale_ -= *exponent;
    }
    if (is_negative) number.units_ = -number.units_;
    return number.with_scale(number.scale_ > 0 ? number.scale_ : 0);
  }

  Decimal negated() const {
    Decimal number = *this;
    number.units_ = -number.units_;
    return number;
  }
  // None where the sum has too many digits.
  std::optional<Decimal> plus(const Decimal& other) const {
    const int scale = scale_ > other.scale_ ? scale_ : other.scale_;
    auto sum = with_scale(scale);
    const auto addend = other.with_scale(scale);
    if (!sum || !addend) return std::nullopt;
    sum->units_ += addend->units_;
    return sum;
  }
  std::optional<Decimal> minus(const Decimal& other) const { return plus(other.negated()); }

  // To the nearest integer, halves away from zero.
  Decimal rounded() const {
    Decimal number = *this;
    bool up = false;
    for (; number.scale_ > 0; --number.scale_) {
      const int digit = static_cast<int>(number.units_ % 10);
      up = digit >= 5 || digit <= -5;
      number.units_ /= 10;
    }
    if (up) number.units_ += units_ < 0 ? -1 : 1;
    return number;
  }

  std::string str() const {
    std::string digits;
    for (auto rest = units_ < 0 ? -units_ : units_; rest > 0; rest /= 10)
      digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    const auto places = static_cast<std::size_t>(scale_);
    if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
    if (places > 0) digits.insert(digits.size() - places, ".");
    return units_ < 0 ? "-" + digits : digits;
  }

 private:
  __extension__ using Wide = __int128;
  static constexpr Wide most = Wide{1'000'000'000'000'000'000} * 1'000'000'000'000'000'000;  // 10^36

  static std::optional<int> small_integer(std::string_view text) {
    bool is_negative = false;
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
      is_negative = text[0] == '-';
      text.remove_prefix(1);
    }
    if (text.empty() || text.size() > 2) return std::nullopt;
    int value = 0;
    for (const char digit : text) {
      if (digit < '0' || digit > '9') return std::nullopt;
      value = value * 10 + (digit - '0');
    }
    return is_negative ? -value : value;
  }

  std::optional<Decimal> with_scale(int scale) const {
    Decimal number = *this;
    if (number.units_ == 0) number.scale_ = scale;
    for (; number.scale_ < scale; ++number.scale_) {
      if (number.units_ > most / 10 || number.units_ < -most / 10) return std::nullopt;
      number.units_ *= 10;
    }
    return number;
  }

  Wide units_ = 0;
  int scale_ = 0;
};

}  // namespace pb::market
