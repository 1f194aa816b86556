#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/reason.hpp"
#include "core/stats/beta.hpp"
#include "core/stats/ewma.hpp"
#include "core/stats/factor_model.hpp"
#include "core/stats/portfolio_errors.hpp"
#include "core/stats/rate_beta.hpp"
#include "engine/inputs.hpp"
#include "engine/risk_book.hpp"
#include "engine/symbol_estimates.hpp"
#include "store/symbol_model_store.hpp"

namespace pb::engine {

inline constexpr const char* market_factor = "market";

// A factor model of the book's symbols, a column each.
struct SymbolFits {
  std::vector<std::string> factors;  // names, the market first
  core::FactorFits fits;

  // A symbol's beta, or nothing with the sample's reason.
  std::optional<double> beta(int factor, int symbol) const {
    if (!fits.estimated(symbol)) return std::nullopt;
    return fits.beta(factor, symbol);
  }
  bool is_stale(int symbol) const {
    return fits.samples[static_cast<std::size_t>(symbol)].quality_flag == core::Quality::stale;
  }
};

// Betas to the market and to the changes of a yield.
struct RateFits : SymbolFits {
  std::string factor;  // name of the rate
  std::string series;  // of interest_rates, or the symbol whose returns stood in
};

// Covariances of all factors' daily moves: of the market, of what each style adds to it, of the spreads, and of the
// yield's change.
struct FactorCovariance {
  std::vector<std::string> factors;
  core::EwmaMoments moments;
  // Of each factor: the beta to the market of the return behind a style, over the window in which it is made
  // orthogonal, and the part of it that was taken out of the factor. 0 for what is no style, NaN where there is none.
  std::vector<double> fund_betas;
  std::vector<double> removed;
  core::Matrix moves;  // sessions of the window x factors, the newest last; NaN where there is none

  int index(const std::string& factor) const;  // -1 when there is none
  // Of some of the factors, in their order; NaN where there is no estimate.
  core::Matrix of(std::span<const std::string> names) const;
};

// The moves of the market, of what each style adds to it, and of the yield, in this order: one row for each of the
// sessions up to a day, as far back as there are prices of the market. What is a style's and what the market's is told
// over all of them: by a slope of the newest months, a style would move along with the market in all the rest.
struct PastMoves {
  std::vector<core::Date> sessions;
  core::Matrix moves;
};

// What a portfolio moves with a factor: sum of exposure x beta.
struct FactorExposure {
  double dollars = 0;   // signed, per 1.00 of the factor
  double coverage = 0;  // share of the gross exposure that has the beta; NaN without exposure
  bool estimated = false;
};

// Everything that is estimated for the symbols and factors of a day, each at most once however many engines ask.
class RiskModels {
 public:
  RiskModels(Inputs& inputs, core::Date day, std::span<const core::Uuid> portfolio_ids);

  bool is_for(core::Date day, std::span<const core::Uuid> portfolio_ids) const;
  const RiskBook& book() const noexcept { return book_; }
  // Returns of the market, sessions.
  Eigen::Ref<const core::Vector> market_returns() const;
  Eigen::Ref<const core::Matrix> returns() const;

  const std::vector<core::BetaFit>& market();
  bool is_market_stale(int symbol) {
    return market()[static_cast<std::size_t>(symbol)].quality_flag == core::Quality::stale;
  }
  const RateFits& rate();
  const SymbolFits& ridge();
  const SymbolFits& spread();
  const FactorCovariance& covariance();
  PastMoves past_moves();
  // Standard errors of a portfolio's betas to the factors of a model, in the order of its fits; NaN without equity, and
  // where no symbol is estimated.
  core::Vector std_errors(const std::string& model, const RiskPortfolio& portfolio);
  // How a model of these factors, the market first, was estimated on the day, with what its symbols' fits have in
  // common.
  store::FactorModelRow describe(const std::string& model, std::span<const std::string> factors) const;
  // Returns of the market and of the styles as they are, sessions x factors, from any panel of the same symbols.
  core::Matrix style_moves(const core::PricePanel& panel) const;

  // How many estimates of symbols came from other workers; who estimates symbols of the book adds his.
  std::size_t& symbols_taken() noexcept { return symbols_taken_; }

 private:
  // Columns of the panel of the symbols at some indexes of the book.
  std::vector<int> columns(const std::vector<int>& indexes) const;
  SymbolFits fit_factors(const char* model, SymbolTopic topic);
  const core::RateChanges& rate_changes();
  core::RateChanges implied_changes(const core::PricePanel& panel, const store::FactorDefinition& fund) const;
  core::FactorModelSettings model_settings(const std::string& model) const;
  core::Matrix model_factors(const std::string& model) const;
  core::PortfolioErrors make_errors(const std::string& model);
  core::Matrix covariance_series(FactorCovariance& result);
  std::vector<std::string> factor_names(const char* model) const;
  core::Matrix factor_moves(const core::PricePanel& panel, const char* model) const;
  void explain(std::size_t symbol, core::Sample& sample) const;
  void mark_unpriced(core::FactorFits& fits) const;

  Inputs& inputs_;
  std::vector<core::Uuid> portfolio_ids_;
  RiskBook book_;
  std::optional<std::vector<core::BetaFit>> market_;
  std::optional<core::RateChanges> rate_changes_;
  std::string rate_series_;
  std::optional<RateFits> rate_;
  std::optional<SymbolFits> ridge_;
  std::optional<SymbolFits> spread_;
  std::optional<FactorCovariance> covariance_;
  std::optional<core::FactorFits> market_as_factor_;
  std::map<std::string, core::PortfolioErrors> errors_;
  std::size_t symbols_taken_ = 0;
};

// Sums exposure x beta over a portfolio's symbols; beta(symbol) is empty where there is none.
template <class Beta>
FactorExposure exposure_to(const RiskPortfolio& portfolio, Beta&& beta) {
  FactorExposure sum;
  double covered = 0;
  for (const SymbolExposure& exposure : portfolio.exposures) {
    const std::optional<double> own = beta(exposure.symbol);
    if (!own) continue;
    sum.dollars += exposure.net * *own;
    covered += exposure.gross;
    sum.estimated = true;
  }
  sum.coverage = covered / portfolio.gross;
  return sum;
}

// Why a portfolio has no exposure to a factor in spite of having positions: no_exposure, or that none of its symbols
// could be estimated. Nullptr when it has one.
core::Reason missing_exposure_reason(const RiskPortfolio& portfolio, const FactorExposure& exposure);

}  // namespace pb::engine
