#include "engine/stress_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.hpp"
#include "core/portfolio/ranges.hpp"
#include "core/text/json.hpp"
#include "engine/context.hpp"
#include "pg/interrupts.hpp"

namespace pb::engine {

using core::JsonObject;
using core::Vector;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

constexpr const char* invalid_scenario = "invalid_scenario";

constexpr std::size_t expected_size = 160;  // of the document about a factor

double known(const FactorExposure& exposure) { return exposure.estimated ? exposure.dollars : nan; }

// Money of a P&L that may be missing, or more than can be counted.
std::optional<core::Money> money(const core::Estimate<double>& pnl) {
  return pnl.has_value() && core::is_money(*pnl) ? std::optional(core::to_money(*pnl)) : std::nullopt;
}

// Rounded amounts that add up: the effect is the difference of what is shown.
void set_pnl(store::StressRow& row, const core::Estimate<double>& direct, const core::Estimate<double>& correlated) {
  row.direct_pnl = money(direct);
  row.correlated_pnl = money(correlated);
  if ((direct.has_value() && !row.direct_pnl) || (correlated.has_value() && !row.correlated_pnl))
    row.reason = "out_of_range";
  if (row.direct_pnl && row.correlated_pnl) row.correlation_effect = *row.correlated_pnl - *row.direct_pnl;
}

core::Date replay_day(const store::ScenarioDefinition& definition, const std::string& text) {
  if (const auto day = core::from_iso(text)) return *day;
  throw core::Error(core::sqlstate::invalid_parameter,
                    "scenario \"" + definition.id + "\" has a window without a date: \"" + text + "\"", {},
                    "Give start and end as YYYY-MM-DD.");
}

}  // namespace

StressModel::StressModel(Context& context, RiskModels& models)
    : context_(context), models_(models), market_(models.market()), ridge_(models.ridge()), rate_(models.rate()) {
  choose_factors();
  const int market = models.covariance().index(market_factor);
  observations_ = models.covariance().moments.observations(market, market);
  for (const RiskPortfolio& portfolio : models.book().portfolios) {
    pg::poll();
    if (portfolio.net_asset_value) measure(portfolio);
  }
}

// The market, the styles and the yield, as far as their moves are known.
void StressModel::choose_factors() {
  std::vector<std::string> names{ridge_.factors};
  names.push_back(rate_.factor);
  const core::Matrix covariance = models_.covariance().of(names);
  std::vector<std::string> known;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto place = static_cast<Eigen::Index>(i);
    if (i == 0 || std::isfinite(covariance(place, place)))
      known.push_back(names[i]);
    else
      unknown_.push_back(names[i]);
  }
  for (const std::string& name : known) {
    const bool is_rate = name == rate_.factor;
    if (is_rate) model_.beside_market = static_cast<int>(model_.factors.size());
    model_.factors.push_back({name, is_rate ? core::ShockUnit::yield_change : core::ShockUnit::simple_return});
  }
  model_.covariance = models_.covariance().of(known);
  factors_by_name_.resize(known.size());
  std::iota(factors_by_name_.begin(), factors_by_name_.end(), std::size_t{0});
  std::sort(factors_by_name_.begin(), factors_by_name_.end(), [&](std::size_t a, std::size_t b) {
    return known[a].size() != known[b].size() ? known[a].size() < known[b].size() : known[a] < known[b];
  });
}

Vector StressModel::exposures(const RiskPortfolio& portfolio, const FactorExposure& market) const {
  Vector dollars(static_cast<Eigen::Index>(model_.factors.size()));
  dollars(0) = known(market);
  for (Eigen::Index i = 1; i < dollars.size(); ++i) {
    const std::string& name = model_.factors[static_cast<std::size_t>(i)].name;
    const auto style = std::find(ridge_.factors.begin(), ridge_.factors.end(), name);
    const int k = static_cast<int>(style - ridge_.factors.begin());
    dollars(i) = known(exposure_to(portfolio, [&](int symbol) {
      return style == ridge_.factors.end() ? rate_.beta(1, symbol) : ridge_.beta(k, symbol);
    }));
  }
  return dollars;
}

void StressModel::measure(const RiskPortfolio& portfolio) {
  const FactorExposure market = exposure_to(portfolio, [&](int symbol) {
    const core::BetaFit& fit = market_[static_cast<std::size_t>(symbol)];
    return fit.fit ? std::optional(fit.beta()) : std::nullopt;
  });
  Exposure exposure{&portfolio, {exposures(portfolio, market), *portfolio.net_asset_value}, market.coverage, nullptr};
  exposure.reason = missing_exposure_reason(portfolio, market);
  for (const SymbolExposure& held : portfolio.exposures) {
    if (!ridge_.fits.estimated(held.symbol)) continue;
    const double deviation = held.net * ridge_.fits.fits.residual_sd(held.symbol);
    exposure.factors.specific_variance += deviation * deviation;
  }
  exposures_.push_back(std::move(exposure));
}

