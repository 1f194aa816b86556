#include "core/stats/estimate_bytes.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "returns.hpp"
#include "support.hpp"

namespace estimate_bytes_test {
namespace {

using pb::core::BetaFit;
using pb::core::ByteReader;
using pb::core::ByteWriter;
using pb::core::FactorFits;
using pb::core::ForecastMethod;
using pb::core::Matrix;
using pb::core::Reason;
using pb::core::RidgeFits;
using pb::core::Sample;
using pb::core::Vector;
using pb::core::Volatility;
using pb::test::bits;
using pb::test::day;
using pb::test::nan;
using pb::test::sqlstate_of;

constexpr int session_count = 700;
constexpr int last = session_count - 1;
const auto sessions = pb::test::weekdays(day("2022-01-03"), session_count);

// A market, a second factor, and symbols: whole, with gaps of their own, constant, and too short.
Matrix returns() {
  Matrix all = pb::test::generated_returns(session_count, 7, 1);
  all.row(0).setConstant(nan);
  for (const int t : {650, 652}) all(t, 4) = nan;
  all.col(5).tail(session_count - 1).setZero();
  all.col(6).head(session_count - 30).setConstant(nan);
  return all;
}

const std::vector<int> symbol_columns{2, 3, 4, 5, 6};

std::vector<BetaFit> beta_fits() {
  const Matrix all = returns();
  const Vector riskless = Vector::Constant(all.rows(), 0.0002);
  std::vector<BetaFit> fits;
  for (const int column : symbol_columns)
    fits.push_back(pb::core::fit_beta(all.col(column), all.col(0), last, sessions, {252, 126, 126},
                                      column % 2 == 0 ? &riskless : nullptr));
  return fits;
}

FactorFits factor_fits(const std::vector<int>& columns = symbol_columns) {
  const Matrix all = returns();
  return pb::core::fit_factor_model(all, columns, all.leftCols(2), last, sessions, pb::core::ridge_model());
}

std::vector<Volatility> volatilities() {
  const Matrix all = returns();
  const pb::core::VolatilityEstimator estimator;
  std::vector<Volatility> result;
  for (const int column : symbol_columns) result.push_back(estimator.estimate(all.col(column), last, 252));
  return result;
}

template <class Estimates>
std::string bytes_of(const Estimates& estimates) {
  ByteWriter out;
  write(out, estimates);
  return out.bytes();
}

template <class Estimates>
Estimates read_back(const std::string& bytes) {
  ByteReader in(bytes);
  Estimates estimates;
  read(in, estimates);
  EXPECT_TRUE(in.at_end());
  return estimates;
}

bool same_bits(const Matrix& a, const Matrix& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), sizeof(double) * static_cast<std::size_t>(a.size())) == 0);
}

void expect_same(const Sample& a, const Sample& b) {
  EXPECT_EQ(a.observations, b.observations);
  EXPECT_EQ(a.window_start, b.window_start);
  EXPECT_EQ(a.window_end, b.window_end);
  EXPECT_EQ(a.quality_flag, b.quality_flag);
  EXPECT_EQ(a.reason, b.reason);
}

void expect_same(const FactorFits& a, const FactorFits& b) {
  for (const auto member :
       {&RidgeFits::coefficients, &RidgeFits::std_errors, &RidgeFits::t_stats, &RidgeFits::p_values})
    EXPECT_TRUE(same_bits(a.fits.*member, b.fits.*member));
  for (const auto member : {&RidgeFits::r_squared, &RidgeFits::adj_r_squared, &RidgeFits::residual_sd,
                            &RidgeFits::alpha, &RidgeFits::effective_df})
    EXPECT_TRUE(same_bits(a.fits.*member, b.fits.*member));
  ASSERT_EQ(a.samples.size(), b.samples.size());
  for (std::size_t i = 0; i < a.samples.size(); ++i) {
    expect_same(a.samples[i], b.samples[i]);
    ASSERT_EQ(a.samples[i].design < 0, b.samples[i].design < 0);
    if (a.samples[i].design < 0) continue;
    const auto& design = a.designs.at(static_cast<std::size_t>(a.samples[i].design));
    const auto& other = b.designs.at(static_cast<std::size_t>(b.samples[i].design));
    EXPECT_EQ(design.observations, other.observations);
    EXPECT_EQ(design.condition_number, other.condition_number);
    EXPECT_EQ(design.max_vif, other.max_vif);
    EXPECT_TRUE(same_bits(design.variance_inflation, other.variance_inflation));
    EXPECT_TRUE(same_bits(design.market_slopes, other.market_slopes));
  }
}

