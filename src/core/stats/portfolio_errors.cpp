#include "core/stats/portfolio_errors.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "core/limits.hpp"
#include "core/stats/regression.hpp"
#include "core/stats/sandwich.hpp"
#include "core/stats/window.hpp"

namespace pb::core {

namespace {

// Most symbols share the window of a full history, and a few designs serve all portfolios.
constexpr std::size_t kept_designs = 64;

}  // namespace

PortfolioErrors::PortfolioErrors(Returns returns, Matrix factors, const FactorFits& fits, int session,
                                 const FactorModelSettings& settings, Poll poll)
    : returns_(std::move(returns)), factors_(std::move(factors)), fits_(fits), settings_(settings) {
  std::vector<bool> complete(static_cast<std::size_t>(factors_.rows()));
  for (Eigen::Index t = 0; t < factors_.rows(); ++t)
    complete[static_cast<std::size_t>(t)] = factors_.row(t).allFinite();
  std::map<std::vector<int>, int> places;
  for (int i = 0; i < static_cast<int>(fits_.samples.size()); ++i) {
    if (i % 256 == 0) poll();
    window_of_.push_back(-1);
    if (!fits_.estimated(i)) continue;
    const std::span<const double> own = returns_(i);
    std::vector<int> days = newest_sessions(session, settings_.history.window, [&](int t) {
      return complete[static_cast<std::size_t>(t)] && std::isfinite(own[static_cast<std::size_t>(t)]);
    });
    const auto [found, is_new] = places.try_emplace(std::move(days), static_cast<int>(windows_.size()));
    if (is_new) windows_.push_back(found->first);
    window_of_.back() = found->second;
  }
}

PortfolioErrors::Design PortfolioErrors::make(const Group& group, Poll poll) const {
  Design made{factors_(days(group), every), {}};
  Vector slopes;
  const RidgeDesign design = make_design(made.x, settings_, slopes, poll);
  made.influence = design.influence(group.second, poll);
  return made;
}

void PortfolioErrors::add_pulls(const Group& group, std::span<const WeightedSymbol> members, Matrix& pulls, Poll poll) {
  const auto kept = designs_.find(group);
  Design made;
  if (kept == designs_.end()) made = make(group, poll);
  const Design& design = kept == designs_.end() ? made : kept->second;
  const std::vector<int>& sessions = days(group);
  const auto n = static_cast<Eigen::Index>(sessions.size());
  Vector y = Vector::Zero(n);
  Vector coefficients = Vector::Zero(design.x.cols() + 1);
  for (const WeightedSymbol& member : members) {
    const std::span<const double> own = returns_(member.symbol);
    for (Eigen::Index t = 0; t < n; ++t)
      y(t) += member.weight * own[static_cast<std::size_t>(sessions[static_cast<std::size_t>(t)])];
    coefficients += member.weight * fits_.fits.coefficients.col(member.symbol);
  }
  Vector residuals = y - design.x * coefficients.tail(design.x.cols());
  residuals.array() -= coefficients(0);
  const double df = fits_.fits.effective_df(members.front().symbol);
  const double correction = std::sqrt(static_cast<double>(n) / (static_cast<double>(n) - 1 - df));
  if (residuals.norm() <= rounding_level(y)) residuals.setZero();
  for (Eigen::Index t = 0; t < n; ++t)
    pulls.row(sessions[static_cast<std::size_t>(t)]) +=
        correction * residuals(t) * design.influence.row(t).tail(pulls.cols());
  if (kept == designs_.end() && designs_.size() < kept_designs) designs_.emplace(group, std::move(made));
}

Vector PortfolioErrors::std_errors(std::span<const WeightedSymbol> held, Poll poll) {
  // In the order of their first symbols, so that sums do not depend on what else the model has been fitted to.
  std::vector<std::pair<Group, std::vector<WeightedSymbol>>> groups;
  std::map<Group, std::size_t> places;
  for (const WeightedSymbol& symbol : held) {
    const int window = window_of_[static_cast<std::size_t>(symbol.symbol)];
    if (window < 0) continue;
    const double alpha = fits_.fits.alpha(symbol.symbol);
    const Group group{window, std::isnan(alpha) ? 0 : alpha};
    const auto [place, is_new] = places.try_emplace(group, groups.size());
    if (is_new) groups.push_back({group, {}});
    groups[place->second].second.push_back(symbol);
  }
  Vector errors = Vector::Constant(factors_.cols(), nan);
  if (groups.empty()) return errors;
  Matrix pulls = Matrix::Zero(factors_.rows(), factors_.cols());
  std::vector<bool> has_residual(static_cast<std::size_t>(factors_.rows()));
  for (const auto& [group, members] : groups) {
    poll();
    add_pulls(group, members, pulls, poll);
    for (const int day : days(group)) has_residual[static_cast<std::size_t>(day)] = true;
  }
  std::vector<int> sessions;
  for (int t = 0; t < static_cast<int>(has_residual.size()); ++t)
    if (has_residual[static_cast<std::size_t>(t)]) sessions.push_back(t);
  const int lag = newey_west_lag(static_cast<int>(sessions.size()));
  for (Eigen::Index k = 0; k < errors.size(); ++k)
    errors(k) = std::sqrt(std::max(0.0, bartlett_sum(pulls.col(k)(sessions), lag, poll)));
  return errors;
}

FactorFits as_factor_fits(std::span<const BetaFit> fits) {
  FactorFits result = blank_fits(1, fits.size());
  for (std::size_t i = 0; i < fits.size(); ++i) {
    static_cast<Sample&>(result.samples[i]) = fits[i];
    if (!fits[i].fit) continue;
    const auto column = static_cast<Eigen::Index>(i);
    result.fits.coefficients.col(column) = fits[i].fit->coefficients;
    result.fits.std_errors.col(column) = fits[i].fit->std_errors;
    result.fits.effective_df(column) = 1;
  }
  return result;
}

}  // namespace pb::core
