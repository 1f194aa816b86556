#include "collect/provider/symbols.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include "collect/provider/texts.hpp"

namespace pb::collect {

namespace {

bool symbols_is_digit(char c) { return c >= '0' && c <= '9'; }
bool symbols_is_letter(char c) { return c >= 'A' && c <= 'Z'; }
bool symbols_are_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), symbols_is_digit);
}
bool symbols_are_letters(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), symbols_is_letter);
}

template <std::size_t Count>
bool symbols_is_among(std::string_view text, const std::array<std::string_view, Count>& names) {
  return std::find(names.begin(), names.end(), text) != names.end();
}

// Currencies that pairs are made of.
constexpr std::array<std::string_view, 33> symbols_currencies{
    "USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "NZD", "SEK", "NOK", "DKK",
    "PLN", "CZK", "HUF", "TRY", "ZAR", "MXN", "BRL", "CNY", "CNH", "HKD", "SGD",
    "INR", "KRW", "TWD", "THB", "IDR", "MYR", "PHP", "ILS", "RON", "SAR", "AED"};

// Places that Yahoo names by one letter: Frankfurt, London, Tokyo, TSX Venture.
constexpr std::string_view symbols_one_letter_places = "FLTV";

// Private and made-up symbols that no rule finds.
constexpr std::array<std::string_view, 12> symbols_private{
    "HOME_EQUITY",       "TREASURY_BILLS", "CRYPTO_BTC_ETH",   "TWO_SIGMA_FUND", "A16Z_VC_FUND", "STARWOOD_REIT",
    "BX_PRIVATE_EQUITY", "RENTAL_SFH",     "ART_COLLECTIBLES", "RENTAL_CONDO",   "MONEY_MARKET", "EQ5D6A2D8F"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> symbols_polygon_indices{
    {{"^GSPC", "I:SPX"}, {"^IXIC", "I:COMP"}, {"^SPX", "I:SPX"}, {"^DJI", "I:DJI"}}};

// Roots of options that differ from the symbol of what they are on.
constexpr std::array<std::pair<std::string_view, std::string_view>, 13> symbols_roots{{{"SPX", "^SPX"},
                                                                                       {"SPXW", "^SPX"},
                                                                                       {"VIX", "^VIX"},
                                                                                       {"VIXW", "^VIX"},
                                                                                       {"NDX", "^NDX"},
                                                                                       {"NDXP", "^NDX"},
                                                                                       {"RUT", "^RUT"},
                                                                                       {"RUTW", "^RUT"},
                                                                                       {"DJX", "^DJX"},
                                                                                       {"XSP", "^XSP"},
                                                                                       {"BRKB", "BRK.B"},
                                                                                       {"BFB", "BF.B"},
                                                                                       {"HEIA", "HEI.A"}}};

bool symbols_is_pair(std::string_view text) {
  return text.size() == 6 && symbols_is_among(text.substr(0, 3), symbols_currencies) &&
         symbols_is_among(text.substr(3), symbols_currencies);
}

// The parts of a symbol around its last dot.
struct SymbolsDotted {
  std::string_view name, suffix;
};

SymbolsDotted symbols_dotted(std::string_view symbol) {
  const auto dot = symbol.rfind('.');
  if (dot == std::string_view::npos) return {symbol, {}};
  return {symbol.substr(0, dot), symbol.substr(dot + 1)};
}

bool symbols_is_preferred(std::string_view suffix) {
  return suffix.substr(0, 2) == "PR" && (suffix.size() == 2 || suffix.size() == 3);
}

// Whether the suffix says what a security of the USA is, and not where it is listed.
bool symbols_is_domestic(std::string_view suffix) {
  if (suffix.size() == 1) return symbols_one_letter_places.find(suffix[0]) == std::string_view::npos;
  return suffix == "WS" || suffix == "RT" || symbols_is_preferred(suffix);
}

std::string symbols_joined(std::initializer_list<std::string_view> parts) {
  std::string result;
  for (const std::string_view part : parts) result += part;
  return result;
}

// A share of the USA in the spelling of Yahoo and FMP.
std::string symbols_with_hyphen(const SymbolsDotted& dotted) {
  if (dotted.suffix.empty()) return std::string(dotted.name);
  if (dotted.suffix == "WS") return symbols_joined({dotted.name, "-WT"});
  if (dotted.suffix == "U") return symbols_joined({dotted.name, "-UN"});
  if (dotted.suffix == "RT") return symbols_joined({dotted.name, "-RI"});
  if (symbols_is_preferred(dotted.suffix)) return symbols_joined({dotted.name, "-P", dotted.suffix.substr(2)});
  return symbols_joined({dotted.name, "-", dotted.suffix});
}

std::string symbols_of_polygon(const SymbolsDotted& dotted) {
  if (dotted.suffix.empty()) return std::string(dotted.name);
  if (dotted.suffix == "RT") return symbols_joined({dotted.name, "r"});
  if (symbols_is_preferred(dotted.suffix)) return symbols_joined({dotted.name, "p", dotted.suffix.substr(2)});
  return symbols_joined({dotted.name, ".", dotted.suffix});
}

std::string symbols_of_tiingo(const SymbolsDotted& dotted) {
  if (dotted.suffix.empty()) return std::string(dotted.name);
  if (symbols_is_preferred(dotted.suffix)) return symbols_joined({dotted.name, "-P-", dotted.suffix.substr(2)});
  return symbols_joined({dotted.name, "-", dotted.suffix});
}

std::string symbols_pair(std::string_view symbol) { return std::string(symbol.substr(0, 6)); }

std::string symbols_without_hyphen(std::string_view symbol) {
  std::string result(symbol);
  std::erase(result, '-');
  return result;
}

std::optional<std::string> symbols_yahoo(SymbolClass symbol_class, std::string_view symbol) {
  switch (symbol_class) {
    case SymbolClass::equity:
      return symbols_with_hyphen(symbols_dotted(symbol));
    case SymbolClass::option:
      return option_in(symbol)->compact();
    case SymbolClass::fx:
      return symbols_pair(symbol) + "=X";
    default:
      return std::string(symbol);
  }
}

std::optional<std::string> symbols_fmp(SymbolClass symbol_class, std::string_view symbol) {
  switch (symbol_class) {
    case SymbolClass::equity:
      return symbols_with_hyphen(symbols_dotted(symbol));
    case SymbolClass::option:
      return std::nullopt;
    case SymbolClass::crypto:
      return symbols_without_hyphen(symbol);
    case SymbolClass::fx:
      return symbols_pair(symbol);
    case SymbolClass::foreign_listing:
      // Futures have other names there.
      if (symbol.find('=') != std::string_view::npos) return std::nullopt;
      return std::string(symbol);
    default:
      return std::string(symbol);
  }
}

std::optional<std::string> symbols_polygon(SymbolClass symbol_class, std::string_view symbol) {
  switch (symbol_class) {
    case SymbolClass::equity:
      return symbols_of_polygon(symbols_dotted(symbol));
    case SymbolClass::index:
      for (const auto& [ours, theirs] : symbols_polygon_indices)
        if (symbol == ours) return std::string(theirs);
      return symbols_joined({"I:", symbol.substr(1)});
    case SymbolClass::option:
      return "O:" + option_in(symbol)->compact();
    case SymbolClass::crypto:
      return "X:" + symbols_without_hyphen(symbol);
    case SymbolClass::fx:
      return "C:" + symbols_pair(symbol);
    default:
      return std::nullopt;
  }
}

std::optional<std::string> symbols_tiingo(SymbolClass symbol_class, std::string_view symbol) {
  if (symbol_class == SymbolClass::equity) return symbols_of_tiingo(symbols_dotted(symbol));
  if (symbol_class == SymbolClass::fund) return std::string(symbol);
  return std::nullopt;
}

std::optional<int> symbols_two(std::string_view text) {
  if (text.size() != 2 || !symbols_are_digits(text)) return std::nullopt;
  return (text[0] - '0') * 10 + (text[1] - '0');
}

// Two digits each, of this century.
std::optional<core::Date> symbols_day(std::string_view year, std::string_view month, std::string_view day) {
  const auto y = symbols_two(year), m = symbols_two(month), d = symbols_two(day);
  if (!y || !m || !d) return std::nullopt;
  const std::chrono::year_month_day ymd{std::chrono::year(2000 + *y), std::chrono::month(static_cast<unsigned>(*m)),
                                        std::chrono::day(static_cast<unsigned>(*d))};
  if (!ymd.ok()) return std::nullopt;
  return core::Date{ymd};
}

bool symbols_is_root(std::string_view root) {
  return !root.empty() && root.size() <= 6 && symbols_is_letter(root[0]) &&
         std::all_of(root.begin(), root.end(), [](char c) { return symbols_is_letter(c) || symbols_is_digit(c); });
}

// A strike in money, such as 150 or 152.5, in thousandths; none where it has more than three places.
std::optional<std::int64_t> symbols_strike(std::string_view text) {
  const auto point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  const std::string_view part = point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  if (!symbols_are_digits(whole) || whole.size() > 5 || part.size() > 3) return std::nullopt;
  if (point != std::string_view::npos && !symbols_are_digits(part)) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : whole) value = value * 10 + (c - '0');
  for (std::size_t i = 0; i < 3; ++i) value = value * 10 + (i < part.size() ? part[i] - '0' : 0);
  return value;
}