core::Scenario StressModel::resolve(const store::ScenarioDefinition& definition) const {
  core::Scenario scenario{definition.id, {}};
  for (const auto& shock : definition.shocks) {
    core::ShockUnit unit = core::ShockUnit::simple_return;
    for (const core::RiskFactor& factor : model_.factors)
      if (factor.name == shock.factor) unit = factor.unit;
    if (!definition.unit.empty()) unit = core::shock_unit(definition.unit);
    scenario.shocks.push_back({shock.factor, shock.size, unit});
  }
  return scenario;
}

std::string StressModel::base_metadata(const store::ScenarioDefinition& definition, const char* method) const {
  const std::string head = JsonObject()
                               .add("scenario_name", definition.name)
                               .add("category", definition.category)
                               .add("severity", definition.severity)
                               .add("method", method)
                               .str();
  return head.substr(0, head.size() - 1);  // open for more members
}

// Members come shorter names first, as jsonb keeps them: then the server finds them sorted.
std::string StressModel::impacts(const core::StressResult& result) const {
  JsonObject all(expected_size * result.impacts.size());
  for (const std::size_t i : factors_by_name_) {
    const core::FactorImpact& impact = result.impacts[i];
    JsonObject one(expected_size);
    one.add("move", impact.move);
    if (impact.shocked) one.add("shock", impact.move);
    one.add("exposure", impact.exposure).add("direct_pnl", impact.direct_pnl.value_or(nan));
    one.add("correlated_pnl", impact.correlated_pnl.value_or(nan));
    all.add(model_.factors[i].name, one);
  }
  return all.str();
}

store::StressRow StressModel::prescribed(const store::ScenarioDefinition& definition, const core::ScenarioMoves& moves,
                                         const Exposure& exposure) const {
  store::StressRow row;
  row.portfolio_id = exposure.portfolio->id;
  row.scenario_id = definition.id;
  row.reason = exposure.reason;
  JsonObject details;
  details.add("covariance_date", core::to_iso(models_.book().day))
      .add("covariance_observations", static_cast<std::int64_t>(observations_))
      .add("covariance_half_life", context_.store().settings().covariance_half_life)
      .add("coverage", exposure.coverage);
  if (!unknown_.empty()) details.raw("missing_factors", core::json_array(unknown_));
  if (row.reason == nullptr) {
    const core::StressResult result = core::stress(moves, exposure.factors);
    set_pnl(row, result.direct_pnl, result.correlated_pnl);
    row.factor_impacts = impacts(result);
    row.exceeds_equity = result.exceeds_equity.optional();
    if (row.reason == nullptr)
      row.reason =
          result.correlated_pnl.reason() != nullptr ? result.correlated_pnl.reason() : result.direct_pnl.reason();
    details.add("conditional_sd", result.conditional_sd.has_value() ? *result.conditional_sd : nan)
        .add("pnl_over_equity", result.equity_fraction.has_value() ? *result.equity_fraction : nan);
  }
  row.calculation_metadata = base_metadata(definition, "conditional_expectation") + ", " + details.str().substr(1);
  return row;
}

std::optional<StressModel::History> StressModel::history(const store::ScenarioDefinition& definition) {
  const core::Date start = replay_day(definition, definition.window_start);
  const core::Date end = replay_day(definition, definition.window_end);
  if (start >= end)
    throw core::Error(core::sqlstate::invalid_parameter, "scenario \"" + definition.id +
                                                             "\" has a window that does not start before it ends: " +
                                                             definition.window_start + " to " + definition.window_end);
  const store::Market* market = context_.history(start, end);
  if (market == nullptr || end > models_.book().day) return std::nullopt;
  const auto window =
      core::replay_window(market->panel.sessions(), start, end, market->panel.sessions().count_through(end) - 1);
  if (!window) return std::nullopt;
  History found{market, *window, models_.style_moves(market->panel)};
  // Without the market on every session there is nothing to stand in for what a position lacks.
  if (!found.moves.col(0).segment(window->base + 1, window->last - window->base).allFinite()) return std::nullopt;
  return found;
}

// A symbol's betas to the factors' returns as they are: what was taken out of the styles goes back to the market.
Vector StressModel::raw_betas(int symbol) const {
  const auto place = static_cast<std::size_t>(symbol);
  const auto count = static_cast<Eigen::Index>(ridge_.factors.size());
  if (ridge_.fits.estimated(symbol)) {
    const core::FactorDesign& design = ridge_.fits.designs[static_cast<std::size_t>(ridge_.fits.samples[place].design)];
    Vector betas = ridge_.fits.fits.coefficients.col(symbol).tail(count);
    betas(0) -= design.market_slopes.dot(betas);
    return betas;
  }
  if (!market_[place].fit) return {};
  Vector betas = Vector::Zero(count);
  betas(0) = market_[place].beta();
  return betas;
}

