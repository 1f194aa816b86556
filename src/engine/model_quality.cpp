#include "engine/model_quality.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <map>
#include <utility>

#include "core/limits.hpp"
#include "core/stats/factor_model.hpp"
#include "core/stats/volatility.hpp"
#include "core/stats/window.hpp"
#include "pg/interrupts.hpp"
#include "pg/memory.hpp"
#include "store/calendar_store.hpp"
#include "store/model_quality_store.hpp"
#include "store/price_store.hpp"

namespace pb::engine {

using core::Date;
using core::Matrix;

namespace {

using Models = std::map<Date, store::StoredModel>;

constexpr std::array model_names{"market", "ridge", "spread", "rate"};
constexpr int short_horizon = 21;
constexpr int long_horizon = 63;

Date month_of(Date day) {
  const std::chrono::year_month_day ymd{day};
  return std::chrono::sys_days{ymd.year() / ymd.month() / 1};
}

Date month_before(Date month) { return month_of(month - std::chrono::days{1}); }

Date month_after(Date month) { return month_of(month + std::chrono::days{31}); }

// A month of the answer: its sessions that are asked for, by their places in the panel, from `first` to before `end`.
struct Month {
  Date start;
  int first;
  int end;

  int size() const { return end - first; }
};

// The moves of a model's factors, in the form in which its betas measure them.
class FactorMoves {
 public:
  explicit FactorMoves(const core::PricePanel& panel) : panel_(panel) {}

  // On a session, by the model of the session before.
  core::Vector of(const store::StoredModel& model, int session) {
    const Matrix& moves = moves_of_legs(model);
    core::Vector move = moves.row(session);
    if (!model.is_orthogonalized) return move;
    const core::Vector slopes = core::slopes_on_first(moves, session - 1, model.window, model.min_observations);
    return move - slopes * move(0);
  }

 private:
  // The legs hardly ever change from one day to the next.
  const Matrix& moves_of_legs(const store::StoredModel& model) {
    std::vector<std::pair<std::string, std::string>> names;
    for (const auto& factor : model.factors) names.emplace_back(factor.long_symbol, factor.short_symbol);
    if (names != names_) {
      std::vector<core::FactorLegs> legs;
      for (const auto& [long_symbol, short_symbol] : names) {
        core::FactorLegs& leg = legs.emplace_back(core::FactorLegs{panel_.column(long_symbol).value(), {}});
        if (!short_symbol.empty()) leg.short_column = panel_.column(short_symbol).value();
      }
      moves_ = core::factor_returns(panel_, legs);
      names_ = std::move(names);
    }
    return moves_;
  }

  const core::PricePanel& panel_;
  std::vector<std::pair<std::string, std::string>> names_;
  Matrix moves_;
};

// Mean square of the returns of so many sessions that end with one; NaN unless all of them are there.
double mean_square(const core::PricePanel& panel, int column, int session, int sessions) {
  return panel.returns(column).segment(session - sessions + 1, sessions).squaredNorm() / sessions;
}

// Coverage of intervals, with the symbols that it is of: what is known of one symbol on the days of a month overlaps.
class CoverageOfSymbols {
 public:
  explicit CoverageOfSymbols(int horizon, std::size_t symbols)
      : plain_(core::normal_interval(horizon)), is_seen_(symbols, false) {}

  void add(std::size_t column, const store::StoredInterval& interval, double outcome) {
    if (!std::isfinite(interval.value + interval.low + interval.high + outcome)) return;
    const auto holds = [&](double low, double high) { return outcome >= low && outcome <= high; };
    coverage_.add(holds(interval.low, interval.high), holds(interval.value * plain_.low, interval.value * plain_.high));
    is_seen_[column] = true;
  }

  core::Score score() const { return coverage_.score(std::count(is_seen_.begin(), is_seen_.end(), true)); }