std::optional<OptionSymbol> symbols_option(std::string_view root, std::optional<core::Date> expiry, char right,
                                           std::optional<std::int64_t> strike) {
  if (!symbols_is_root(root) || !expiry || (right != 'C' && right != 'P') || !strike || *strike <= 0)
    return std::nullopt;
  return OptionSymbol{std::string(root), *expiry, right == 'C', *strike};
}

// From the right: eight digits of the strike, C or P, six digits of the day; the root is what is left.
std::optional<OptionSymbol> symbols_osi(std::string_view text) {
  if (text.size() < 16) return std::nullopt;
  std::string_view root = text.substr(0, text.size() - 15);
  const std::string_view fixed = text.substr(text.size() - 15), strike = fixed.substr(7);
  // Blanks fill the root up to six.
  if (root.find(' ') != std::string_view::npos) {
    if (root.size() != 6) return std::nullopt;
    root = root.substr(0, root.find_last_not_of(' ') + 1);
  }
  if (!symbols_are_digits(strike)) return std::nullopt;
  std::int64_t thousandths = 0;
  for (const char c : strike) thousandths = thousandths * 10 + (c - '0');
  return symbols_option(root, symbols_day(fixed.substr(0, 2), fixed.substr(2, 2), fixed.substr(4, 2)), fixed[6],
                        thousandths);
}

