#include "engine/risk_models.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/error.hpp"
#include "core/stats/risk_free.hpp"
#include "core/stats/window.hpp"
#include "core/text/json.hpp"
#include "engine/report.hpp"
#include "pg/interrupts.hpp"
#include "pg/memory.hpp"

namespace pb::engine {

using core::Matrix;
using core::Vector;

namespace {

core::WindowSettings beta_window(const store::Settings& settings) {
  return {settings.beta_window, settings.beta_min_observations, settings.limited_history_below};
}

core::WindowSettings factor_window(const store::Settings& settings) {
  return {settings.factor_window, settings.factor_min_observations, settings.limited_history_below};
}

std::span<const double> values_of(const Matrix& series, int column) {
  return {series.col(column).data(), static_cast<std::size_t>(series.rows())};
}

}  // namespace

int FactorCovariance::index(const std::string& factor) const {
  const auto found = std::find(factors.begin(), factors.end(), factor);
  return found == factors.end() ? -1 : static_cast<int>(found - factors.begin());
}

Matrix FactorCovariance::of(std::span<const std::string> names) const {
  std::vector<int> indexes;
  for (const std::string& name : names) indexes.push_back(index(name));
  return moments.covariance(indexes, indexes);
}

RiskModels::RiskModels(Inputs& inputs, core::Date day, std::span<const core::Uuid> portfolio_ids)
    : inputs_(inputs),
      portfolio_ids_(portfolio_ids.begin(), portfolio_ids.end()),
      book_(make_risk_book(inputs, day, portfolio_ids)) {
  store::require_distinct_names(inputs.store(), inputs.factors());
}

bool RiskModels::is_for(core::Date day, std::span<const core::Uuid> portfolio_ids) const {
  return book_.day == day &&
         std::equal(portfolio_ids.begin(), portfolio_ids.end(), portfolio_ids_.begin(), portfolio_ids_.end());
}

Eigen::Ref<const Matrix> RiskModels::returns() const { return inputs_.market().panel.returns(); }

// Without a market there is nothing to measure against: an error, which leaves what is stored alone, and no rows that
// say nothing.
Eigen::Ref<const Vector> RiskModels::market_returns() const {
  const core::PricePanel& panel = inputs_.market().panel;
  const std::string& symbol = inputs_.store().settings().market_symbol;
  const int column = panel.column(symbol).value();
  if (!panel.returns(column).head(book_.session + 1).array().isFinite().any())
    throw core::Error(core::sqlstate::object_not_ready, "market symbol \"" + symbol + "\" has no returns",
                      inputs_.store().table("market_data_cache") + " holds no two usable prices of it in " +
                          counted(book_.session + 1, "session") + " up to " + core::to_iso(book_.day) + ".",
                      "Load its prices, or set portfolio_batch.market_symbol to a symbol that has them.");
  return panel.returns(column);
}

namespace {

constexpr const char* market_method = "OLS_NW";  // ordinary least squares, Newey-West errors
constexpr const char* rate_unit = "return per 1.00 yield change";

core::JsonObject common_parameters(const core::WindowSettings& window, const RiskBook& book) {
  core::JsonObject parameters;
  parameters.add("window", std::int64_t{window.window});
  parameters.add("min_observations", std::int64_t{window.min_observations});
  parameters.add("limited_history_below", std::int64_t{window.limited_below});
  parameters.add("max_stale_sessions", std::int64_t{book.max_stale_sessions});
  parameters.add("sessions_per_year", std::int64_t{book.sessions_per_year});
  return parameters;
}

// The penalty of a fixed choice, as it was given.
void add_alpha(const store::Settings& settings, core::JsonObject& parameters) {
  if (settings.ridge_alpha)
    parameters.add("alpha", *settings.ridge_alpha);
  else
    parameters.add("alpha_per_observation", settings.ridge_alpha_per_observation);
}

}  // namespace

store::FactorModelRow RiskModels::describe(const std::string& model, std::span<const std::string> factors) const {
  const store::Settings& settings = inputs_.store().settings();
  const bool is_of_factors = model == "ridge" || model == "spread";
  const core::WindowSettings window = is_of_factors ? factor_window(settings) : beta_window(settings);
  core::JsonObject parameters = common_parameters(window, book_);
  if (model == "market") {
    parameters.add("method", market_method);
    parameters.add("risk_free_series", settings.risk_free_series);
  }
  if (model == "ridge") {
    parameters.add("alpha_choice", settings.ridge_alpha_choice);
    if (settings.ridge_alpha_choice == "fixed") add_alpha(settings, parameters);
    parameters.raw("orthogonalized", settings.orthogonalize ? "true" : "false");
  }
  if (model == "rate") {
    parameters.add("unit", rate_unit);
    if (!rate_series_.empty()) parameters.add("rate_series", rate_series_);
  }
  store::FactorModelRow row{.model = model,
                            .factors = {factors.begin(), factors.end()},
                            .long_symbols = {settings.market_symbol},
                            .short_symbols = {std::nullopt},
                            .parameters = {parameters.str()},
                            .window_start = {},
                            .window_end = book_.day};
  for (std::size_t i = 1; i < factors.size(); ++i) {
    const auto& definitions = inputs_.factors();
    const auto found = std::find_if(definitions.begin(), definitions.end(),
                                    [&](const auto& definition) { return definition.name == factors[i]; });
    const bool is_defined = found != definitions.end();
    row.long_symbols.push_back(is_defined ? found->long_symbol : rate_series_);
    row.short_symbols.push_back(is_defined && !found->short_symbol.empty() ? std::optional(found->short_symbol)
                                                                           : std::nullopt);
  }
  const core::Sessions& sessions = inputs_.market().panel.sessions();
  row.window_start = sessions[std::max(0, book_.session - window.window + 1)];
  return row;
}

const std::vector<core::BetaFit>& RiskModels::market() {
  if (market_) return *market_;
  const core::PricePanel& panel = inputs_.market().panel;
  const store::Settings& settings = inputs_.store().settings();
  const core::WindowSettings window = beta_window(settings);
  const Vector risk_free = core::risk_free_returns(inputs_.risk_free_yields(), panel.sessions());
  const auto estimate = [&](const std::vector<int>& indexes) {
    std::vector<core::BetaFit> fits;
    for (const int column : columns(indexes)) {
      pg::poll();
      fits.push_back(
          core::fit_beta(panel.returns(column), market_returns(), book_.session, panel.sessions(), window, &risk_free));
    }
    return fits;
  };
  market_ = estimate_symbols(inputs_.store(), symbols_taken_, SymbolTopic::market, settings.risk_free_series,
                             book_.symbols, std::vector<core::BetaFit>(book_.symbols.size()), estimate);
  for (std::size_t i = 0; i < book_.symbols.size(); ++i) explain(i, (*market_)[i]);
  return *market_;
}

std::vector<int> RiskModels::columns(const std::vector<int>& indexes) const {
  std::vector<int> columns;
  columns.reserve(indexes.size());
  for (const int index : indexes) columns.push_back(book_.columns[static_cast<std::size_t>(index)]);
  return columns;
}

// Whatever the fit made of a series without prices, or without those that were left out; and what is to be said of its
// window beside the number of observations.
void RiskModels::explain(std::size_t symbol, core::Sample& sample) const {
  const core::Reason reason = missing_price_reason(book_, symbol, sample.reason);
  if (reason != sample.reason) sample.refuse(reason);
  if (sample.reason != core::Reason::none || !sample.window_start) return;
  const int newest = inputs_.market().panel.sessions().index(*sample.window_end).value();
  sample.quality_flag = quality_of_window(book_, symbol, *sample.window_start, newest, sample.quality_flag);
}

void RiskModels::mark_unpriced(core::FactorFits& fits) const {
  for (std::size_t i = 0; i < book_.symbols.size(); ++i) explain(i, fits.samples[i]);
}

std::vector<std::string> RiskModels::factor_names(const char* model) const {
  std::vector<std::string> names;
  for (const store::FactorDefinition& factor : inputs_.factors())
    if (factor.model == model) names.push_back(factor.name);
  return names;
}

// Returns of a model's own factors, without the market.
Matrix RiskModels::factor_moves(const core::PricePanel& panel, const char* model) const {
  std::vector<core::FactorLegs> legs;
  for (const store::FactorDefinition& factor : inputs_.factors()) {
    if (factor.model != model) continue;
    core::FactorLegs& leg = legs.emplace_back(core::FactorLegs{panel.column(factor.long_symbol).value(), {}});
    if (!factor.short_symbol.empty()) leg.short_column = panel.column(factor.short_symbol).value();
  }
  return core::factor_returns(panel, legs);
}

Matrix RiskModels::style_moves(const core::PricePanel& panel) const {
  const Matrix styles = factor_moves(panel, "ridge");
  Matrix moves(styles.rows(), styles.cols() + 1);
  moves.col(0) = panel.returns(panel.column(inputs_.store().settings().market_symbol).value());
  moves.rightCols(styles.cols()) = styles;
  return moves;
}

// How a model is estimated.
core::FactorModelSettings RiskModels::model_settings(const std::string& model) const {
  const store::Settings& settings = inputs_.store().settings();
  core::FactorModelSettings result = core::spread_model();
  if (model == "ridge") {
    result = settings.orthogonalize ? core::ridge_model() : core::plain_ridge_model();
    result.alpha_per_observation = settings.ridge_alpha_per_observation;
    if (settings.ridge_alpha) {
      result.alpha_per_observation.reset();
      result.ridge.alpha = *settings.ridge_alpha;
    }
    result.ridge.choice = settings.ridge_alpha_choice == "gcv" ? core::AlphaChoice::gcv : core::AlphaChoice::fixed;
  }
  result.history = model == "market" || model == "rate" ? beta_window(settings) : factor_window(settings);
  return result;
}

// Returns of the market and of the factors of a model, sessions x factors.
Matrix RiskModels::model_factors(const std::string& model) const {
  const core::PricePanel& panel = inputs_.market().panel;
  const Matrix own = factor_moves(panel, model.c_str());
  Matrix factors(own.rows(), own.cols() + 1);
  factors.col(0) = market_returns();
  factors.rightCols(own.cols()) = own;
  return factors;
}

SymbolFits RiskModels::fit_factors(const char* model, SymbolTopic topic) {
  const core::PricePanel& panel = inputs_.market().panel;
  const core::FactorModelSettings settings = model_settings(model);
  SymbolFits result;
  result.factors = factor_names(model);
  result.factors.insert(result.factors.begin(), market_factor);
  const Matrix factors = model_factors(model);
  const auto estimate = [&](const std::vector<int>& indexes) {
    return core::fit_factor_model(panel.returns(), columns(indexes), factors, book_.session, panel.sessions(), settings,
                                  pg::poll);
  };
  result.fits = estimate_symbols(inputs_.store(), symbols_taken_, topic, core::json_array(result.factors),
                                 book_.symbols, core::blank_fits(factors.cols(), book_.symbols.size()), estimate);
  mark_unpriced(result.fits);
  return result;
}

const SymbolFits& RiskModels::ridge() {
  if (ridge_) return *ridge_;
  return ridge_.emplace(fit_factors("ridge", SymbolTopic::ridge));
}

const SymbolFits& RiskModels::spread() {
  if (spread_) return *spread_;
  return spread_.emplace(fit_factors("spread", SymbolTopic::spread));
}

// The changes of the yield, where the series has enough of them in reach of the day and does not end long before it;
// else those that the bond fund's returns imply.
const core::RateChanges& RiskModels::rate_changes() {
  if (rate_changes_) return *rate_changes_;
  const store::Settings& settings = inputs_.store().settings();
  const core::PricePanel& panel = inputs_.market().panel;
  core::RateChanges quoted = core::yield_changes(inputs_.yields(), panel.sessions());
  if (core::serve_for(quoted, book_.session, beta_window(settings))) {
    rate_series_ = settings.rate_series;
    return rate_changes_.emplace(std::move(quoted));
  }
  const auto fund = inputs_.rate_factor();
  if (!fund) return rate_changes_.emplace(core::no_changes(panel.sessions().size()));
  rate_series_ = fund->long_symbol;
  return rate_changes_.emplace(implied_changes(panel, *fund));
}

core::RateChanges RiskModels::implied_changes(const core::PricePanel& panel,
                                              const store::FactorDefinition& fund) const {
  return core::implied_changes(panel.returns(panel.column(fund.long_symbol).value()),
                               inputs_.store().settings().rate_duration);
}

const RateFits& RiskModels::rate() {
  if (rate_) return *rate_;
  const core::PricePanel& panel = inputs_.market().panel;
  const store::Settings& settings = inputs_.store().settings();
  const core::RateChanges& changes = rate_changes();
  RateFits result;
  result.factor = inputs_.rate_factor() ? inputs_.rate_factor()->name : "interest_rate";
  result.factors = {market_factor, result.factor};
  result.series = rate_series_;
  const int market = panel.column(settings.market_symbol).value();
  const auto estimate = [&](const std::vector<int>& indexes) {
    return core::fit_rate_betas(panel.returns(), columns(indexes), market, changes, book_.session, panel.sessions(),
                                beta_window(settings), pg::poll)
        .fits;
  };
  result.fits = estimate_symbols(inputs_.store(), symbols_taken_, SymbolTopic::rate, rate_series_, book_.symbols,
                                 core::blank_fits(2, book_.symbols.size()), estimate);
  mark_unpriced(result.fits);
  return rate_.emplace(std::move(result));
}

core::PortfolioErrors RiskModels::make_errors(const std::string& model) {
  const core::PricePanel& panel = inputs_.market().panel;
  core::PortfolioErrors::Returns returns = [this, &panel](int symbol) {
    return values_of(panel.returns(), book_.columns[static_cast<std::size_t>(symbol)]);
  };
  const core::FactorFits* fits = nullptr;
  Matrix factors;
  if (model == "market") {
    if (!market_as_factor_) market_as_factor_ = core::as_factor_fits(market());
    fits = &*market_as_factor_;
    factors = market_returns();
  } else if (model == "rate") {
    fits = &rate().fits;
    const core::RateChanges& changes = rate_changes();
    factors.resize(panel.sessions().size(), 2);
    factors.col(0) = core::interval_returns(market_returns(), changes);
    factors.col(1) = changes.change;
    // Once for all portfolios: to compound them anew for each position was a fortieth of a night.
    pg::MemoryBudget(inputs_.store().settings().max_memory_bytes)
        .take(static_cast<std::size_t>(panel.sessions().size()), book_.columns.size(), sizeof(double), "returns");
    const auto compounded = std::make_shared<Matrix>(panel.sessions().size(), std::ssize(book_.columns));
    for (Eigen::Index i = 0; i < compounded->cols(); ++i) {
      pg::poll();
      compounded->col(i) = core::interval_returns(panel.returns(book_.columns[static_cast<std::size_t>(i)]), changes);
    }
    returns = [compounded](int symbol) { return values_of(*compounded, symbol); };
  } else {
    fits = model == "ridge" ? &ridge().fits : &spread().fits;
    factors = model_factors(model);
  }
  return {std::move(returns), std::move(factors), *fits, book_.session, model_settings(model), pg::poll};
}

core::Vector RiskModels::std_errors(const std::string& model, const RiskPortfolio& portfolio) {
  auto errors = errors_.find(model);
  if (errors == errors_.end()) errors = errors_.emplace(model, make_errors(model)).first;
  std::vector<core::WeightedSymbol> held;
  if (portfolio.has_equity())
    for (const SymbolExposure& exposure : portfolio.exposures)
      held.push_back({exposure.symbol, exposure.net / *portfolio.net_asset_value});
  return errors->second.std_errors(held, pg::poll);
}

// The moves of all factors by session, in the form their exposures are measured in.
Matrix RiskModels::covariance_series(FactorCovariance& result) {
  const store::Settings& settings = inputs_.store().settings();
  const core::PricePanel& panel = inputs_.market().panel;
  const Matrix spreads = factor_moves(panel, "spread");
  Matrix own = style_moves(panel);
  // Factors that are constant or the market over again have no part of their own: no covariance either.
  Vector slopes = core::slopes_on_first(own, book_.session, settings.factor_window, settings.factor_min_observations);
  result.fund_betas.assign(slopes.begin(), slopes.end());
  if (!settings.orthogonalize) slopes.setZero();
  result.removed.assign(slopes.begin(), slopes.end());
  for (Eigen::Index k = 1; k < own.cols(); ++k) own.col(k) -= slopes(k) * own.col(0);

  std::vector<std::string>& names = result.factors;
  names = {market_factor};
  for (const char* model : {"ridge", "spread"})
    for (const std::string& name : factor_names(model)) names.push_back(name);
  names.push_back(rate().factor);
  result.fund_betas.resize(names.size());
  result.removed.resize(names.size());
  Matrix series(own.rows(), static_cast<Eigen::Index>(names.size()));
  series << own, spreads, core::session_changes(rate_changes());
  return series;
}

const FactorCovariance& RiskModels::covariance() {
  if (covariance_) return *covariance_;
  const store::Settings& settings = inputs_.store().settings();
  FactorCovariance result;
  const Matrix series = covariance_series(result);
  result.moments = core::ewma_moments(series, book_.session,
                                      {.half_life = settings.covariance_half_life,
                                       .window = settings.covariance_window,
                                       .min_observations = settings.beta_min_observations},
                                      pg::poll);
  const int sessions = std::min(settings.covariance_window, book_.session);
  result.moves = series.middleRows(book_.session + 1 - sessions, sessions);
  return covariance_.emplace(std::move(result));
}

// The yield is the same series as on the day.
PastMoves RiskModels::past_moves() {
  rate_changes();
  const auto* past = inputs_.factor_past();
  if (past == nullptr) return {};
  const core::PricePanel& panel = past->market.panel;
  const int count = panel.sessions().count_through(book_.day);
  Matrix own = style_moves(panel);
  const store::Settings& settings = inputs_.store().settings();
  if (settings.orthogonalize) {
    const Vector slopes = core::slopes_on_first(own, count - 1, count, settings.factor_min_observations);
    for (Eigen::Index k = 1; k < own.cols(); ++k) own.col(k) -= slopes(k) * own.col(0);
  }
  const auto* fund = inputs_.rate_factor();
  const bool is_implied = fund != nullptr && rate_series_ != settings.rate_series;
  const core::RateChanges changes =
      is_implied ? implied_changes(panel, *fund) : core::yield_changes(past->yields, panel.sessions());
  Matrix moves(own.rows(), own.cols() + 1);
  moves << own, core::session_changes(changes);
  const std::vector<core::Date>& dates = panel.sessions().dates();
  return {{dates.begin(), dates.begin() + count}, moves.topRows(count)};
}

core::Reason missing_exposure_reason(const RiskPortfolio& portfolio, const FactorExposure& exposure) {
  if (exposure.estimated) return core::Reason::none;
  if (portfolio.gross == 0) return core::Reason::no_exposure;
  if (!portfolio.exposures.empty()) return core::Reason::insufficient_data;
  // Nothing but positions without a symbol: the reason of the first speaks for all.
  return portfolio.positions.front().reason;
}

}  // namespace pb::engine