 private:
  core::IntervalEnds plain_;
  core::IntervalCoverage coverage_;
  std::vector<bool> is_seen_;
};

class QualityReport {
 public:
  QualityReport(const store::Store& store, Date from, Date to, std::span<const core::Uuid> ids, bool is_of_all)
      : store_(store), from_(from), to_(to), ids_(ids) {
    for (const char* name : model_names)
      for (store::StoredModel& model : store::load_models(store, name, month_before(month_of(from)), to))
        models_[name].emplace(model.day, std::move(model));
    load_panel(is_of_all);
  }

  std::vector<QualityRow> rows() {
    for (Date start = month_of(from_); start <= to_; start = month_after(start)) {
      pg::poll();
      const Date last = std::min(to_, month_after(start) - std::chrono::days{1});
      const core::Sessions& sessions = panel().sessions();
      const Month month{start, sessions.count_through(std::max(from_, start) - std::chrono::days{1}),
                        sessions.count_through(last)};
      add_factor_models(month);
      add_volatility(month);
      add_betas(month, last);
      add_portfolios(month, last);
    }
    return std::move(rows_);
  }

 private:
  const core::PricePanel& panel() const { return market_->panel; }

  // The sessions from the first forecast on, with what its plain alternatives look back to.
  void load_panel(bool is_of_all) {
    int lookback = long_horizon + estimator_.sessions_needed();
    std::vector<std::string> symbols;
    for (const auto& [name, models] : models_)
      for (const auto& [day, model] : models) {
        if (name == "rate") continue;
        lookback = std::max(lookback, core::search_span(model.window) + 1);
        for (const auto& factor : model.factors) {
          symbols.push_back(factor.long_symbol);
          if (!factor.short_symbol.empty()) symbols.push_back(factor.short_symbol);
        }
      }
    core::Sessions sessions = store::load_sessions_with_lookback(store_, from_, to_, lookback);
    const int first = sessions.count_through(from_ - std::chrono::days{1});
    const Date since = sessions.empty() ? from_ : sessions[std::max(0, first - long_horizon)];
    if (!is_of_all) chosen_ = store::held_symbols(store_, ids_, since, to_);
    const std::vector<std::string> estimated = chosen_ ? *chosen_ : store::estimated_symbols(store_, since, to_);
    symbols.insert(symbols.end(), estimated.begin(), estimated.end());
    pg::MemoryBudget budget(store_.settings().max_memory_bytes);
    market_.emplace(store::load_market(
        store_, std::move(sessions), {.valued_from = to_, .valued_until = to_, .symbols = std::move(symbols)}, budget));
    const Matrix& returns = panel().returns();
    budget.take(static_cast<std::size_t>(returns.rows()), static_cast<std::size_t>(returns.cols()), sizeof(double),
                "exponential averages");
    exponential_variances_.resize(returns.rows(), returns.cols());
    for (Eigen::Index column = 0; column < returns.cols(); ++column) {
      pg::poll();
      exponential_variances_.col(column) = estimator_.exponential_variances(returns.col(column));
    }
  }

  void add(const Month& month, const char* model, const char* measure, const char* plain, const core::Score& score,
           std::optional<core::Uuid> portfolio_id = {}) {
    rows_.push_back({month.start, model, measure, portfolio_id, plain, score});
  }

  // Adds the moves of the factors times their betas.
  static void add_products(const core::Vector& move, const store::StoredBetas& fit, double& forecast) {
    const auto first = static_cast<Eigen::Index>(fit.before);
    const Eigen::Index count = std::min<Eigen::Index>(move.size() - first, store::betas_at_once);
    if (count <= 0) return;
    const Eigen::Map<const core::Vector> betas(fit.betas.data(), count);
    forecast = (first == 0 ? 0 : forecast) + move.segment(first, count).dot(betas);
  }

