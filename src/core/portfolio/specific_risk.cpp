#include "core/portfolio/specific_risk.hpp"

#include <algorithm>
#include <cmath>

#include "core/stats/ewma.hpp"

namespace pb::core {

namespace {

// The residuals of a book by session.
struct ResidualSeries {
  Vector sum;      // of all symbols, as held
  Vector squares;  // sum of the squares of the same
  Vector weights;  // of the sessions; 0 where no symbol has a residual

  ResidualSeries(Eigen::Index sessions) : sum(Vector::Zero(sessions)), squares(sum), weights(sum) {}
};

double squared(double value) { return value * value; }

// The variance of one symbol's residuals as held; adds them to those of the book where there are enough of them.
double add_symbol(const Eigen::Ref<const Vector>& residuals, const SpecificExposure& exposure, const Vector& weights,
                  int min_observations, ResidualSeries& book) {
  const auto present = residuals.array().isFinite();
  if (present.count() < min_observations) return squared(exposure.weight) * exposure.variance;
  double total = 0;
  double sum = 0;
  for (Eigen::Index t = 0; t < residuals.size(); ++t) {
    if (!std::isfinite(residuals(t))) continue;
    const double move = exposure.weight * residuals(t);
    total += weights(t);
    sum += weights(t) * squared(move);
    book.sum(t) += move;
    book.squares(t) += squared(move);
    book.weights(t) = weights(t);
  }
  return sum / total;
}

// The weight of the diagonal.
double shrinkage_of(const ResidualSeries& book, const Vector& cross, double covariance) {
  if (!(squared(covariance) > 0)) return 1;
  const Vector variances = book.sum.cwiseAbs2();
  const double variance = book.weights.dot(variances);
  const double noise =
      (book.weights.array().square() * (variances.array() - variance) * (cross.array() - covariance)).sum();
  return std::clamp(noise / squared(covariance), 0.0, 1.0);
}

}  // namespace

SpecificVariance specific_variance(const Eigen::Ref<const Matrix>& residuals,
                                   std::span<const SpecificExposure> exposures, double half_life, int min_observations,
                                   Poll poll) {
  const Vector weights = ewma_weights(residuals.rows(), ewma_lambda(half_life));
  ResidualSeries book(residuals.rows());
  SpecificVariance result;
  for (const SpecificExposure& exposure : exposures) {
    poll();
    result.diagonal += add_symbol(residuals.col(exposure.column), exposure, weights, min_observations, book);
  }
  if (const double total = book.weights.sum(); total > 0) book.weights /= total;
  const Vector cross = book.sum.cwiseAbs2() - book.squares;
  result.covariance = book.weights.dot(cross);
  result.shrinkage = shrinkage_of(book, cross, result.covariance);
  result.value = result.diagonal + (1 - result.shrinkage) * result.covariance;
  if (result.value < 1e-14 * result.diagonal) result.value = 0;
  return result;
}

}  // namespace pb::core
