#include "engine/specific_risk.hpp"

#include <cmath>
#include <vector>

#include "core/limits.hpp"
#include "pg/interrupts.hpp"
#include "pg/memory.hpp"

namespace pb::engine {

SpecificRisk::SpecificRisk(RiskModels& models, const SymbolFits& fits, const store::Settings& settings)
    : fits_(fits), settings_(settings) {
  take_residuals(models);
}

void SpecificRisk::take_residuals(RiskModels& models) {
  const FactorCovariance& covariance = models.covariance();
  std::vector<int> places;
  for (const std::string& factor : fits_.factors) places.push_back(covariance.index(factor));
  const core::Matrix moves = covariance.moves(core::every, places);
  const RiskBook& book = models.book();
  const Eigen::Index sessions = moves.rows();
  pg::MemoryBudget(settings_.max_memory_bytes)
      .take(static_cast<std::size_t>(sessions), book.symbols.size(), sizeof(double), "residuals");
  residuals_ = core::Matrix::Constant(sessions, std::ssize(book.symbols), core::nan);
  const core::RidgeFits& numbers = fits_.fits.fits;
  for (int symbol = 0; symbol < std::ssize(book.symbols); ++symbol) {
    pg::poll();
    if (!fits_.fits.estimated(symbol)) continue;
    const auto place = static_cast<std::size_t>(symbol);
    const int n = fits_.fits.samples[place].observations;
    const double scale = numbers.residual_sd(symbol) > 0 ? std::sqrt(n / (n - 1 - numbers.effective_df(symbol))) : 0;
    const auto returns = models.returns().col(book.columns[place]).segment(book.session + 1 - sessions, sessions);
    residuals_.col(symbol) = scale * (returns - moves * numbers.coefficients.col(symbol).tail(moves.cols()));
  }
}

core::SpecificVariance SpecificRisk::variance(const RiskPortfolio& portfolio) const {
  std::vector<core::SpecificExposure> exposures;
  for (const SymbolExposure& held : portfolio.exposures) {
    if (!fits_.fits.estimated(held.symbol)) continue;
    const double deviation = fits_.fits.fits.residual_sd(held.symbol);
    exposures.push_back({held.symbol, held.net, deviation * deviation});
  }
  return core::specific_variance(residuals_, exposures, settings_.covariance_half_life, settings_.beta_min_observations,
                                 pg::poll);
}

}  // namespace pb::engine
