// What kind of instrument a symbol names, what providers call it, and symbols of options.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/calendar/date.hpp"

namespace pb::collect {

// By the form of the canonical symbol: upper case, a dot before the class of a share (BRK.B), before the place of a
// foreign listing (VOD.L) and before what is no share (BAC.PRK, XYZ.WS), a caret before an index (^GSPC), a hyphen
// between a crypto currency and its quote (BTC-USD), two currencies in one (EURUSD), options as the OSI writes them.
enum class SymbolClass {
  equity,  // a share, an exchange-traded fund, a preferred share, a warrant, a unit or a right of the USA
  fund,    // a mutual fund: five letters, the last an X
  index,
  option,
  crypto,
  fx,
  foreign_listing,  // and futures: what only Yahoo's rules know
  private_asset     // it has no price that anybody publishes
};

// None where the symbol could mean a path or another query to a provider, or is of no known form.
std::optional<SymbolClass> class_of(std::string_view symbol);

// Whether the symbol is one of those that mean a private or made-up asset. Only for positions without a class of
// investment: where there is one, it decides.
bool looks_private(std::string_view symbol);

// What the provider (yahoo, fmp, polygon, tiingo) calls the symbol by its rules; none where it has no such instrument.
// Aliases come before these rules.
std::optional<std::string> provider_symbol(std::string_view provider, std::string_view symbol);

// An option as the Options Symbology Initiative names it.
struct OptionSymbol {
  std::string root;  // one to six capital letters and digits, the first a letter
  core::Date expiry;
  bool is_call = true;
  std::int64_t strike_thousandths = 0;  // above 0, at most eight digits

  std::string compact() const;  // AAPL250117C00150000
  std::string padded() const;   // AAPL  250117C00150000
  // The canonical symbol of what it is an option on: SPXW is on ^SPX, BRKB on BRK.B, AAPL7 (adjusted) on AAPL.
  std::string underlying() const;
  // The session on or before which it settles: monthly options expired on Saturdays until February 2015.
  core::Date last_day() const;

  bool operator==(const OptionSymbol&) const = default;
};

// Reads AAPL250117C00150000, the same with blanks after the root or "O:" before it, .AAPL250117C150, -AAPL250117C150,
// AAPL_011725C150 and "AAPL 2025-01-17 150C". None for any other text, for days that do not exist and strikes of 0.
std::optional<OptionSymbol> option_in(std::string_view text);

}  // namespace pb::collect
