#include "engine/stress_model.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"
#include "core/limits.hpp"
#include "core/portfolio/ranges.hpp"
#include "core/portfolio/stress_covariance.hpp"
#include "core/text/json.hpp"
#include "engine/context.hpp"
#include "engine/report.hpp"
#include "pg/interrupts.hpp"

namespace pb::engine {

using core::JsonObject;
using core::Matrix;
using core::Vector;

namespace {

using core::nan;

// No expected move is larger than the worst that the factor did within a month.
constexpr int worst_move_sessions = 21;

double known(const FactorExposure& exposure) { return exposure.estimated ? exposure.dollars : nan; }

// Money of a P&L that may be missing, or more than can be counted.
std::optional<core::Money> money(const core::Estimate<double>& pnl) {
  return pnl.has_value() && core::is_money(*pnl) ? std::optional(core::to_money(*pnl)) : std::nullopt;
}

void set_pnl(PortfolioStress& row, const core::Estimate<double>& direct, const core::Estimate<double>& correlated) {
  row.direct_pnl = money(direct);
  row.correlated_pnl = money(correlated);
  if ((direct.has_value() && !row.direct_pnl) || (correlated.has_value() && !row.correlated_pnl))
    row.reason = core::Reason::out_of_range;
}

core::Date replay_day(const store::ScenarioDefinition& definition, const std::string& text) {
  if (const auto day = core::from_iso(text)) return *day;
  throw core::Error(core::sqlstate::invalid_parameter,
                    "scenario \"" + definition.id + "\" has a window without a date: \"" + text + "\"", {},
                    "Give start and end as YYYY-MM-DD.");
}

}  // namespace

std::string note_of(const ScenarioResult& result, const PortfolioStress& row) {
  std::string note;
  for (const std::string& factor : result.moves.extrapolated) note += (note.empty() ? "extrapolated: " : ", ") + factor;
  if (row.volatility_note.empty()) return note;
  return note.empty() ? row.volatility_note : note + "; " + row.volatility_note;
}

StressModel::StressModel(Context& context, RiskModels& models)
    : context_(context), models_(models), market_(models.market()), ridge_(models.ridge()), rate_(models.rate()) {
  choose_factors();
  const SpecificRisk specific(models, ridge_, context.store().settings());
  for (const RiskPortfolio& portfolio : models.book().portfolios) {
    pg::poll();
    if (portfolio.net_asset_value) measure(portfolio, specific);
  }
}

// The market, the styles and the yield, as far as their moves are known.
void StressModel::choose_factors() {
  std::vector<std::string> names{ridge_.factors};
  names.push_back(rate_.factor);
  const core::Matrix covariance = models_.covariance().of(names);
  std::vector<std::string> known;
  std::vector<int> places;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const FactorCovariance& covariances = models_.covariance();
    const auto place = static_cast<std::size_t>(covariances.index(names[i]));
    const bool is_rate = names[i] == rate_.factor;
    all_factors_.push_back({names[i], is_rate ? core::ShockUnit::yield_change : core::ShockUnit::simple_return,
                            covariances.fund_betas[place], covariances.removed[place]});
    const auto row = static_cast<Eigen::Index>(i);
    if (i != 0 && !std::isfinite(covariance(row, row))) {
      unknown_.push_back(names[i]);
      continue;
    }
    if (is_rate) model_.beside_market = static_cast<int>(model_.factors.size());
    model_.factors.push_back(all_factors_.back());
    known.push_back(names[i]);
    places.push_back(static_cast<int>(i));
  }
  model_.measured_covariance = models_.covariance().of(known);
  choose_covariance(places);
}

// What the moves are expected by, and how far they go: the covariance of the day, or that of all the past if there is
// enough of it, and the worst of that past.
void StressModel::choose_covariance(std::span<const int> factors) {
  const store::Settings& settings = context_.store().settings();
  const PastMoves past = models_.past_moves();
  const Matrix moves = past.sessions.empty() ? Matrix(0, static_cast<Eigen::Index>(factors.size()))
                                             : Matrix(past.moves(core::every, factors));
  const core::WorstMoves worst = core::worst_moves(moves, model_.factors, worst_move_sessions, pg::poll);
  model_.lowest = worst.lowest;
  model_.highest = worst.highest;
  basis_.covariance_date = models_.book().day;
  if (settings.stress_covariance == "long_run" && !past.sessions.empty())
    if (const auto found = core::stress_covariance(moves, settings.beta_min_observations, pg::poll)) {
      model_.covariance = found->covariance;
      basis_.covariance_method = "long_run";
      basis_.covariance_observations = found->observations;
      basis_.covariance_start = past.sessions[static_cast<std::size_t>(found->first)];
      basis_.covariance_shrinkage = found->shrinkage;
      return;
    }
  model_.covariance = model_.measured_covariance;
  const int market = models_.covariance().index(market_factor);
  basis_.covariance_method = "day";
  basis_.covariance_observations = models_.covariance().moments.observations(market, market);
  basis_.covariance_half_life = settings.covariance_half_life;
}

