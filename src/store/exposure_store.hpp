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
#include "core/reason.hpp"
#include "core/text/uuid.hpp"
#include "store/store.hpp"

namespace pb::store {

// A portfolio's exposure to one factor of a model, or what its specific risk contributes; NaN and empty become NULL.
struct PortfolioExposure {
  core::Uuid portfolio_id;
  std::string factor;
  double value = std::numeric_limits<double>::quiet_NaN();      // over net asset value
  double std_error = std::numeric_limits<double>::quiet_NaN();  // of the value
  std::optional<core::Money> dollars;
  double coverage = std::numeric_limits<double>::quiet_NaN();
  double stale_share = std::numeric_limits<double>::quiet_NaN();   // of the gross exposure, the same for all of a model
  double marginal = std::numeric_limits<double>::quiet_NaN();      // of the annualized volatility
  double contribution = std::numeric_limits<double>::quiet_NaN();  // the same times the exposure
  double percent = std::numeric_limits<double>::quiet_NaN();
  core::Reason reason = core::Reason::none;
};

// Replaces the day's exposures of these portfolios to this model; those of a portfolio stand side by side.
std::int64_t write_portfolio_exposures(const Store& store, core::Date day, const std::string& model,
                                       std::span<const core::Uuid> portfolio_ids,
                                       std::span<const PortfolioExposure> rows);

}  // namespace pb::store