  // Yesterday's betas times today's moves, sessions of the month x symbols.
  Matrix forecasts(const Month& month, const char* name) {
    const core::Sessions& sessions = panel().sessions();
    Matrix result = Matrix::Constant(month.size(), static_cast<Eigen::Index>(panel().symbols().size()), core::nan);
    FactorMoves factor_moves(panel());
    std::vector<core::Vector> moves(static_cast<std::size_t>(month.size()));
    std::size_t factors = 0;
    for (int session = month.first; session < month.end; ++session) {
      const auto found = session > 0 ? models_[name].find(sessions[session - 1]) : models_[name].end();
      if (found == models_[name].end()) continue;
      moves[static_cast<std::size_t>(session - month.first)] = factor_moves.of(found->second, session);
      factors = std::max(factors, found->second.factors.size());
    }
    if (factors == 0) return result;
    store::each_fit(store_, name, sessions[std::max(0, month.first - 1)], sessions[month.end - 2], factors, chosen_,
                    [&](const store::StoredBetas& fit) {
                      const auto column = panel().column(fit.symbol);
                      const auto session = sessions.index(fit.day);
                      if (!column || !session) return;
                      const int day = *session + 1 - month.first;
                      add_products(moves[static_cast<std::size_t>(day)], fit, result(day, *column));
                    });
    return result;
  }

  core::Score compare(const Month& month, const Matrix& forecast, const Matrix& plain) const {
    core::OutOfSampleR2 r2;
    for (Eigen::Index column = 0; column < forecast.cols(); ++column)
      for (int day = 0; day < month.size(); ++day)
        r2.add(panel().returns()(month.first + day, column), forecast(day, column), plain(day, column));
    return r2.score();
  }

  void add_factor_models(const Month& month) {
    const Matrix market = forecasts(month, "market");
    const Matrix zero = Matrix::Zero(market.rows(), market.cols());
    add(month, "market", "out_of_sample_r2", "zero", compare(month, market, zero));
    for (const char* model : {"ridge", "spread"})
      add(month, model, "out_of_sample_r2", "market", compare(month, forecasts(month, model), market));
  }

  // The stored volatilities whose horizon ends in the month, with the column and the session on which it does.
  template <class Callback>
  void each_known_volatility(const Month& month, int horizon, const Callback& callback) {
    const core::Sessions& sessions = panel().sessions();
    const int first = std::max(0, month.first - horizon);
    const int last = month.end - 1 - horizon;
    if (month.size() == 0 || last < first) return;
    store::each_volatility(store_, sessions[first], sessions[last], chosen_, [&](const store::StoredVolatility& row) {
      const auto column = panel().column(row.symbol);
      const auto session = sessions.index(row.day);
      if (column && session) callback(row, *column, *session + horizon);
    });
  }

  // An exponential average that was stored as the forecast is its own plain alternative.
  double exponential_variance(const store::StoredVolatility& row, int column, int session) const {
    if (row.method == to_word(core::ForecastMethod::ewma)) return row.expected * row.expected / row.sessions_per_year;
    return exponential_variances_(session, column);
  }

  void add_volatility(const Month& month) {
    core::QlikeLoss to_ewma;
    core::QlikeLoss to_realized;
    CoverageOfSymbols coverage_21d(short_horizon, panel().symbols().size());
    CoverageOfSymbols coverage_63d(long_horizon, panel().symbols().size());
    each_known_volatility(month, short_horizon, [&](const store::StoredVolatility& row, int column, int end) {
      const double outcome = mean_square(panel(), column, end, short_horizon);
      if (!std::isfinite(outcome)) return;
      const double forecast = row.expected * row.expected / row.sessions_per_year;
      const double realized = row.realized_21d.value * row.realized_21d.value / row.sessions_per_year;
      const double ewma = exponential_variance(row, column, end - short_horizon);
      to_ewma.add(outcome, forecast, ewma);
      to_realized.add(outcome, forecast, realized);
      coverage_21d.add(static_cast<std::size_t>(column), row.realized_21d, std::sqrt(row.sessions_per_year * outcome));
    });
    each_known_volatility(month, long_horizon, [&](const store::StoredVolatility& row, int column, int end) {
      coverage_63d.add(static_cast<std::size_t>(column), row.realized_63d,
                       std::sqrt(row.sessions_per_year * mean_square(panel(), column, end, long_horizon)));
    });
    add(month, "volatility", "qlike_to_ewma", "ewma", to_ewma.score());
    add(month, "volatility", "qlike_to_realized", "realized", to_realized.score());
    add(month, "volatility", "coverage_21d", "chi_square", coverage_21d.score());
    add(month, "volatility", "coverage_63d", "chi_square", coverage_63d.score());
  }

