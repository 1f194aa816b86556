// Fundamentals: statements, profiles, estimates, earnings dates, and what came of the attempts to have them.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/market/fundamentals.hpp"
#include "store/store.hpp"

namespace pb::store {

// A symbol whose fundamentals may be wanted.
struct FundamentalSymbol {
  std::string symbol;
  market::InstrumentClass instrument = market::InstrumentClass::equity;
  double value = 0;                                              // market value of what is held of it, without sign
  std::map<market::Kind, market::FundamentalState> states = {};  // by kind, those that were asked for
  std::optional<core::Date> next_earnings_date = {};             // as the profile has it
  // The earnings date that is kept; where none is, that of the profile.
  std::optional<market::Earnings> earnings() const;
};

// Symbols of positions of active portfolios that are open on the day, with the underlyings of options, or the symbols
// that are named, held or not; in alphabetical order. A symbol that no profile knows is taken for a company, but for
// factors' symbols, which are funds, and names that no company has.
std::vector<FundamentalSymbol> load_fundamental_symbols(const Store& store, core::Date day,
                                                        const std::optional<std::vector<std::string>>& symbols);

// Each of these writes what a provider said of a symbol, and returns the number of rows inserted or changed. What it
// did not say leaves what is stored as it is. Numbers are stored in their own digits, as far as the column has places;
// a text that is no number is as good as none.

// One provider's series. A row that is stored in one currency takes no figures of another one. Margins, ratios and
// differences that the row itself holds the parts of are computed from these, so that they fit them.
std::int64_t write_statements(const Store& store, const std::string& symbol, const std::string& provider,
                              std::span<const market::Statement> statements);
// How many of them are in another currency than the row that is stored.
std::int64_t count_in_other_currency(const Store& store, const std::string& symbol, const std::string& provider,
                                     std::span<const market::Statement> statements);
std::int64_t write_profile(const Store& store, const std::string& symbol, const std::string& provider,
                           const market::Profile& profile);
std::int64_t write_estimates(const Store& store, const std::string& symbol, const std::string& provider,
                             std::span<const market::Estimate> estimates);

// Ends of the fiscal quarters of a series of which income, balance and cash flow are there, ascending; of a series that
// has none, of its fiscal years.
std::vector<core::Date> complete_periods(const Store& store, const std::string& symbol, const std::string& provider);

// What does not add up in the newest year and quarters of a series: a sentence each. Nothing is refused for it.
std::vector<std::string> statement_doubts(const Store& store, const std::string& symbol, const std::string& provider);

// What is remembered of an attempt. The profile of the symbol, where there is one, is told of statements and dates.
struct FundamentalAttempt {
  std::string symbol;
  market::Kind kind;
  market::FundamentalState state;
  bool has_new_data = false;
  std::string error = {};  // of a failure; empty: none
};
void write_attempt(const Store& store, const FundamentalAttempt& attempt);

// What the newest collection of fundamentals for a session did.
struct FundamentalsRecord {
  std::string status;
  std::int32_t due = 0, fetched = 0;  // symbols
  std::int64_t rows_written = 0;
  std::string notes = {};  // why what was due was not fetched; empty: nothing to say
  std::string detail_json = {};
};
std::optional<FundamentalsRecord> newest_fundamentals(const Store& store, core::Date day);

// Whether a source or provider of fundamentals is switched on.
bool has_fundamental_sources(const Store& store);

}  // namespace pb::store
