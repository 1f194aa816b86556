// What is stored of models and forecasts of past dates, to be compared with what happened since.
#pragma once
#include "core/no_postgres.hpp"

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/text/uuid.hpp"
#include "store/store.hpp"

namespace pb::store {

// The symbols of an answer; none: all of them.
using ChosenSymbols = std::optional<std::vector<std::string>>;

// A factor model as it was estimated on a day.
struct StoredModel {
  struct Factor {
    std::string name;
    std::string long_symbol;
    std::string short_symbol;  // empty: no short leg
  };

  core::Date day;
  std::vector<Factor> factors;  // in the order of the betas, the market first
  int window = 0;
  int min_observations = 0;
  bool is_orthogonalized = false;
};

// The models of a name from one day to another, ascending.
std::vector<StoredModel> load_models(const Store& store, const std::string& model, core::Date from, core::Date to);

// The newest day up to the given one of which a model of the name is stored.
std::optional<core::Date> newest_model(const Store& store, const std::string& model, core::Date until);

// The symbols with stored estimates from one day to another.
std::vector<std::string> estimated_symbols(const Store& store, core::Date from, core::Date to);

// The symbols whose estimates these portfolios held from one day to another.
std::vector<std::string> held_symbols(const Store& store, std::span<const core::Uuid> portfolio_ids, core::Date from,
                                      core::Date to);

// Betas of a fit that follow one another, after so many that stand before them; NaN where there is none.
inline constexpr std::size_t betas_at_once = 8;
struct StoredBetas {
  std::string_view symbol;
  core::Date day;
  std::size_t before;
  std::array<double, betas_at_once> betas;
};

// The betas of each fit of a model that has so many factors: first those of the first factors of all fits, then the
// next.
void each_fit(const Store& store, const std::string& model, core::Date from, core::Date to, std::size_t factors,
              const ChosenSymbols& symbols, const std::function<void(const StoredBetas&)>& callback);

// A beta of a symbol on two days on which the model has the same factors; NaN where it is missing.
struct BetaPair {
  double before;
  double std_error;  // of before
  double after;
};

// By symbol and factor, in this order.
void each_beta_pair(const Store& store, const std::string& model, core::Date before, core::Date after,
                    const ChosenSymbols& symbols, const std::function<void(const BetaPair&)>& callback);

struct StoredInterval {
  double value, low, high;
};

// What was stored of the volatility of a symbol, annualized; NaN where it is missing.
struct StoredVolatility {
  std::string_view symbol;
  core::Date day;
  StoredInterval realized_21d;
  StoredInterval realized_63d;
  double expected;
  std::string_view method;
  double sessions_per_year;
};

// By day and symbol, in this order.
void each_volatility(const Store& store, core::Date from, core::Date to, const ChosenSymbols& symbols,
                     const std::function<void(const StoredVolatility&)>& callback);

// The return of a portfolio on a day and what the snapshot before it had forecast, NaN where it is missing.
struct PortfolioForecast {
  core::Uuid portfolio_id;
  core::Date day;
  core::Date before;
  std::string_view model;  // ridge or spread; volatility for the forecast of the portfolio's own volatility
  double outcome;
  double forecast;  // both per year
  double plain;     // the realized volatility of 63 sessions
  double sessions_per_year;
};

// By portfolio, day and model, in this order.
void each_portfolio_forecast(const Store& store, std::span<const core::Uuid> portfolio_ids, core::Date from,
                             core::Date to, const std::function<void(const PortfolioForecast&)>& callback);

}  // namespace pb::store