// ROOT, six digits of the day, C or P, the strike in money.
std::optional<OptionSymbol> symbols_short_option(std::string_view root, std::string_view rest, bool is_month_first) {
  if (rest.size() < 8) return std::nullopt;
  const std::string_view a = rest.substr(0, 2), b = rest.substr(2, 2), c = rest.substr(4, 2);
  const auto day = is_month_first ? symbols_day(c, a, b) : symbols_day(a, b, c);
  return symbols_option(root, day, rest[6], symbols_strike(rest.substr(7)));
}

// .AAPL250117C150, without the dot.
std::optional<OptionSymbol> symbols_broker_option(std::string_view text) {
  const auto right = text.find_last_of("CP");
  if (right == std::string_view::npos || right < 7) return std::nullopt;
  return symbols_short_option(text.substr(0, right - 6), text.substr(right - 6), false);
}

// AAPL 2025-01-17 150C
std::optional<OptionSymbol> symbols_spelled_option(std::string_view text) {
  const auto first = text.find(' ');
  if (first == std::string_view::npos || text.size() < first + 14 || text[first + 11] != ' ') return std::nullopt;
  const auto day = core::from_iso(text.substr(first + 1, 10));
  if (!day || core::to_iso(*day).substr(0, 2) != "20") return std::nullopt;
  const std::string_view strike = text.substr(first + 12, text.size() - first - 13);
  return symbols_option(text.substr(0, first), day, text.back(), symbols_strike(strike));
}

std::string symbols_fixed(const OptionSymbol& option) {
  const std::chrono::year_month_day ymd{option.expiry};
  char text[40];
  std::snprintf(text, sizeof text, "%02d%02u%02u%c%08lld", static_cast<int>(ymd.year()) % 100,
                static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day()), option.is_call ? 'C' : 'P',
                static_cast<long long>(option.strike_thousandths));
  return text;
}

}  // namespace

