#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/reason.hpp"
#include "core/stats/beta.hpp"
#include "core/stats/factor_model.hpp"
#include "pg/rows.hpp"
#include "store/store.hpp"

namespace pb::store {

// A symbol's beta to one factor; NaN where there is none.
struct SymbolBeta {
  double beta = std::numeric_limits<double>::quiet_NaN();
  double std_error = std::numeric_limits<double>::quiet_NaN();
};

// A symbol's factor model of a day, as it is stored: NaN and empty become NULL.
struct SymbolModel {
  std::string symbol;
  core::Sample sample;
  double alpha = std::numeric_limits<double>::quiet_NaN();  // per session, of returns as they are
  core::JensenAlpha jensen = {};                            // of the market model
  double r_squared = std::numeric_limits<double>::quiet_NaN();
  double adj_r_squared = std::numeric_limits<double>::quiet_NaN();
  double residual_volatility = std::numeric_limits<double>::quiet_NaN();  // annualized
  double ridge_alpha = std::numeric_limits<double>::quiet_NaN();
  double effective_df = std::numeric_limits<double>::quiet_NaN();
  double condition_number = std::numeric_limits<double>::quiet_NaN();
  double max_vif = std::numeric_limits<double>::quiet_NaN();
  double residual_df = std::numeric_limits<double>::quiet_NaN();  // of the t statistics
  std::vector<SymbolBeta> betas;                                  // in the order of the factors
  std::int64_t input_digest = 0;                                  // of the prices and parameters that it was fitted to

  // The sample's reason; for a model with an implausible beta that it is an outlier.
  core::Reason reason() const;
};

// The row of a fit, its residual volatility annualized.
SymbolModel symbol_model(std::string symbol, const core::BetaFit& fit, int sessions_per_year);
SymbolModel symbol_model(std::string symbol, const core::FactorFits& fits, int place, int sessions_per_year);

// A factor model of a day: the order of the betas of its symbols, and how they were estimated. The same for all
// symbols and portfolios.
struct FactorModelRow {
  std::string model;  // market, ridge, spread or rate
  std::vector<std::string> factors;
  std::vector<std::string> long_symbols;                  // whose returns stand for the factors
  std::vector<std::optional<std::string>> short_symbols;  // whose are taken off these; none for a factor without
  std::vector<std::int64_t> long_digests = {};            // of the prices of each; pg::null_int8 where there are none
  std::vector<std::int64_t> short_digests = {};
  pg::Json parameters;
  std::optional<core::Date> window_start;  // the sessions that the window asks for
  core::Date window_end;
};

// Writes factor_models and symbol_model_fits of a day and model. Symbols that the store leaves to others are left out,
// and the model itself where it is another shard's.
std::int64_t write_symbol_models(const Store& store, core::Date day, const FactorModelRow& model,
                                 std::span<const SymbolModel> rows);

}  // namespace pb::store
