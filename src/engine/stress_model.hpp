#pragma once
#include "core/no_postgres.hpp"

#include <string>
#include <vector>

#include "core/portfolio/replay.hpp"
#include "core/portfolio/stress.hpp"
#include "engine/context.hpp"
#include "engine/risk_models.hpp"
#include "store/price_store.hpp"
#include "store/stress_store.hpp"

namespace pb::engine {

// A scenario that was applied to every portfolio of a day's book.
struct ScenarioResult {
  const store::ScenarioDefinition* scenario;
  std::vector<store::StressRow> rows;  // one for each portfolio with a snapshot
  std::string problem;                 // why the scenario could not be computed at all; empty when it could
};

// The factors that scenarios move, with what is known of them on a day: the market, the styles beside it, and the
// yield.
class StressModel {
 public:
  StressModel(Context& context, RiskModels& models);

  // A scenario that makes no sense gives rows without numbers, and its problem.
  ScenarioResult apply(const store::ScenarioDefinition& definition);

 private:
  struct Exposure {
    const RiskPortfolio* portfolio;
    core::StressExposure factors;
    double coverage;     // of the market exposure
    const char* reason;  // why there is none; nullptr
  };

  void choose_factors();
  core::Vector exposures(const RiskPortfolio& portfolio, const FactorExposure& market) const;
  void measure(const RiskPortfolio& portfolio);
  core::Scenario resolve(const store::ScenarioDefinition& definition) const;
  std::string base_metadata(const store::ScenarioDefinition& definition, const char* method) const;
  std::string impacts(const core::StressResult& result) const;
  store::StressRow prescribed(const store::ScenarioDefinition& definition, const core::ScenarioMoves& moves,
                              const Exposure& exposure) const;

  // A replay from the price history, where it reaches as far back and ended by the day.
  struct History {
    const store::Market* market;
    core::ReplayWindow window;
    core::Matrix moves;  // sessions x (market, styles)
  };
  std::optional<History> history(const store::ScenarioDefinition& definition);
  core::Vector raw_betas(int symbol) const;
  std::vector<core::SymbolReplay> replay_symbols(const History& history) const;
  store::StressRow replayed(const store::ScenarioDefinition& definition, const History& history,
                            const std::vector<core::SymbolReplay>& symbols, const Exposure& exposure) const;
  std::string replay_impacts(const History& history, const Exposure& exposure) const;

  Context& context_;
  RiskModels& models_;
  const std::vector<core::BetaFit>& market_;
  const SymbolFits& ridge_;
  const RateFits& rate_;
  core::FactorModel model_;
  std::vector<std::size_t> factors_by_name_;  // of the model, shorter names first
  std::vector<std::string> unknown_;          // factors without a variance, which take no part
  int observations_ = 0;                      // behind the market's variance
  std::vector<Exposure> exposures_;
};

}  // namespace pb::engine