std::vector<std::string> StressModel::factors() const {
  std::vector<std::string> names;
  for (const core::RiskFactor& factor : model_.factors) names.push_back(factor.name);
  return names;
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

void StressModel::measure(const RiskPortfolio& portfolio, const SpecificRisk& specific) {
  const FactorExposure market = exposure_to(portfolio, [&](int symbol) {
    const core::BetaFit& fit = market_[static_cast<std::size_t>(symbol)];
    return fit.fit ? std::optional(fit.beta()) : std::nullopt;
  });
  const double stale = stale_share(portfolio, [&](int symbol) {
    return models_.is_market_stale(symbol) || ridge_.is_stale(symbol) || rate_.is_stale(symbol);
  });
  StressedPortfolio exposure{&portfolio,         {exposures(portfolio, market), *portfolio.net_asset_value},
                             market.coverage,    stale,
                             core::Reason::none, {}};
  exposure.reason = missing_exposure_reason(portfolio, market);
  exposure.vega = vega_exposure(context_, models_.book().day, portfolio.id);
  exposure.factors.specific_variance = specific.variance(portfolio).value;
  exposures_.push_back(std::move(exposure));
}

core::Scenario StressModel::resolve(const store::ScenarioDefinition& definition) const {
  if (!definition.flaw.empty())
    throw core::Error(core::sqlstate::invalid_parameter, "scenario \"" + definition.id + "\" " + definition.flaw);
  core::Scenario scenario{definition.id, {}};
  for (const auto& shock : definition.shocks) {
    core::ShockUnit unit = core::ShockUnit::simple_return;
    for (const core::RiskFactor& factor : all_factors_)
      if (factor.name == shock.factor) unit = factor.unit;
    if (!definition.unit.empty()) unit = core::shock_unit(definition.unit);
    const std::string& word = shock.basis.empty() ? definition.basis : shock.basis;
    const core::ShockBasis basis = word.empty() ? core::ShockBasis::relative : core::shock_basis(word);
    scenario.shocks.push_back({shock.factor, shock.size, unit, basis});
  }
  return scenario;
}

store::ScenarioMovesRow StressModel::moves_row(const store::ScenarioDefinition& definition, const char* method) const {
  store::ScenarioMovesRow row;
  row.scenario_id = definition.id;
  row.name = definition.name;
  row.category = definition.category;
  row.severity = definition.severity;
  row.method = method;
  return row;
}

void StressModel::describe_moves(const core::Scenario& scenario, const core::ScenarioMoves& moves,
                                 store::ScenarioMovesRow& row) const {
  row.factors = factors();
  row.moves.assign(moves.moves.begin(), moves.moves.end());
  row.shocks.assign(moves.shocks.begin(), moves.shocks.end());
  row.absolute_shocks.assign(row.factors.size(), nan);
  for (const core::Shock& shock : scenario.shocks) {
    const auto place =
        static_cast<std::size_t>(std::find(row.factors.begin(), row.factors.end(), shock.factor) - row.factors.begin());
    const bool is_style = place > 0 && shock.unit == core::ShockUnit::simple_return;
    if (is_style && shock.basis == core::ShockBasis::absolute) row.absolute_shocks[place] = shock.size;
  }
  if (moves.beside_market) row.rate_factor = row.factors[static_cast<std::size_t>(moves.beside_market->factor)];
  row.missing_factors = unknown_;
  for (const int factor : moves.extrapolated) row.extrapolated.push_back(row.factors[static_cast<std::size_t>(factor)]);
  row.covariance_date = basis_.covariance_date;
  row.covariance_observations = basis_.covariance_observations;
  row.covariance_half_life = basis_.covariance_half_life;
  row.covariance_method = basis_.covariance_method;
  row.covariance_start = basis_.covariance_start;
  row.covariance_shrinkage = basis_.covariance_shrinkage;
}

PortfolioStress StressModel::prescribed(const core::ScenarioMoves& moves, const StressedPortfolio& exposure) const {
  PortfolioStress row;
  row.portfolio_id = exposure.portfolio->id;
  row.reason = exposure.reason;
  if (row.reason != core::Reason::none) return row;
  const core::StressResult result = core::stress(moves, exposure.factors);
  set_pnl(row, result.direct_pnl, result.correlated_pnl);
  row.exceeds_equity = result.exceeds_equity.optional();
  if (row.reason == core::Reason::none)
    row.reason = result.correlated_pnl.reason() != core::Reason::none ? result.correlated_pnl.reason()
                                                                      : result.direct_pnl.reason();
  if (result.conditional_sd.has_value()) row.conditional_sd = *result.conditional_sd;
  if (moves.beside_market) {
    const core::FactorImpact& rate = result.impacts[static_cast<std::size_t>(moves.beside_market->factor)];
    row.rate_direct_pnl = rate.direct_pnl.value_or(nan);
    row.rate_correlated_pnl = rate.correlated_pnl.value_or(nan);
  }
  return row;
}

// The past of a replay, or why it cannot be played.
std::optional<StressModel::History> StressModel::history(const store::ScenarioDefinition& definition,
                                                         std::string& note) {
  const core::Date start = replay_day(definition, definition.window_start);
  const core::Date end = replay_day(definition, definition.window_end);
  if (start >= end)
    throw core::Error(core::sqlstate::invalid_parameter, "scenario \"" + definition.id +
                                                             "\" has a window that does not start before it ends: " +
                                                             definition.window_start + " to " + definition.window_end);
  const core::Date day = models_.book().day;
  const store::Market* market = context_.history(start, end);
  note = end > day ? "window_not_over" : "history_too_short";
  if (market == nullptr) return std::nullopt;
  const auto window = core::replay_window(market->panel.sessions(), start, end, day);
  if (!window) return std::nullopt;
  note = "market_gaps";
  History found{market, *window, models_.style_moves(market->panel)};
  // Without the market on every session there is nothing to stand in for what a position lacks.
  if (!found.moves.col(0).segment(window->base + 1, window->last - window->base).allFinite()) return std::nullopt;
  note.clear();
  return found;
}

// What stands in for a symbol's returns. The factor model's betas are to the factors' returns as they are: what was
// taken out of the styles goes back to the market.
core::ReplayBetas StressModel::replay_betas(int symbol) const {
  const auto place = static_cast<std::size_t>(symbol);
  core::ReplayBetas betas;
  if (market_[place].fit) betas.market = market_[place].beta();
  if (!ridge_.fits.estimated(symbol)) return betas;
  const core::FactorDesign& design = ridge_.fits.designs[static_cast<std::size_t>(ridge_.fits.samples[place].design)];
  betas.factors = ridge_.fits.fits.coefficients.col(symbol).tail(static_cast<Eigen::Index>(ridge_.factors.size()));
  betas.factors(0) -= design.market_slopes.dot(betas.factors);
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
    replays.push_back(core::replay_symbol(panel.returns(column.value()), history.moves,
                                          replay_betas(static_cast<int>(i)), history.window));
  }
  return replays;
}

