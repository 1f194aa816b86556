#include "collect/provider/texts.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

namespace pb::collect {

namespace {

constexpr std::size_t texts_words = 300;

void texts_replace_all(std::string& text, std::string_view what, std::string_view by) {
  if (what.empty()) return;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
}

bool texts_is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == '%' || c == '~' || c == '+';
}

// A provider may repeat the address that it was asked by, with a key that is not spelled as ours is.
void texts_hide_parameters(std::string& text) {
  for (const std::string_view name : {"apikey", "api_key", "api-key", "token", "crumb", "bearer", "authorization"}) {
    std::size_t at = 0;
    while ((at = lower_cased(text).find(name, at)) != std::string::npos) {
      at += name.size();
      std::size_t begin = at;
      while (begin < text.size() && std::string_view("=:'\" ").find(text[begin]) != std::string_view::npos) ++begin;
      std::size_t end = begin;
      while (end < text.size() && texts_is_word(text[end])) ++end;
      const auto between = std::string_view(text).substr(at, begin - at);
      const bool is_assigned = between.find_first_of("=:") != std::string_view::npos;
      if (end > begin && (is_assigned || ((name == "bearer" || name == "token") && end - begin >= 16)))
        text.replace(begin, end - begin, "[key]");
    }
  }
}

// Length of the UTF-8 sequence at the beginning, 0 where there is none.
std::size_t texts_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  const std::size_t size = first < 0x80                    ? 1
                           : first >= 0xc2 && first < 0xe0 ? 2
                           : first >= 0xe0 && first < 0xf0 ? 3
                           : first >= 0xf0 && first < 0xf5 ? 4
                                                           : 0;
  if (size == 0 || size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)) return 0;
  if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
  return size;
}

}  // namespace

std::string lower_cased(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

std::string percent_encoded(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    if (texts_is_word(c) && c != '%' && c != '+') {
      result += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result += '%';
      result += digits[byte >> 4];
      result += digits[byte & 15];
    }
  }
  return result;
}

std::string plain_words(std::string_view text, std::string_view key) {
  std::string whole(text.substr(0, 16 * texts_words));
  if (!key.empty()) {
    texts_replace_all(whole, key, "[key]");
    texts_replace_all(whole, percent_encoded(key), "[key]");
  }
  texts_hide_parameters(whole);
  std::string result;
  for (std::string_view left = whole; !left.empty();) {
    const std::size_t size = texts_sequence(left);
    const bool is_blank = static_cast<unsigned char>(left[0]) <= ' ' || left[0] == 0x7f;
    if (is_blank) {
      if (!result.empty() && result.back() != ' ') result += ' ';
    } else if (result.size() + std::max<std::size_t>(size, 1) > texts_words) {
      break;
    } else {
      result += size == 0 ? std::string_view("?") : left.substr(0, size);
    }
    left.remove_prefix(std::max<std::size_t>(size, 1));
  }
  while (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

std::optional<double> number_in(std::string_view text) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<core::Date> iso_day_in(std::string_view text) {
  if (text.size() > 10 && text[10] != 'T' && text[10] != ' ') return std::nullopt;
  return core::from_iso(text.substr(0, 10));
}

bool is_plain_symbol(std::string_view symbol) {
  if (!symbol.empty() && symbol[0] == '^') symbol.remove_prefix(1);
  if (symbol.empty() || symbol.size() > 32 || symbol.find("..") != std::string_view::npos) return false;
  const auto is_name = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  return is_name(symbol[0]) && std::all_of(symbol.begin(), symbol.end(), [&](char c) {
           return is_name(c) || (c >= 'a' && c <= 'z') || std::string_view(".=:-").find(c) != std::string_view::npos;
         });
}

}  // namespace pb::collect