std::string OptionSymbol::compact() const { return root + symbols_fixed(*this); }

std::string OptionSymbol::padded() const {
  std::string result = root;
  result.resize(6, ' ');
  return result + symbols_fixed(*this);
}

std::string OptionSymbol::underlying() const {
  std::string_view name = root;
  for (const auto& [option_root, symbol] : symbols_roots)
    if (name == option_root) return std::string(symbol);
  // A digit at the end says that the contract was adjusted, or is a mini.
  while (name.size() > 1 && symbols_is_digit(name.back())) name.remove_suffix(1);
  for (const auto& [option_root, symbol] : symbols_roots)
    if (name == option_root) return std::string(symbol);
  return std::string(name);
}

core::Date OptionSymbol::last_day() const {
  return std::chrono::weekday{expiry} == std::chrono::Saturday ? expiry - std::chrono::days{1} : expiry;
}

std::optional<OptionSymbol> option_in(std::string_view text) {
  if (text.size() > 40) return std::nullopt;
  if (text.substr(0, 2) == "O:") return symbols_osi(text.substr(2));
  if (auto option = symbols_osi(text)) return option;
  if (!text.empty() && (text[0] == '.' || text[0] == '-')) {
    const std::string_view rest = text.substr(1);
    const auto option = symbols_osi(rest);
    return option ? option : symbols_broker_option(rest);
  }
  if (const auto bar = text.find('_'); bar != std::string_view::npos)
    return symbols_short_option(text.substr(0, bar), text.substr(bar + 1), true);
  return symbols_spelled_option(text);
}

bool looks_private(std::string_view symbol) {
  if (symbols_is_among(symbol, symbols_private)) return true;
  if (option_in(symbol)) return false;
  if (symbol.find('_') != std::string_view::npos) return true;
  // EQ and at least eight hexadecimal digits; EQIX and EQT are shares.
  if (symbol.size() < 10 || symbol.substr(0, 2) != "EQ") return false;
  return std::all_of(symbol.begin() + 2, symbol.end(),
                     [](char c) { return symbols_is_digit(c) || (c >= 'A' && c <= 'F'); });
}

std::optional<SymbolClass> class_of(std::string_view symbol) {
  if (looks_private(symbol)) return SymbolClass::private_asset;
  if (option_in(symbol)) return SymbolClass::option;
  if (!is_plain_symbol(symbol) || symbol.back() == '.' || symbol.find(':') != std::string_view::npos)
    return std::nullopt;
  if (symbol[0] == '^') return SymbolClass::index;
  if (symbols_is_pair(symbol) ||
      (symbol.size() == 8 && symbol.substr(6) == "=X" && symbols_is_pair(symbol.substr(0, 6))))
    return SymbolClass::fx;
  if (symbol.find('=') != std::string_view::npos) return SymbolClass::foreign_listing;
  if (const auto hyphen = symbol.rfind('-');
      hyphen != std::string_view::npos && symbols_is_among(symbol.substr(hyphen + 1), symbols_currencies))
    return SymbolClass::crypto;
  const auto [name, suffix] = symbols_dotted(symbol);
  if (!suffix.empty()) return symbols_is_domestic(suffix) ? SymbolClass::equity : SymbolClass::foreign_listing;
  if (symbol.size() == 5 && symbol.back() == 'X' && symbols_are_letters(symbol)) return SymbolClass::fund;
  return SymbolClass::equity;
}

std::optional<std::string> provider_symbol(std::string_view provider, std::string_view symbol) {
  const auto symbol_class = class_of(symbol);
  if (!symbol_class || *symbol_class == SymbolClass::private_asset) return std::nullopt;
  if (provider == "yahoo") return symbols_yahoo(*symbol_class, symbol);
  if (provider == "fmp") return symbols_fmp(*symbol_class, symbol);
  if (provider == "polygon") return symbols_polygon(*symbol_class, symbol);
  if (provider == "tiingo") return symbols_tiingo(*symbol_class, symbol);
  return std::nullopt;
}

}  // namespace pb::collect