TEST(EstimateBytes, KeepEveryBitOfMarketBetas) {
  const std::vector<BetaFit> fits = beta_fits();
  const auto back = read_back<std::vector<BetaFit>>(bytes_of(fits));
  ASSERT_EQ(back.size(), fits.size());
  for (std::size_t i = 0; i < fits.size(); ++i) {
    expect_same(back[i], fits[i]);
    EXPECT_EQ(bits(back[i].jensen.alpha), bits(fits[i].jensen.alpha));
    EXPECT_EQ(bits(back[i].jensen.std_error), bits(fits[i].jensen.std_error));
    EXPECT_EQ(back[i].jensen.reason, fits[i].jensen.reason);
    ASSERT_EQ(back[i].fit.has_value(), fits[i].fit.has_value());
    if (!fits[i].fit) continue;
    EXPECT_TRUE(same_bits(back[i].fit->coefficients, fits[i].fit->coefficients));
    EXPECT_TRUE(same_bits(back[i].fit->std_errors, fits[i].fit->std_errors));
    EXPECT_TRUE(same_bits(back[i].fit->p_values, fits[i].fit->p_values));
    EXPECT_EQ(back[i].fit->residual_sd, fits[i].fit->residual_sd);
    EXPECT_EQ(back[i].fit->residual_df, fits[i].fit->residual_df);
  }
  EXPECT_TRUE(fits[0].fit.has_value() && !fits[4].fit.has_value());
  EXPECT_EQ(back[4].reason, Reason::insufficient_data);
}

TEST(EstimateBytes, KeepEveryBitOfFactorModels) {
  const FactorFits fits = factor_fits();
  EXPECT_EQ(fits.designs.size(), 2u);
  expect_same(read_back<FactorFits>(bytes_of(fits)), fits);
}

TEST(EstimateBytes, KeepEveryBitOfVolatilities) {
  const std::vector<Volatility> estimates = volatilities();
  const auto back = read_back<std::vector<Volatility>>(bytes_of(estimates));
  ASSERT_EQ(back.size(), estimates.size());
  for (std::size_t i = 0; i < back.size(); ++i) {
    EXPECT_EQ(back[i].reason(), estimates[i].reason());
    EXPECT_EQ(back[i].observations, estimates[i].observations);
    EXPECT_EQ(back[i].newest_age, estimates[i].newest_age);
    EXPECT_EQ(back[i].kurtosis, estimates[i].kurtosis);
    EXPECT_EQ(back[i].quality_flag, estimates[i].quality_flag);
    EXPECT_EQ(back[i].percentile.optional(), estimates[i].percentile.optional());
    ASSERT_EQ(back[i].forecast.has_value(), estimates[i].forecast.has_value());
    if (!back[i].forecast.has_value()) continue;
    EXPECT_EQ(back[i].forecast->value, estimates[i].forecast->value);
    EXPECT_EQ(back[i].forecast->method, estimates[i].forecast->method);
    ASSERT_EQ(back[i].forecast->har.has_value(), estimates[i].forecast->har.has_value());
    if (!back[i].forecast->har) continue;
    EXPECT_EQ(back[i].forecast->har->monthly, estimates[i].forecast->har->monthly);
    EXPECT_EQ(back[i].forecast->har->r_squared, estimates[i].forecast->har->r_squared);
    EXPECT_EQ(back[i].forecast->har->rows, estimates[i].forecast->har->rows);
    EXPECT_EQ(back[i].realized_long->low, estimates[i].realized_long->low);
    EXPECT_EQ(back[i].trend->strength, estimates[i].trend->strength);
  }
  EXPECT_EQ(estimates[0].forecast->method, ForecastMethod::har);
  EXPECT_EQ(back[3].reason(), Reason::constant_series);
}

TEST(EstimateBytes, PartsAreTheWhole) {
  const FactorFits whole = factor_fits();
  FactorFits put_together = pb::core::blank_fits(2, symbol_columns.size());
  scatter(factor_fits({4, 2}), std::vector<int>{2, 0}, put_together);
  // The first of these is there already, and left out.
  scatter(factor_fits({2, 3, 6, 5}), std::vector<int>{-1, 1, 4, 3}, put_together);
  expect_same(put_together, whole);

  const std::vector<BetaFit> fits = beta_fits();
  std::vector<BetaFit> betas(fits.size());
  scatter({fits[3], fits[1]}, std::vector<int>{3, -1}, betas);
  expect_same(betas[3], fits[3]);
  EXPECT_EQ(betas[1].observations, 0);
}

TEST(EstimateBytes, RefuseBytesThatEndTooEarly) {
  const std::string bytes = bytes_of(factor_fits());
  for (const std::size_t length : {std::size_t{0}, std::size_t{20}, bytes.size() / 2, bytes.size() - 1})
    EXPECT_EQ(sqlstate_of([&] {
                ByteReader in(std::string_view(bytes).substr(0, length));
                FactorFits fits;
                read(in, fits);
              }),
              "XX000");
}

}  // namespace
}  // namespace estimate_bytes_test
