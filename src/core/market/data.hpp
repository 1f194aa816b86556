// What providers of market data deliver, as plain rows, and how an answer ends where it delivers none.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"

namespace pb::market {

// What is asked of a provider.
enum class Kind { prices, options, corporate_actions, yields, profiles, statements, estimates, earnings_dates };

// How an answer ends, by symbol.
enum class Outcome {
  ok,
  no_data,     // the provider answered that it has nothing
  plan_limit,  // the account's plan does not include it
  pending,     // there are rows, and the newest session is not among them yet
  rate_limit,  // too many requests
  auth,        // the key or the session is refused
  blocked,     // a page for people, a proof of work or a refusal of the address, in place of data
  transient,   // no connection, a time limit, a server's failure
  malformed,   // bytes that are not what the provider documents
  deadline,    // the run ended before it was asked
  skipped      // not asked, for a reason that the text gives
};

// A number as the provider wrote it, where money is exact. Empty: not said.
using Digits = std::string;

struct Bar {
  core::Date date;
  std::optional<double> open = {}, high = {}, low = {};
  std::optional<double> close = {};  // none: the provider has no close of the session (yet)
  std::optional<double> adj_close = {};
  std::optional<std::int64_t> volume = {};
};

struct PriceSeries {
  std::vector<Bar> bars = {};                    // by date, each date once
  std::string currency = {};                     // ISO 4217; empty: not said. Hundredths (GBp, ZAc, ILA) are converted
  bool is_split_adjusted = false;                // close is divided by later splits
  std::optional<std::int64_t> market_time = {};  // of the newest trade, seconds since the Unix epoch
};

struct Action {
  core::Date ex_date;
  std::string kind;                                        // split, stock_dividend or dividend
  std::optional<double> numerator = {}, denominator = {};  // new shares for old ones
  std::optional<double> amount = {};                       // cash per share
};

struct Yield {
  std::string series;  // such as DGS10
  core::Date date;
  double rate;                              // percent a year
  std::optional<core::Date> known_on = {};  // vintage: from when the provider published it
};

// A statement of a fiscal period. Items are named by the columns of income_statements, balance_sheets, cash_flows.
struct Statement {
  std::string table;       // income_statements, balance_sheets or cash_flows
  core::Date period_date;  // canonical end of the period: the nearest end of a month within 10 days
  std::optional<core::Date> reported_period_date = {};
  char frequency = 'q';  // q or a
  std::string currency = {};
  std::string eps_currency = {};
  std::optional<int> fiscal_year = {}, fiscal_quarter = {};
  std::optional<core::Date> known_on = {};  // filed or accepted
  std::vector<std::pair<std::string, Digits>> items = {};
};

// Columns of company_profiles with their values as texts; what is not said is not among them.
struct Profile {
  std::vector<std::pair<std::string, std::string>> columns = {};
  bool is_inactive = false;  // the provider says that the symbol is delisted
};

// Columns of analyst_estimates with their values as texts.
struct Estimate {
  core::Date period_date;
  char frequency = 'q';
  std::vector<std::pair<std::string, std::string>> columns = {};
};

struct EarningsDate {
  core::Date first, last;  // the same, or a window
  bool is_estimate = true;
  bool is_reported = false;
  std::optional<core::Date> period_date = {};
};

// What an answer says of one symbol (or of one series of yields).
struct SymbolAnswer {
  std::string symbol;  // canonical
  Outcome outcome = Outcome::ok;
  std::string text = {};  // the provider's own words, without keys; or why it was skipped
  PriceSeries prices = {};
  std::vector<Action> actions = {};
  std::vector<Yield> yields = {};
  std::vector<Statement> statements = {};
  std::optional<Profile> profile = {};
  std::vector<Estimate> estimates = {};
  std::vector<EarningsDate> earnings_dates = {};
};

// OK, NO_DATA, PLAN_LIMIT, …
const char* to_word(Outcome outcome);
// prices, options, …
const char* to_word(Kind kind);

}  // namespace pb::market
