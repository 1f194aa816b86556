#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/stats/beta.hpp"
#include "core/stats/factor_model.hpp"
#include "store/store.hpp"

namespace pb::store {

// A symbol's beta to one factor; NaN where there is none.
struct SymbolBeta {
  double beta = std::numeric_limits<double>::quiet_NaN();
  double std_error = std::numeric_limits<double>::quiet_NaN();
  double t_stat = std::numeric_limits<double>::quiet_NaN();
  double p_value = std::numeric_limits<double>::quiet_NaN();
};

// A symbol's factor model of a day, as it is stored: NaN and empty become NULL.
struct SymbolModel {
  std::string symbol;
  core::Sample sample;
  double alpha = std::numeric_limits<double>::quiet_NaN();  // per session
  double r_squared = std::numeric_limits<double>::quiet_NaN();
  double adj_r_squared = std::numeric_limits<double>::quiet_NaN();
  double residual_volatility = std::numeric_limits<double>::quiet_NaN();  // annualized
  double ridge_alpha = std::numeric_limits<double>::quiet_NaN();
  double effective_df = std::numeric_limits<double>::quiet_NaN();
  double condition_number = std::numeric_limits<double>::quiet_NaN();
  double max_vif = std::numeric_limits<double>::quiet_NaN();
  std::vector<SymbolBeta> betas;  // in the order of the factors

  // The sample's reason; for a model with an implausible beta "outlier"; else nullptr.
  const char* reason() const;
};

SymbolModel symbol_model(std::string symbol, const core::BetaFit& fit);
SymbolModel symbol_model(std::string symbol, const core::FactorFits& fits, int place);

// Writes symbol_model_fits and symbol_factor_exposures of a day and model, and removes betas of these symbols to
// factors that the model no longer has. Symbols that the store leaves to others are left out.
std::int64_t write_symbol_models(const Store& store, core::Date day, const std::string& model,
                                 std::span<const std::string> factors, std::span<const SymbolModel> rows);

}  // namespace pb::store
