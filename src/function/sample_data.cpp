// load_sample_data: a deterministic market with portfolios, for trying the product out and for measuring it.
#include "core/error.hpp"
#include "core/portfolio/sample_market.hpp"
#include "function/entry.hpp"
#include "pg/interrupts.hpp"
#include "store/calendar_store.hpp"
#include "store/sample_store.hpp"

namespace pb::function {

namespace {

int count_argument(const pg::Call& call, int index, const char* name, int initial, int minimum, int maximum) {
  const int value = call.int4(index).value_or(initial);
  if (value >= minimum && value <= maximum) return value;
  throw core::Error(core::sqlstate::invalid_parameter, std::string(name) + " is out of range",
                    "It is " + std::to_string(value) + "; " + std::to_string(minimum) + " to " +
                        std::to_string(maximum) + " is possible.");
}

}  // namespace

PB_FUNCTION(pb_load_sample_data) {
  const store::Store store(call);
  const int portfolio_count = count_argument(call, 0, "portfolios", 3, 1, 100000);
  const int positions = count_argument(call, 1, "positions", 25, 3, 10000);
  const int life = count_argument(call, 2, "sessions", 87, 1, 5000);
  const std::int64_t seed = call.int8(3).value_or(1);
  const int stocks = count_argument(call, 4, "symbols", std::max(60, positions), positions, 20000);
  const int history = count_argument(call, 5, "history", 400, 0, 5000);
  const core::Date last = session_argument(call, 6, store);

  const core::Sessions sessions = store::load_sessions_with_lookback(store, last, last, history + life - 1);
  if (sessions.size() < history + life)
    throw core::Error(
        core::sqlstate::invalid_parameter, "the calendar has too few sessions before " + core::to_iso(last),
        std::to_string(history + life) + " are wanted, " + std::to_string(sessions.size()) + " are there.",
        "Ask for fewer sessions or less history.");
  core::SampleRandom random(static_cast<std::uint64_t>(seed));
  const core::SampleMarket market = core::make_sample_market(stocks, sessions.size(), random, pg::poll);
  std::vector<core::SamplePortfolio> portfolios;
  portfolios.reserve(static_cast<std::size_t>(portfolio_count));
  for (int i = 0; i < portfolio_count; ++i) {
    pg::poll();
    portfolios.push_back(core::make_sample_portfolio(i, positions, market, sessions.dates(), history, random));
  }
  const store::SampleCounts counts = store::write_sample(store, market, sessions.dates(), portfolios);

  pg::RowBuffer rows({{"table_name", pg::Type::text}, {"rows_loaded", pg::Type::int8}});
  rows.add("market_data_cache").add(counts.prices);
  rows.add("company_profiles").add(counts.profiles);
  rows.add("interest_rates").add(counts.rates);
  rows.add("portfolios").add(counts.portfolios);
  rows.add("positions").add(counts.positions);
  rows.add("position_realized_events").add(counts.closings);
  rows.add("equity_changes").add(counts.flows);
  call.return_rows(rows);
}

}  // namespace pb::function