// The factors' own returns over the window.
void StressModel::describe_replay(const History& history, store::ScenarioMovesRow& row) const {
  for (Eigen::Index k = 0; k < history.moves.cols(); ++k) {
    const auto moves = history.moves.col(k).segment(history.window.base + 1, history.window.last - history.window.base);
    row.factors.push_back(ridge_.factors[static_cast<std::size_t>(k)]);
    row.moves.push_back((moves.array() + 1).prod() - 1);
    row.shocks.push_back(nan);
    row.absolute_shocks.push_back(nan);
  }
}

PortfolioStress StressModel::replayed(const std::vector<core::SymbolReplay>& symbols,
                                      const StressedPortfolio& exposure) const {
  const RiskPortfolio& portfolio = *exposure.portfolio;
  std::vector<core::ReplayPosition> positions;
  for (const SymbolExposure& held : portfolio.exposures)
    positions.push_back({held.net, held.gross, &symbols[static_cast<std::size_t>(held.symbol)]});
  PortfolioStress row;
  row.portfolio_id = portfolio.id;
  if (positions.empty()) {
    row.reason = missing_exposure_reason(portfolio, {});
    return row;
  }
  const core::PortfolioReplay result = core::replay_portfolio(positions, portfolio.gross);
  set_pnl(row, result.pnl, result.pnl);
  if (row.reason == core::Reason::none) row.reason = result.reason;
  if (result.pnl.has_value()) row.exceeds_equity = -*result.pnl > std::max(*portfolio.net_asset_value, 0.0);
  row.notes =
      JsonObject()
          .add("coverage", result.coverage)
          .raw("proxied", result.proxied > 0 ? "true" : "false")
          .add("proxied_share", result.proxied)
          .add("proxies", JsonObject().add("factor_model", result.by_factors).add("market_beta", result.by_market))
          .str();
  return row;
}