  // The newest model from one day to another.
  const store::StoredModel* newest_between(const char* name, Date from, Date to) {
    const Models& models = models_[name];
    const auto after = models.upper_bound(to);
    if (after == models.begin() || std::prev(after)->first < from) return nullptr;
    return &std::prev(after)->second;
  }

  int sessions_after(Date from, Date to) const {
    return store::load_sessions(store_, store_.settings().calendar, from + std::chrono::days{1}, to).size();
  }

  void add_betas(const Month& month, Date last) {
    for (const char* name : model_names) {
      const store::StoredModel* now = newest_between(name, month.start, last);
      add(month, name, "beta_change", "std_error", now ? beta_change(name, *now) : core::BetaChange(0).score());
      add(month, name, "beta_coverage", "nominal", now ? beta_coverage(name, *now) : core::IntervalCoverage().score());
    }
  }

  core::Score beta_change(const char* name, const store::StoredModel& now) {
    const Date month = month_of(now.day);
    const store::StoredModel* before = newest_between(name, month_before(month), month - std::chrono::days{1});
    if (before == nullptr || now.window == 0) return core::BetaChange(0).score();
    core::BetaChange change(std::min(1.0, static_cast<double>(sessions_after(before->day, now.day)) / now.window));
    store::each_beta_pair(store_, name, before->day, now.day, chosen_,
                          [&](const store::BetaPair& pair) { change.add(pair.before, pair.after, pair.std_error); });
    return change.score();
  }

  core::Score beta_coverage(const char* name, const store::StoredModel& now) {
    core::IntervalCoverage coverage;
    const core::Sessions sessions = store::load_sessions_with_lookback(store_, now.day, now.day, now.window);
    if (now.window == 0 || sessions.size() <= now.window) return coverage.score();
    const auto before = store::newest_model(store_, name, sessions.dates().front());
    if (!before) return coverage.score();
    store::each_beta_pair(store_, name, *before, now.day, chosen_, [&](const store::BetaPair& pair) {
      const double distance = std::fabs(pair.after - pair.before);
      if (!std::isfinite(distance) || !(pair.std_error > 0)) return;
      const bool is_held = distance <= core::interval_z * pair.std_error;
      coverage.add(is_held, is_held);
    });
    return coverage.score();
  }

  void add_portfolios(const Month& month, Date last) {
    constexpr std::array models{"ridge", "spread", "volatility"};
    std::map<core::Uuid, std::map<std::string, core::BiasStatistic>> biases;
    const core::Sessions& sessions = panel().sessions();
    store::each_portfolio_forecast(store_, ids_, std::max(from_, month.start), last,
                                   [&](const store::PortfolioForecast& row) {
                                     core::BiasStatistic& bias = biases[row.portfolio_id][std::string(row.model)];
                                     const auto day = sessions.index(row.day);
                                     if (!day || *day == 0 || sessions[*day - 1] != row.before) return;
                                     const double scale = std::sqrt(row.sessions_per_year);
                                     bias.add(row.outcome, row.forecast / scale, row.plain / scale);
                                   });
    for (auto& [id, of_models] : biases)
      for (const char* model : models)
        add(month, model, "bias_statistic", "realized_63d", of_models[model].score(), id);
  }

  const store::Store& store_;
  Date from_;
  Date to_;
  std::span<const core::Uuid> ids_;
  core::VolatilityEstimator estimator_;
  std::map<std::string, Models> models_;
  store::ChosenSymbols chosen_;
  std::optional<store::Market> market_;
  Matrix exponential_variances_;  // sessions x symbols
  std::vector<QualityRow> rows_;
};

}  // namespace

std::vector<QualityRow> model_quality(const store::Store& store, Date from, Date to,
                                      std::span<const core::Uuid> portfolio_ids, bool is_of_all) {
  if (from > to) return {};
  return QualityReport(store, from, to, portfolio_ids, is_of_all).rows();
}

}  // namespace pb::engine
