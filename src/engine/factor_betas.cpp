#include "engine/factor_betas.hpp"

#include <cmath>

#include "core/error.hpp"
#include "core/portfolio/risk_contribution.hpp"
#include "engine/portfolio_exposures.hpp"
#include "engine/risk_models.hpp"
#include "engine/specific_risk.hpp"
#include "pg/interrupts.hpp"
#include "store/exposure_store.hpp"
#include "store/symbol_model_store.hpp"

namespace pb::engine {

namespace {

// The row of a portfolio that holds what its symbols' own returns contribute, beside those of the factors.
constexpr const char* specific = "specific";

// One factor model of a day, from the symbols' betas to the tables.
class FactorEngine {
 public:
  FactorEngine(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids, const char* model)
      : context_(context),
        day_(day),
        ids_(portfolio_ids),
        model_(model),
        models_(context.risk(day, portfolio_ids)),
        fits_(std::string(model) == "ridge" ? models_.ridge() : models_.spread()),
        covariance_(models_.covariance().of(fits_.factors)),
        specific_(models_, fits_, context.store().settings()) {}

  Report run() {
    report_ = write_holdings_of_engine(context_, day_, ids_);
    describe_symbols();
    for (const RiskPortfolio& portfolio : models_.book().portfolios) {
      pg::poll();
      count_positions(report_, portfolio, [&](int symbol) { return fits_.fits.estimated(symbol); });
      if (portfolio.net_asset_value) add_portfolio(portfolio);
    }
    const store::Store& store = context_.store();
    report_.rows_written += write_models(context_, day_, models_.describe(model_, fits_.factors), symbols_) +
                            store::write_portfolio_exposures(store, day_, model_, ids_, exposures_);
    report_estimates(report_, models_.book(), model_ + " betas", model_, symbols_);
    return std::move(report_);
  }

 private:
  void describe_symbols() {
    const RiskBook& book = models_.book();
    for (std::size_t i = 0; i < book.symbols.size(); ++i)
      symbols_.push_back(store::symbol_model(book.symbols[i], fits_.fits, static_cast<int>(i), book.sessions_per_year));
  }

  void add_portfolio(const RiskPortfolio& portfolio) {
    const auto factors = static_cast<Eigen::Index>(fits_.factors.size());
    const std::size_t first = exposures_.size();
    core::Vector x(factors);
    const double stale = stale_share(portfolio, [&](int symbol) { return fits_.is_stale(symbol); });
    for (Eigen::Index k = 0; k < factors; ++k) {
      const FactorExposure exposure =
          exposure_to(portfolio, [&](int symbol) { return fits_.beta(static_cast<int>(k), symbol); });
      exposures_.push_back(portfolio_exposure(portfolio, fits_.factors[static_cast<std::size_t>(k)], exposure, stale));
      x(k) = exposures_.back().value;
    }
    const core::Vector errors = models_.std_errors(model_, portfolio);
    for (Eigen::Index k = 0; k < factors; ++k) {
      store::PortfolioExposure& exposure = exposures_[first + static_cast<std::size_t>(k)];
      if (!std::isnan(exposure.value)) exposure.std_error = errors(k);
    }
    store::PortfolioExposure& own = exposures_.emplace_back();
    own.portfolio_id = portfolio.id;
    own.factor = specific;
    own.coverage = exposures_[first].coverage;
    own.reason = exposures_[first].reason;
    if (own.reason == core::Reason::none) add_contributions(portfolio, x, first);
    // An exposure that is known may be without its contributions.
    for (std::size_t i = first; i + 1 < exposures_.size(); ++i)
      if (exposures_[i].reason == core::Reason::none) exposures_[i].reason = exposures_.back().reason;
  }

  void add_contributions(const RiskPortfolio& portfolio, const core::Vector& x, std::size_t first) {
    store::PortfolioExposure& own = exposures_.back();
    for (Eigen::Index k = 0; k < x.size(); ++k)
      if (own.reason == core::Reason::none) own.reason = exposures_[first + static_cast<std::size_t>(k)].reason;
    if (own.reason != core::Reason::none) return;
    if (!covariance_.allFinite()) {
      own.reason = core::Reason::no_factor_covariance;
      return;
    }
    const double equity = *portfolio.net_asset_value;
    const double own_variance = specific_.variance(portfolio).value / (equity * equity);
    const core::RiskContributions risk =
        core::risk_contributions(x, covariance_, own_variance, models_.book().sessions_per_year);
    for (Eigen::Index k = 0; k < x.size(); ++k) {
      store::PortfolioExposure& row = exposures_[first + static_cast<std::size_t>(k)];
      row.marginal = risk.marginal(k);
      row.contribution = risk.component(k);
      row.percent = risk.percent(k);
    }
    own.contribution = risk.specific_component;
    own.percent = risk.specific_percent;
    if (!std::isfinite(own.percent)) own.reason = core::Reason::no_risk;
  }

  Context& context_;
  core::Date day_;
  std::span<const core::Uuid> ids_;
  std::string model_;
  RiskModels& models_;
  const SymbolFits& fits_;
  core::Matrix covariance_;
  SpecificRisk specific_;
  std::vector<store::SymbolModel> symbols_;
  std::vector<store::PortfolioExposure> exposures_;
  Report report_;
};

}  // namespace

Report calc_ridge_betas(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  return FactorEngine(context, day, portfolio_ids, "ridge").run();
}

Report calc_spread_betas(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  return FactorEngine(context, day, portfolio_ids, "spread").run();
}

}  // namespace pb::engine