namespace {

// Adds what options earn from a relative move of all implied volatilities to a result.
void add_volatility(const StressedPortfolio& exposure, double shock, PortfolioStress& row) {
  const VegaExposure& vega = exposure.vega;
  if (vega.without > 0)
    row.volatility_note = std::to_string(vega.without) + " of " +
                          counted(static_cast<std::int64_t>(vega.options), "option") +
                          " without vega and implied volatility of the date";
  if (!row.direct_pnl && !row.correlated_pnl) return;
  const double pnl = vega.dollars * shock;
  const auto plus = [&](const std::optional<core::Money>& money) {
    return money ? std::optional(core::to_double(*money) + pnl) : std::nullopt;
  };
  const auto direct = plus(row.direct_pnl);
  const auto correlated = plus(row.correlated_pnl);
  const bool is_money =
      core::is_money(pnl) && (!direct || core::is_money(*direct)) && (!correlated || core::is_money(*correlated));
  row.direct_pnl.reset();
  row.correlated_pnl.reset();
  row.exceeds_equity.reset();
  if (!vega.known() || !is_money) {
    row.reason = vega.known() ? core::Reason::out_of_range : core::Reason::option_without_vega;
    return;
  }
  row.volatility_pnl = core::to_money(pnl);
  if (direct) row.direct_pnl = core::to_money(*direct);
  if (correlated) row.correlated_pnl = core::to_money(*correlated);
  if (const auto& loss = correlated ? correlated : direct)
    row.exceeds_equity = *loss < 0 && -*loss > exposure.factors.equity;
}

}  // namespace

// No factor moves: what is not an option earns nothing.
ScenarioResult StressModel::volatility_alone(const store::ScenarioDefinition& definition) const {
  ScenarioResult result{&definition, moves_row(definition, "conditional_expectation"), {}, {}};
  for (const StressedPortfolio& exposure : exposures_) {
    PortfolioStress& row = result.rows.emplace_back();
    row.portfolio_id = exposure.portfolio->id;
    row.direct_pnl = row.correlated_pnl = core::Money{};
  }
  return result;
}

ScenarioResult StressModel::apply(const store::ScenarioDefinition& definition) {
  const bool moves_volatility = definition.volatility_shock.has_value();
  ScenarioResult result = moves_volatility && definition.shocks.empty() && definition.flaw.empty()
                              ? volatility_alone(definition)
                              : apply_to_factors(definition);
  if (moves_volatility)
    for (std::size_t i = 0; i < result.rows.size(); ++i)
      add_volatility(exposures_[i], *definition.volatility_shock, result.rows[i]);
  return result;
}

bool StressModel::play(const store::ScenarioDefinition& definition, ScenarioResult& result) {
  result.moves.window_start = definition.window_start;
  result.moves.window_end = definition.window_end;
  result.moves.method = "prescribed";
  const auto found = history(definition, result.moves.note);
  if (!found) return false;
  result.moves.method = "replay";
  describe_replay(*found, result.moves);
  const std::vector<core::SymbolReplay> symbols = replay_symbols(*found);
  for (const StressedPortfolio& exposure : exposures_) {
    pg::poll();
    result.rows.push_back(replayed(symbols, exposure));
  }
  return true;
}

ScenarioResult StressModel::without_figures(const store::ScenarioDefinition& definition, core::Reason reason,
                                            const std::string& problem) const {
  ScenarioResult result{&definition, moves_row(definition, "none"), {}, problem};
  result.moves.problem = problem;
  for (const StressedPortfolio& exposure : exposures_) {
    PortfolioStress& row = result.rows.emplace_back();
    row.portfolio_id = exposure.portfolio->id;
    row.reason = reason;
  }
  return result;
}

ScenarioResult StressModel::apply_to_factors(const store::ScenarioDefinition& definition) {
  ScenarioResult result{&definition, moves_row(definition, "conditional_expectation"), {}, {}};
  try {
    const core::Scenario scenario = resolve(definition);
    core::resolve_shocks(scenario, all_factors_);
    // What prices did needs no covariance and no exposure to a factor.
    if (definition.is_replay() && play(definition, result)) return result;
    for (const core::Shock& shock : scenario.shocks)
      if (std::find(unknown_.begin(), unknown_.end(), shock.factor) != unknown_.end())
        return without_figures(definition, core::Reason::insufficient_data, {});
    const core::ScenarioMoves moves = core::propagate(model_, scenario);
    describe_moves(scenario, moves, result.moves);
    for (const StressedPortfolio& exposure : exposures_) {
      pg::poll();
      result.rows.push_back(prescribed(moves, exposure));
    }
    return result;
  } catch (const core::Error& error) {
    const std::string_view code = error.sqlstate();
    if (code == core::sqlstate::singular_design)
      return without_figures(definition, core::Reason::singular, error.what());
    if (code != core::sqlstate::invalid_parameter) throw;
    return without_figures(definition, core::Reason::invalid_scenario, error.what());
  }
}

}  // namespace pb::engine
