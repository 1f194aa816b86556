#include "core/stats/har.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "core/limits.hpp"
#include "core/stats/householder.hpp"

namespace pb::core {

namespace {

constexpr Eigen::Index week = 5;
constexpr Eigen::Index month = 22;
constexpr Eigen::Index terms = 4;  // intercept, day, week, month

using Terms = Eigen::Matrix<double, terms, 1>;
using Triangle = Eigen::Matrix<double, terms, terms>;

// A number for each of the columns, which are few.
template <class Columns>
using PerColumn = Eigen::Matrix<double, Eigen::Dynamic, 1, 0, Columns::MaxColsAtCompileTime, 1>;

// Reflects the columns to a triangle, with the reflections below it, and returns their coefficients: the steps, and so
// the bits, of Eigen::HouseholderQR, whose products of blocks are for more columns and take half a minute to compile.
template <class Columns>
PerColumn<Columns> reduce(Columns& a) {
  const Eigen::Index n = a.rows();
  PerColumn<Columns> coefficients(std::min(n, a.cols()));
  PerColumn<Columns> workspace(a.cols());
  for (Eigen::Index k = 0; k < coefficients.size(); ++k) {
    double pivot = 0;
    a.col(k).tail(n - k).makeHouseholderInPlace(coefficients(k), pivot);
    a(k, k) = pivot;
    a.bottomRightCorner(n - k, a.cols() - k - 1)
        .applyHouseholderOnTheLeft(a.col(k).tail(n - k - 1), coefficients(k), workspace.data());
  }
  return coefficients;
}

using SomeColumns = Eigen::Matrix<double, terms, Eigen::Dynamic, 0, terms, terms>;

// The x of least |A x - y|.
PerColumn<SomeColumns> solve(SomeColumns a, Terms y) {
  const PerColumn<SomeColumns> coefficients = reduce(a);
  double workspace = 0;
  for (Eigen::Index k = 0; k < a.cols(); ++k)
    y.tail(terms - k).applyHouseholderOnTheLeft(a.col(k).tail(terms - k - 1), coefficients(k), &workspace);
  a.topRows(a.cols()).triangularView<Eigen::Upper>().solveInPlace(y.head(a.cols()));
  return y.head(a.cols());
}

// min |R b - c| over b >= 0. The solution is the plain least-squares fit on its own support, so the best of the 16
// supports whose fit is non-negative is it: no iteration and no tolerance.
struct NonNegativeSolution {
  Terms coefficients = Terms::Zero();
  double residual = 0;  // sum of squares
};

NonNegativeSolution solve_non_negative(const Triangle& r, const Terms& c) {
  NonNegativeSolution best{Terms::Zero(), c.squaredNorm()};
  for (unsigned support = (1u << terms) - 1; support > 0; --support) {
    std::array<Eigen::Index, terms> chosen{};
    Eigen::Index count = 0;
    for (Eigen::Index j = 0; j < terms; ++j)
      if ((support >> j) & 1u) chosen[static_cast<std::size_t>(count++)] = j;
    SomeColumns columns(terms, count);
    for (Eigen::Index j = 0; j < count; ++j) columns.col(j) = r.col(chosen[static_cast<std::size_t>(j)]);
    const PerColumn<SomeColumns> fit = solve(columns, c);
    if (!(fit.minCoeff() >= 0)) continue;
    const double residual = (c - columns * fit).squaredNorm();
    if (!(residual < best.residual)) continue;
    best = {Terms::Zero(), residual};
    for (Eigen::Index j = 0; j < count; ++j) best.coefficients(chosen[static_cast<std::size_t>(j)]) = fit(j);
    if (count == terms) break;  // no other support fits better than all terms together
  }
  return best;
}

}  // namespace

Vector rolling_sums(const Vector& values, Eigen::Index width) {
  const Eigen::Index count = values.size() - width + 1;
  if (count <= 0) return Vector();
  // Each window is summed on its own, by halves: a running sum would carry the rounding of one large value through all
  // that follow it.
  Vector sums = Vector::Zero(count);
  Vector halves = values;  // sums of `length` consecutive values
  Eigen::Index summed = 0;
  for (Eigen::Index length = 1;; length *= 2) {
    if (width & length) {
      sums += halves.segment(summed, count);
      summed += length;
    }
    if (summed == width) return sums;
    halves = (halves.head(halves.size() - length) + halves.tail(halves.size() - length)).eval();
  }
}

int har_observations(int rows, int horizon) { return rows + static_cast<int>(month) - 1 + horizon; }

std::optional<HarFit> fit_har(const Vector& squared_returns, int horizon, int max_rows) {
  const Eigen::Index n = squared_returns.size();
  const Eigen::Index rows = std::min<Eigen::Index>(n - har_observations(0, horizon), max_rows);
  if (rows <= terms) return std::nullopt;
  const Vector weekly = rolling_sums(squared_returns, week) / static_cast<double>(week);
  const Vector monthly = rolling_sums(squared_returns, month) / static_cast<double>(month);
  const Vector target = rolling_sums(squared_returns, horizon).tail(rows) / static_cast<double>(horizon);

  // The last row is `horizon` observations before the newest one, whose regressors make the forecast.
  Eigen::Matrix<double, Eigen::Dynamic, terms> design(rows, terms);
  design.col(0).setOnes();
  design.col(1) = squared_returns.segment(n - horizon - rows, rows);
  design.col(2) = weekly.segment(weekly.size() - horizon - rows, rows);
  design.col(3) = monthly.segment(monthly.size() - horizon - rows, rows);
  const Terms scale = design.colwise().norm();
  if (!(scale.minCoeff() > 0)) return std::nullopt;

  // Orthogonal reduction to a triangle, which keeps every sum of squares.
  Eigen::Matrix<double, Eigen::Dynamic, terms + 1> system(rows, terms + 1);
  system.leftCols<terms>() = design * scale.cwiseInverse().asDiagonal();
  system.col(terms) = target;
  reduce(system);
  const Triangle r = system.topLeftCorner<terms, terms>().triangularView<Eigen::Upper>();
  const Terms c = system.block<terms, 1>(0, terms);
  const double beyond = system(terms, terms);  // what no coefficients explain

  const HouseholderQr ranked(r, Pivoting::columns);
  const double total = (target.array() - target.mean()).square().sum();
  const double rounding = 16 * epsilon * target.norm();
  if (ranked.rank(epsilon * static_cast<double>(rows)) < terms || !(total > rounding * rounding)) return std::nullopt;

  const NonNegativeSolution solution = solve_non_negative(r, c);
  const Terms coefficients = solution.coefficients.cwiseQuotient(scale);
  HarFit fit;
  fit.intercept = coefficients(0);
  fit.daily = coefficients(1);
  fit.weekly = coefficients(2);
  fit.monthly = coefficients(3);
  fit.forecast = fit.intercept + fit.daily * squared_returns(n - 1) + fit.weekly * weekly(weekly.size() - 1) +
                 fit.monthly * monthly(monthly.size() - 1);
  fit.r_squared = std::clamp(1 - (solution.residual + beyond * beyond) / total, 0.0, 1.0);
  fit.rows = static_cast<int>(rows);
  return fit;
}

}  // namespace pb::core
