// Digests of what results were computed from. A rerun computes them first, and leaves alone what has not changed.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "engine/inputs.hpp"
#include "store/correlation_store.hpp"

namespace pb::engine {

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
  std::int64_t of_portfolio(core::Date day, const store::Portfolio& portfolio);

 private:
  // What is the same for all portfolios of a day.
  std::int64_t of_day(core::Date day);
  std::int64_t of_definitions();
  std::int64_t of_yields(core::Date day);
  std::int64_t of_factor_prices(core::Date day);
  std::int64_t of_past(const std::string& symbol);

  Inputs& inputs_;
  std::optional<core::Date> day_;
  std::optional<std::int64_t> of_day_;
  std::optional<std::int64_t> factor_prices_;
  std::optional<std::int64_t> definitions_;
  std::map<int, std::int64_t> prices_;
  std::map<std::string, std::int64_t> past_;
  std::optional<store::UserTags> tags_;
};

}  // namespace pb::engine