std::vector<core::SymbolReplay> StressModel::replay_symbols(const History& history) const {
  const RiskBook& book = models_.book();
  const core::PricePanel& panel = history.market->panel;
  std::vector<core::SymbolReplay> replays;
  replays.reserve(book.symbols.size());
  for (std::size_t i = 0; i < book.symbols.size(); ++i) {
    pg::poll();
    const auto column = panel.column(book.symbols[i]);
    replays.push_back(core::replay_symbol(panel.returns(column.value()), history.moves, raw_betas(static_cast<int>(i)),
                                          history.window));
  }
  return replays;
}

// The factors' own returns over the window, and what the exposures would have made of them.
std::string StressModel::replay_impacts(const History& history, const Exposure& exposure) const {
  JsonObject all;
  for (Eigen::Index k = 0; k < history.moves.cols(); ++k) {
    const auto moves = history.moves.col(k).segment(history.window.base + 1, history.window.last - history.window.base);
    const double move = (moves.array() + 1).prod() - 1;
    JsonObject one;
    const std::string& name = ridge_.factors[static_cast<std::size_t>(k)];
    for (std::size_t i = 0; i < model_.factors.size(); ++i)
      if (model_.factors[i].name == name) one.add("exposure", exposure.factors.dollars(static_cast<Eigen::Index>(i)));
    one.add("return", move);
    all.raw(name, one.str());
  }
  return all.str();
}

store::StressRow StressModel::replayed(const store::ScenarioDefinition& definition, const History& history,
                                       const std::vector<core::SymbolReplay>& symbols, const Exposure& exposure) const {
  const RiskPortfolio& portfolio = *exposure.portfolio;
  std::vector<core::ReplayPosition> positions;
  double covered = 0;
  for (const SymbolExposure& held : portfolio.exposures) {
    const core::SymbolReplay& symbol = symbols[static_cast<std::size_t>(held.symbol)];
    positions.push_back({held.net, &symbol});
    if (symbol.total_return.has_value()) covered += held.gross;
  }
  store::StressRow row;
  row.portfolio_id = portfolio.id;
  row.scenario_id = definition.id;
  const core::PortfolioReplay result = core::replay_portfolio(positions);
  JsonObject details;
  details.add("start", definition.window_start).add("end", definition.window_end);
  if (positions.empty()) {
    row.reason = missing_exposure_reason(portfolio, {});
  } else {
    set_pnl(row, result.pnl, result.pnl);
    if (row.reason == nullptr) row.reason = result.pnl.reason();
    row.factor_impacts = replay_impacts(history, exposure);
    if (result.pnl.has_value()) row.exceeds_equity = -*result.pnl > std::max(*portfolio.net_asset_value, 0.0);
    details.add("coverage", covered / portfolio.gross).raw("proxied", result.proxied > 0 ? "true" : "false");
    details.add("proxied_share", result.proxied);
  }
  row.calculation_metadata = base_metadata(definition, "replay") + ", " + details.str().substr(1);
  return row;
}

ScenarioResult StressModel::apply(const store::ScenarioDefinition& definition) {
  ScenarioResult result{&definition, {}, {}};
  const char* reason = invalid_scenario;
  for (const auto& shock : definition.shocks)
    if (std::find(unknown_.begin(), unknown_.end(), shock.factor) != unknown_.end()) reason = "insufficient_data";
  try {
    const core::ScenarioMoves moves = core::propagate(model_, resolve(definition));
    if (definition.is_replay())
      if (const auto found = history(definition)) {
        const std::vector<core::SymbolReplay> symbols = replay_symbols(*found);
        for (const Exposure& exposure : exposures_) {
          pg::poll();
          result.rows.push_back(replayed(definition, *found, symbols, exposure));
        }
        return result;
      }
    for (const Exposure& exposure : exposures_) {
      pg::poll();
      result.rows.push_back(prescribed(definition, moves, exposure));
    }
    return result;
  } catch (const core::Error& error) {
    const std::string_view code = error.sqlstate();
    if (code != core::sqlstate::invalid_parameter && code != core::sqlstate::singular_design) throw;
    if (code == core::sqlstate::singular_design) reason = "singular";
    if (std::string_view(reason) != "insufficient_data") result.problem = error.what();
  }
  for (const Exposure& exposure : exposures_) {
    store::StressRow& row = result.rows.emplace_back();
    row.portfolio_id = exposure.portfolio->id;
    row.scenario_id = definition.id;
    row.reason = reason;
    row.calculation_metadata =
        base_metadata(definition, "none") + ", " + JsonObject().add("problem", result.problem).str().substr(1);
  }
  return result;
}

}  // namespace pb::engine
