#pragma once
#include "core/no_postgres.hpp"

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/portfolio/replay.hpp"
#include "core/portfolio/stress.hpp"
#include "core/reason.hpp"
#include "engine/context.hpp"
#include "engine/risk_models.hpp"
#include "engine/specific_risk.hpp"
#include "engine/vega_exposure.hpp"
#include "store/price_store.hpp"
#include "store/stress_store.hpp"

namespace pb::engine {

// What a scenario does to one portfolio.
struct PortfolioStress {
  core::Uuid portfolio_id;
  std::optional<core::Money> direct_pnl;
  std::optional<core::Money> correlated_pnl;
  std::optional<bool> exceeds_equity;
  double conditional_sd = std::numeric_limits<double>::quiet_NaN();
  double rate_direct_pnl = std::numeric_limits<double>::quiet_NaN();  // the part of the rate factor
  double rate_correlated_pnl = std::numeric_limits<double>::quiet_NaN();
  // The part of the implied volatilities of options in both, where the scenario moves them.
  std::optional<core::Money> volatility_pnl;
  std::string volatility_note;  // of options that are left out of it; empty: none is
  std::string notes;            // a JSON object; empty: none
  core::Reason reason = core::Reason::none;
};

// A scenario that was applied to every portfolio of a day's book.
struct ScenarioResult {
  const store::ScenarioDefinition* scenario;
  store::ScenarioMovesRow moves;
  std::vector<PortfolioStress> rows;  // one for each portfolio with a snapshot
  std::string problem;                // why the scenario could not be computed at all; empty when it could
};

// What is to be said of figures that are there: expected moves that are cut to the worst of the history, and options
// that are left out. Empty: nothing.
std::string note_of(const ScenarioResult& result, const PortfolioStress& row);

// A portfolio as all scenarios see it.
struct StressedPortfolio {
  const RiskPortfolio* portfolio;
  core::StressExposure factors;
  double coverage;      // of the market exposure
  double stale_share;   // of the gross exposure, with a stale estimate of any of the models
  core::Reason reason;  // why there is none
  VegaExposure vega;
};

// The factors that scenarios move, with what is known of them on a day: the market, the styles beside it, and the
// yield.
class StressModel {
 public:
  StressModel(Context& context, RiskModels& models);

  // The factors in the order of the exposures, and the portfolios that have a snapshot.
  std::vector<std::string> factors() const;
  const std::vector<StressedPortfolio>& portfolios() const noexcept { return exposures_; }

  // What the factors do in a scenario and what that does to each portfolio. Options move with implied volatility where
  // the scenario moves it. A scenario that makes no sense gives rows without numbers, and its problem.
  ScenarioResult apply(const store::ScenarioDefinition& definition);

 private:
  ScenarioResult apply_to_factors(const store::ScenarioDefinition& definition);
  ScenarioResult without_figures(const store::ScenarioDefinition& definition, core::Reason reason,
                                 const std::string& problem) const;
  ScenarioResult volatility_alone(const store::ScenarioDefinition& definition) const;
  void choose_factors();
  void choose_covariance(std::span<const int> factors);
  core::Vector exposures(const RiskPortfolio& portfolio, const FactorExposure& market) const;
  void measure(const RiskPortfolio& portfolio, const SpecificRisk& specific);
  core::Scenario resolve(const store::ScenarioDefinition& definition) const;
  store::ScenarioMovesRow moves_row(const store::ScenarioDefinition& definition, const char* method) const;
  void describe_moves(const core::Scenario& scenario, const core::ScenarioMoves& moves,
                      store::ScenarioMovesRow& row) const;
  PortfolioStress prescribed(const core::ScenarioMoves& moves, const StressedPortfolio& exposure) const;

  // A replay from the price history, where it reaches as far back and ended by the day.
  struct History {
    const store::Market* market;
    core::ReplayWindow window;
    core::Matrix moves;  // sessions x (market, styles)
  };
  // Whether the past could be played; the result has it then, and else why not.
  bool play(const store::ScenarioDefinition& definition, ScenarioResult& result);
  std::optional<History> history(const store::ScenarioDefinition& definition, std::string& note);
  core::ReplayBetas replay_betas(int symbol) const;
  std::vector<core::SymbolReplay> replay_symbols(const History& history) const;
  void describe_replay(const History& history, store::ScenarioMovesRow& row) const;
  PortfolioStress replayed(const std::vector<core::SymbolReplay>& symbols, const StressedPortfolio& exposure) const;

  Context& context_;
  RiskModels& models_;
  const std::vector<core::BetaFit>& market_;
  const SymbolFits& ridge_;
  const RateFits& rate_;
  std::vector<core::RiskFactor> all_factors_;
  core::FactorModel model_;           // of those with a variance
  std::vector<std::string> unknown_;  // factors without a variance, which take no part
  store::ScenarioMovesRow basis_;     // what describes the covariance
  std::vector<StressedPortfolio> exposures_;
};

}  // namespace pb::engine
