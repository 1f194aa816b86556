#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/portfolio/money.hpp"
#include "core/text/uuid.hpp"
#include "store/store.hpp"

namespace pb::store {

// A portfolio's exposure to one factor of a model, or what its specific risk contributes; NaN and empty become NULL.
struct PortfolioExposure {
  core::Uuid portfolio_id;
  std::string factor;
  double value = std::numeric_limits<double>::quiet_NaN();  // over net asset value
  std::optional<core::Money> dollars;
  double coverage = std::numeric_limits<double>::quiet_NaN();
  double marginal = std::numeric_limits<double>::quiet_NaN();      // of the annualized volatility
  double contribution = std::numeric_limits<double>::quiet_NaN();  // the same times the exposure
  double percent = std::numeric_limits<double>::quiet_NaN();
  const char* reason = nullptr;
};

// Replaces the day's rows of these portfolios and this model.
std::int64_t write_portfolio_exposures(const Store& store, core::Date day, const std::string& model,
                                       std::span<const core::Uuid> portfolio_ids,
                                       std::span<const PortfolioExposure> rows);

// A position's betas under a factor model: its symbol's, or none with the reason.
struct PositionExposure {
  core::Uuid portfolio_id;
  core::Uuid position_id;
  std::span<const double> betas;  // in the order of the factors; empty: none
  double r_squared = std::numeric_limits<double>::quiet_NaN();
  double residual_volatility = std::numeric_limits<double>::quiet_NaN();
  std::optional<int> observations;
  const char* quality_flag = nullptr;
  const char* reason = nullptr;
};

// Replaces the day's rows of these portfolios and this model. Factors that position_factor_exposures has no column for
// are in the results by symbol and by portfolio only.
std::int64_t write_position_exposures(const Store& store, core::Date day, const std::string& model,
                                      std::span<const std::string> factors, std::span<const core::Uuid> portfolio_ids,
                                      std::span<const PositionExposure> rows);

// A position's sensitivity to interest rates: its symbol's, or none with the reason.
struct PositionRateBeta {
  core::Uuid portfolio_id;
  core::Uuid position_id;
  double beta = std::numeric_limits<double>::quiet_NaN();
  double r_squared = std::numeric_limits<double>::quiet_NaN();
  double std_error = std::numeric_limits<double>::quiet_NaN();
  std::optional<int> observations;
  const char* quality_flag = nullptr;
  const char* reason = nullptr;
};

// Replaces the day's rows of these portfolios.
std::int64_t write_position_rate_betas(const Store& store, core::Date day, const std::string& series,
                                       std::span<const core::Uuid> portfolio_ids,
                                       std::span<const PositionRateBeta> rows);

}  // namespace pb::store
