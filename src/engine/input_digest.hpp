// Digests of what results were computed from. A rerun computes them first, and leaves alone what has not changed.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "core/text/digest.hpp"
#include "engine/input_parts.hpp"
#include "engine/inputs.hpp"
#include "store/correlation_store.hpp"

namespace pb::engine {

// The digest of everything of a portfolio's date, and those of its parts, which it is made of.
struct PortfolioDigest {
  std::int64_t whole = 0;
  PartDigests parts;
};

// The settings that results depend on; what else a run records with them is as by default.
store::Settings settings_of_results(store::Settings settings);

// What digests of the dates have in common is computed once.
class InputDigests {
 public:
  explicit InputDigests(Inputs& inputs) : inputs_(inputs) {}

  // The prices of a column of the market's panel as of a day: closes and returns of the sessions that any estimate
  // looks back to, and the newest price with its day.
  std::int64_t of_prices(core::Date day, int column);

  // A symbol's fit of a model, given its parameters: its prices, those of the model's factors, and the yields.
  std::int64_t of_fit(core::Date day, const std::string& symbol, const std::string& model,
                      const std::string& parameters);

  // Everything of a portfolio's date: the snapshots before it, lots, closings, flows, actions, Greeks, prices, yields,
  // profiles, tags, calendar, definitions of factors and scenarios, the past that replays play, and the parameters.
  PortfolioDigest of_portfolio(core::Date day, const store::Portfolio& portfolio);

  // The part of the settings, which is the same for all dates and portfolios.
  static std::int64_t of_settings(const store::Settings& settings);

  // Whose prices the parts of the prices are: those of the lots, and those of the market and the factors. Only symbols
  // of the market's panel.
  std::set<std::string> held_symbols(core::Date day, const store::Portfolio& portfolio);
  std::set<std::string> factor_symbols();

 private:
  // What belongs to one day is forgotten when another one is asked for.
  void begin_day(core::Date day);
  // The parts that are the same for all portfolios of a day.
  const PartDigests& of_day(core::Date day);
  std::int64_t of_factors();
  std::int64_t of_scenarios();
  std::int64_t of_sessions(core::Date day);
  core::Digest quotes_in_reach(core::Date day, std::span<const core::YieldQuote> quotes);
  std::int64_t of_yields(core::Date day);
  std::int64_t of_risk_free(core::Date day);
  std::int64_t of_benchmark(core::Date day);
  std::int64_t of_factor_prices(core::Date day);
  std::int64_t of_past_factors(core::Date day);
  std::int64_t of_past_yields(core::Date day);
  std::int64_t of_past(const std::string& symbol);
  // Those of a portfolio.
  std::int64_t of_book(core::Date day, const store::Portfolio& portfolio);
  std::int64_t of_actions(core::Date day, const store::Portfolio& portfolio);
  std::int64_t of_deltas(core::Date day, const store::Portfolio& portfolio);
  std::int64_t of_prices(core::Date day, const std::set<std::string>& symbols);
  std::int64_t of_replays(const std::set<std::string>& symbols);
  std::int64_t of_profiles(const std::set<std::string>& symbols);
  std::int64_t of_tags(const core::Uuid& portfolio_id);

  Inputs& inputs_;
  std::optional<core::Date> day_;
  std::optional<PartDigests> of_day_;
  std::optional<std::int64_t> factor_prices_;
  std::optional<std::int64_t> yields_;
  std::optional<std::int64_t> risk_free_;
  std::map<int, std::int64_t> prices_;
  std::map<std::string, std::int64_t> past_;
  std::optional<store::UserTags> tags_;
};

}  // namespace pb::engine
