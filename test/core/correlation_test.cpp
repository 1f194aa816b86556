#include "core/stats/correlation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/stats/distributions.hpp"
#include "core/stats/multiple_testing.hpp"
#include "returns.hpp"
#include "support.hpp"

namespace correlation_test {
namespace {

using pb::core::correlation_p_value;
using pb::core::correlation_p_values;
using pb::core::Correlations;
using pb::core::CorrelationSettings;
using pb::core::log_return_block;
using pb::core::log_returns;
using pb::core::Matrix;
using pb::core::packed_size;
using pb::core::pairwise_correlations;
using pb::core::Reason;
using pb::core::Vector;
using pb::test::bits;
using pb::test::day;
using pb::test::generated_returns;
using pb::test::nan;
using pb::test::Price;
using pb::test::read_csv;
using pb::test::Record;
using pb::test::relative_error;
using pb::test::remove_cells;
using pb::test::sqlstate_of;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double unit_roundoff = 1.1102230246251565e-16;
constexpr CorrelationSettings any_scale{.min_overlap = 2, .constant_variance = 0};

double shared_bound(Eigen::Index sessions) { return static_cast<double>(2 * sessions + 8) * unit_roundoff; }

// The correlation over the overlap by the definition, with 64 bits of mantissa; NaN below two common returns.
double long_double_correlation(const Eigen::Ref<const Vector>& x, const Eigen::Ref<const Vector>& y) {
  std::vector<std::pair<long double, long double>> both;
  for (Eigen::Index t = 0; t < x.size(); ++t)
    if (std::isfinite(x(t)) && std::isfinite(y(t))) both.emplace_back(x(t), y(t));
  if (both.size() < 2) return nan;
  long double mean_x = 0;
  long double mean_y = 0;
  for (const auto& [a, b] : both) {
    mean_x += a / static_cast<long double>(both.size());
    mean_y += b / static_cast<long double>(both.size());
  }
  long double xx = 0;
  long double yy = 0;
  long double xy = 0;
  for (const auto& [a, b] : both) {
    xx += (a - mean_x) * (a - mean_x);
    yy += (b - mean_y) * (b - mean_y);
    xy += (a - mean_x) * (b - mean_y);
  }
  return static_cast<double>(xy / std::sqrt(xx * yy));
}

int common_returns(const Matrix& returns, int i, int j) {
  return static_cast<int>((returns.col(i).array().isFinite() && returns.col(j).array().isFinite()).count());
}

// Largest difference from the definition over all pairs that must have a correlation.
double largest_error(const Matrix& returns, const Correlations& correlations) {
  double largest = 0;
  for (int i = 1; i < correlations.symbols; ++i)
    for (int j = 0; j < i; ++j) {
      EXPECT_EQ(correlations.overlap(i, j), common_returns(returns, i, j)) << i << ", " << j;
      if (correlations.overlap(i, j) < correlations.min_overlap) {
        EXPECT_TRUE(std::isnan(correlations.value(i, j))) << i << ", " << j;
        continue;
      }
      const double error =
          std::fabs(correlations.value(i, j) - long_double_correlation(returns.col(i), returns.col(j)));
      EXPECT_FALSE(std::isnan(error)) << i << ", " << j;
      largest = std::max(largest, error);
    }
  return largest;
}

std::vector<std::uint64_t> all_bits(const std::vector<double>& values) {
  std::vector<std::uint64_t> result;
  for (const double value : values) result.push_back(bits(value));
  return result;
}

Correlations of_two(const std::vector<double>& x, const std::vector<double>& y) {
  Matrix returns(static_cast<Eigen::Index>(x.size()), 2);
  returns.col(0) = Vector::Map(x.data(), returns.rows());
  returns.col(1) = Vector::Map(y.data(), returns.rows());
  return pairwise_correlations(returns, any_scale);
}

// ---- against references --------------------------------------------------------------------------------------------

Matrix golden_returns() {
  const std::vector<Record> records = read_csv(pb::test::golden_file("correlation_returns.csv"));
  Matrix returns(static_cast<Eigen::Index>(records.size()), 13);
  for (Eigen::Index t = 0; t < returns.rows(); ++t)
    for (int i = 0; i < 13; ++i) {
      const std::string symbol = std::string(i < 10 ? "S0" : "S") + std::to_string(i);
      returns(t, i) = records[static_cast<std::size_t>(t)].number(symbol.c_str());
    }
  return returns;
}

void expect_close(double actual, const Record& record, const char* column, double tolerance) {
  if (!record.has(column))
    EXPECT_TRUE(std::isnan(actual)) << column;
  else if (std::isinf(record.number(column)))
    EXPECT_EQ(actual, record.number(column)) << column;
  else
    EXPECT_LE(relative_error(actual, record.number(column)), tolerance) << column;
}

TEST(Correlation, AgreesWithExactArithmeticOnEveryKindOfGap) {
  const Matrix returns = golden_returns();
  const Correlations correlations = pairwise_correlations(returns);
  const std::vector<double> p_values = correlation_p_values(correlations);
  const std::vector<double> q_values = pb::core::benjamini_hochberg(p_values);
  const std::vector<Record> records = read_csv(pb::test::golden_file("correlation_pairs.csv"));
  ASSERT_EQ(records.size(), correlations.values.size());
  ASSERT_EQ(records.size(), correlations.overlaps.size());
  int estimated = 0;
  for (std::size_t pair = 0; pair < records.size(); ++pair) {
    const Record& expected = records[pair];
    SCOPED_TRACE(expected.text("symbol1") + " " + expected.text("symbol2"));
    const double r = correlations.values[pair];
    const int n = correlations.overlaps[pair];
    EXPECT_EQ(n, expected.integer("observations"));
    expect_close(r, expected, "correlation_exact", 1e-12);
    expect_close(p_values[pair], expected, "p_value", 1e-9);
    expect_close(q_values[pair], expected, "q_value", 1e-9);
    if (!std::isnan(r)) {
      ++estimated;
      EXPECT_LE(std::fabs(r - expected.number("correlation_exact")), shared_bound(126));
    }
  }
  EXPECT_EQ(estimated, 50);
}

TEST(Correlation, ReasonsOfTheGoldenBlock) {
  const Correlations correlations = pairwise_correlations(golden_returns());
  EXPECT_EQ(correlations.reason(7, 0), Reason::insufficient_data);
  EXPECT_EQ(correlations.reason(8, 6), Reason::insufficient_data);
  EXPECT_EQ(correlations.reason(9, 0), Reason::constant_series);
  EXPECT_EQ(correlations.reason(8, 0), Reason::none);
  EXPECT_EQ(correlations.reason(3, 3), Reason::none);
  EXPECT_EQ(correlations.reasons[7], Reason::insufficient_data);
  EXPECT_EQ(correlations.reasons[9], Reason::constant_series);
  EXPECT_EQ(correlations.reasons[8], Reason::none);
}

TEST(Correlation, AgreesWithPandasOnRealPrices) {
  PB_SKIP_WITHOUT_SHARED_DATA();
  const std::vector<Price> prices = pb::test::read_shared_prices();
  const pb::core::PricePanel panel = make_panel(sessions_of(prices, "SPY"), prices);
  std::map<std::string, std::vector<Record>> by_date;
  for (const Record& record : read_csv(pb::test::golden_file("correlation_real.csv")))
    by_date[record.text("date")].push_back(record);
  ASSERT_EQ(by_date.size(), 2U);
  for (const auto& [date, records] : by_date) {
    std::vector<int> columns{*panel.column(records[0].text("symbol1"))};
    for (const Record& record : records)
      if (record.text("symbol1") == records[0].text("symbol1"))
        columns.push_back(*panel.column(record.text("symbol2")));
    const Matrix block = log_return_block(panel, columns, *panel.sessions().index(day(date)), 126);
    ASSERT_EQ(block.rows(), 126);
    const Correlations correlations = pairwise_correlations(block);
    const std::vector<double> p_values = correlation_p_values(correlations);
    const std::vector<double> q_values = pb::core::benjamini_hochberg(p_values);
    ASSERT_EQ(records.size(), correlations.values.size());
    const bool ragged = correlations.overlaps.size() > 1;
    EXPECT_EQ(ragged, date == "2021-07-30");
    for (std::size_t pair = 0; pair < records.size(); ++pair) {
      SCOPED_TRACE(date + " " + records[pair].text("symbol1") + " " + records[pair].text("symbol2"));
      EXPECT_EQ(correlations.overlaps[ragged ? pair : 0], records[pair].integer("observations"));
      expect_close(correlations.values[pair], records[pair], "correlation_exact", 1e-9);
      expect_close(p_values[pair], records[pair], "p_value", 1e-9);
      expect_close(q_values[pair], records[pair], "q_value", 1e-9);
    }
  }
}

// skfolio's prices of 20 stocks, the last 252 simple returns: scipy.stats.pearsonr.
TEST(Correlation, AgreesWithPublishedFiguresOfTwentyStocks) {
  PB_SKIP_WITHOUT_SHARED_DATA();
  const auto records = pb::test::read_shared_records("skfolio/sp500_dataset.csv.gz");
  Matrix returns(252, 20);
  for (Eigen::Index t = 0; t < 252; ++t)
    for (Eigen::Index i = 0; i < 20; ++i) {
      const auto price = [&](std::size_t back) {
        return std::stod(
            records.at(records.size() - 252 + static_cast<std::size_t>(t) - back).at(static_cast<std::size_t>(i) + 1));
      };
      returns(t, i) = price(0) / price(1) - 1;
    }
  const Correlations correlations = pairwise_correlations(returns);
  EXPECT_EQ(correlations.overlaps, std::vector<int>{252});
  const double apple_microsoft = correlations.value(0, 12);
  EXPECT_LE(relative_error(apple_microsoft, .8208633322850412), 1e-13);
  EXPECT_LE(relative_error(correlation_p_value(apple_microsoft, 252), 9.336e-63), 1e-4);
  EXPECT_LE(relative_error(correlations.value(15, 16), .08896872675370773), 1e-12);
  EXPECT_LE(relative_error(correlation_p_value(correlations.value(15, 16), 252), .1590994150838375), 1e-12);
  const double sum = std::accumulate(correlations.values.begin(), correlations.values.end(), 0.0);
  EXPECT_LE(relative_error(sum / 190, .3756911181186204), 1e-13);
}

// scipy's own tests of pearsonr: sizes at which squares over- and underflow.
TEST(Correlation, KeepsItsDigitsAtAnyScale) {
  const Correlations basic = of_two({1, 2, 3, 4}, {0, 1, .5, 1});
  EXPECT_LE(relative_error(basic.values[0], .6741998624632421), 1e-15);
  EXPECT_LE(relative_error(correlation_p_value(basic.values[0], 4), .325800137536), 1e-11);
  const Correlations tiny = of_two({0.004434375, 0.004756007, 0.003911996, 0.0038005, 0.003409971},
                                   {2.48e-188, 7.41e-181, 4.09e-208, 2.08e-223, 2.66e-245});
  EXPECT_LE(relative_error(tiny.values[0], .7272930540750450), 1e-14);
  EXPECT_LE(relative_error(correlation_p_value(tiny.values[0], 5), .1637805429533202), 1e-13);
  const Correlations large = of_two({0, 0, 0, 1e90, 1e90, 1e90, 1e90}, {0, 1e90, 2e90, 3e90, 4e90, 5e90, 6e90});
  EXPECT_LE(relative_error(large.values[0], .8660254037844386), 1e-15);
  EXPECT_LE(relative_error(correlation_p_value(large.values[0], 7), .011724811003954638), 1e-13);
  const Correlations huge = of_two({2.3e200, 4.5e200, 6.7e200, 8e200}, {1.2e199, 5.5e200, 3.3e201, 1.0e200});
  EXPECT_LE(relative_error(huge.values[0], .351312332103289), 1e-14);
  EXPECT_LE(relative_error(correlation_p_value(huge.values[0], 4), .648687667896711), 1e-13);
  const Correlations subnormal = of_two({1e-310, 3e-310, 2e-310}, {1, 3, 2});
  EXPECT_NEAR(subnormal.values[0], 1, 1e-12);
  // Far from 0 compared with its variation: so far that the rounding of the mean shows in it.
  const std::vector<double> other{0, 1, .5, 1, 3, 2, 2.5};
  std::vector<double> near{1, 4, 2, 7, 3, 9, 5};
  const Correlations centered = of_two(near, other);
  for (double& value : near) value += std::ldexp(1.0, 47);
  EXPECT_LE(relative_error(of_two(near, other).values[0], centered.values[0]), 1e-14);
}

// ---- the error bound -----------------------------------------------------------------------------------------------

TEST(Correlation, BoundHoldsWhenSessionsAreShared) {
  for (const int sessions : {2, 3, 60, 126, 1000}) {
    Matrix returns = generated_returns(sessions, 37, static_cast<std::uint64_t>(sessions));
    EXPECT_LE(largest_error(returns, pairwise_correlations(returns, any_scale)), shared_bound(sessions)) << sessions;
    if (sessions < 60) continue;
    returns.middleRows(20, 11).setConstant(nan);
    const Correlations with_gap = pairwise_correlations(returns, any_scale);
    EXPECT_EQ(with_gap.overlaps, std::vector<int>{sessions - 11});
    EXPECT_LE(largest_error(returns, with_gap), shared_bound(sessions)) << sessions;
  }
}

TEST(Correlation, BoundHoldsForRaggedBlocks) {
  for (const double missing : {0.02, 0.1, 0.3, 0.5, 0.7, 0.9}) {
    Matrix returns = generated_returns(126, 70, 7);
    remove_cells(returns, missing, 8);
    const Correlations correlations = pairwise_correlations(returns, {.min_overlap = missing > 0.6 ? 3 : 20});
    EXPECT_LE(largest_error(returns, correlations), 1e-13) << missing;
  }
}

// Jumps of all sizes that only some pairs see: what is left of a series in an overlap is anything from all of it to
// 1e-20 of its variation, and sums over all sessions lose up to every digit.
TEST(Correlation, BoundHoldsWhereTheOverlapMissesAJump) {
  const int sessions = 126;
  Matrix returns = generated_returns(sessions, 60, 9);
  std::mt19937_64 random(10);
  for (int i = 0; i < 60; ++i) {
    const int jump = static_cast<int>(random() % sessions);
    returns(jump, i) = std::pow(10.0, i % 10 - 1.0);
    for (int other = 0; other < 60; ++other)
      if (other != i && random() % 2 == 0) returns(jump, other) = nan;
  }
  const Correlations correlations = pairwise_correlations(returns, {.min_overlap = 20});
  EXPECT_LE(largest_error(returns, correlations), 128 * sessions * unit_roundoff);
}

TEST(Correlation, HasEveryPairOfEveryBlockSize) {
  for (int symbols = 0; symbols <= 21; ++symbols) {
    Matrix returns = generated_returns(60, symbols, 11);
    EXPECT_LE(largest_error(returns, pairwise_correlations(returns)), shared_bound(60)) << symbols;
    for (int i = 0; i < symbols; i += 3) returns(i, i) = nan;
    const Correlations ragged = pairwise_correlations(returns, {.min_overlap = 30});
    EXPECT_EQ(ragged.values.size(), packed_size(symbols));
    EXPECT_EQ(ragged.symbols, symbols);
    EXPECT_LE(largest_error(returns, ragged), 1e-13) << symbols;
  }
  // Several strips, complete and ragged symbols side by side.
  Matrix returns = generated_returns(80, 203, 12);
  for (int i = 0; i < 203; i += 10) returns.col(i).head(1 + i / 10).setConstant(nan);
  EXPECT_LE(largest_error(returns, pairwise_correlations(returns, {.min_overlap = 59})), 1e-13);
}

// ---- invariants ----------------------------------------------------------------------------------------------------

TEST(Correlation, DoesNotDependOnOrderOrCompany) {
  Matrix returns = generated_returns(126, 90, 13);
  for (int i = 0; i < 90; i += 4) returns.col(i).head(3 * i / 4).setConstant(nan);
  returns(100, 2) = 7;  // a jump, and a gap that hides it
  returns(100, 3) = nan;
  const Correlations all = pairwise_correlations(returns);
  std::vector<int> order(90);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(14));
  for (const int kept : {90, 61, 2}) {
    order.resize(static_cast<std::size_t>(kept));
    const Matrix part = returns(pb::core::every, order);
    const Correlations some = pairwise_correlations(part);
    for (int i = 1; i < kept; ++i)
      for (int j = 0; j < i; ++j) {
        const int a = order[static_cast<std::size_t>(i)];
        const int b = order[static_cast<std::size_t>(j)];
        ASSERT_EQ(bits(some.value(i, j)), bits(all.value(a, b))) << a << ", " << b;
        ASSERT_EQ(some.overlap(i, j), all.overlap(a, b)) << a << ", " << b;
      }
  }
}

// A young listing must not change what is known of the others, not even by a rounding.
TEST(Correlation, AnotherSymbolChangesNoBit) {
  const Matrix returns = generated_returns(126, 9, 15);
  const Correlations before = pairwise_correlations(returns);
  Matrix wider(126, 10);
  wider << returns, generated_returns(126, 1, 16);
  wider.col(9).head(100).setConstant(nan);
  Correlations after = pairwise_correlations(wider);
  EXPECT_EQ(after.reasons[9], Reason::insufficient_data);
  after.values.resize(before.values.size());
  EXPECT_EQ(all_bits(after.values), all_bits(before.values));
  EXPECT_EQ(before.overlaps, std::vector<int>{126});
  EXPECT_EQ(after.overlap(3, 2), 126);
  EXPECT_EQ(after.overlap(9, 2), 26);
}

TEST(Correlation, DoesNotChangeWithUnitOrMean) {
  Matrix returns = generated_returns(126, 20, 17);
  remove_cells(returns, 0.2, 18);
  const Correlations before = pairwise_correlations(returns, {.min_overlap = 20});
  const Correlations scaled = pairwise_correlations(-64 * returns, {.min_overlap = 20});
  EXPECT_EQ(all_bits(scaled.values), all_bits(before.values));
  const Matrix percent = (100 * returns).array() + 3;
  const Correlations shifted = pairwise_correlations(percent, {.min_overlap = 20});
  Matrix flipped = returns;
  flipped.col(4) *= -1;
  const Correlations mirrored = pairwise_correlations(flipped, {.min_overlap = 20});
  for (int i = 1; i < 20; ++i)
    for (int j = 0; j < i; ++j) {
      EXPECT_NEAR(shifted.value(i, j), before.value(i, j), 1e-13);
      EXPECT_EQ(mirrored.value(i, j), i == 4 || j == 4 ? -before.value(i, j) : before.value(i, j));
    }
}

TEST(Correlation, CompleteBlockIsACorrelationMatrix) {
  for (const int symbols : {10, 60, 150}) {
    const Correlations correlations = pairwise_correlations(generated_returns(61, symbols, 19));
    const Matrix square = pb::core::unpack_triangle(correlations.values, symbols);
    EXPECT_GE(Eigen::SelfAdjointEigenSolver<Matrix>(square).eigenvalues()(0), -1e-12) << symbols;
    EXPECT_LE(square.cwiseAbs().maxCoeff(), 1);
    EXPECT_EQ(square, square.transpose());
  }
}

TEST(Correlation, OfASeriesWithItselfIsOne) {
  Matrix returns = generated_returns(126, 4, 20);
  returns.col(1) = returns.col(0);
  returns.col(2) = -3 * returns.col(0);
  returns.col(3) = returns.col(0);
  returns.col(3).head(40).setConstant(nan);
  const Correlations correlations = pairwise_correlations(returns);
  for (const auto& [i, j, expected] : {std::tuple{1, 0, 1.0}, {2, 0, -1.0}, {3, 0, 1.0}, {3, 2, -1.0}}) {
    EXPECT_NEAR(correlations.value(i, j), expected, 1e-15);
    EXPECT_LE(std::fabs(correlations.value(i, j)), 1);
  }
}

// ---- what has no correlation ---------------------------------------------------------------------------------------

TEST(Correlation, NeedsEnoughCommonReturns) {
  Matrix returns = generated_returns(126, 3, 21);
  returns.col(0).tail(66).setConstant(nan);  // the first 60
  returns.col(1).head(1).setConstant(nan);   // of which 59 are common
  const Correlations correlations = pairwise_correlations(returns);
  EXPECT_EQ(correlations.overlaps, (std::vector<int>{59, 60, 125}));
  EXPECT_TRUE(std::isnan(correlations.values[0]));
  EXPECT_FALSE(std::isnan(correlations.values[1]));
  EXPECT_FALSE(std::isnan(correlations.values[2]));
  EXPECT_EQ(correlations.reason(1, 0), Reason::insufficient_data);
  EXPECT_EQ(correlations.reasons[0], Reason::none);
}

TEST(Correlation, OverlapsAreOneValueWhenAllAreEqual) {
  Matrix returns = generated_returns(126, 3, 22);
  for (int i = 0; i < 3; ++i) returns(10 + i, i) = nan;  // three patterns, but each pair has lost two sessions
  EXPECT_EQ(pairwise_correlations(returns).overlaps, std::vector<int>{124});
  EXPECT_EQ(pairwise_correlations(returns).overlap(2, 1), 124);
}

TEST(Correlation, ConstantSeriesHaveNone) {
  Matrix returns = generated_returns(126, 6, 23);
  returns.col(1).setConstant(0);
  returns.col(2).setConstant(0.0001);  // its mean is not exact in binary
  returns.col(3).setConstant(nan);
  returns.col(4) *= 1e-8;  // varies less than a return can
  for (const bool ragged : {false, true}) {
    if (ragged) returns(5, 5) = nan;
    const Correlations correlations = pairwise_correlations(returns);
    for (const int constant : {1, 2, 4}) {
      EXPECT_TRUE(std::isnan(correlations.value(constant, 0))) << constant;
      EXPECT_TRUE(std::isnan(correlations.value(constant, 5))) << constant;
      EXPECT_EQ(correlations.reason(0, constant), Reason::constant_series);
    }
    EXPECT_EQ(correlations.reason(3, 0), Reason::no_prices);
    EXPECT_EQ(correlations.overlap(3, 0), 0);
    EXPECT_FALSE(std::isnan(correlations.value(5, 0)));
  }
  EXPECT_FALSE(std::isnan(pairwise_correlations(returns, {.constant_variance = 0}).value(4, 0)));
}

// One return fewer than the minimum is too few, the minimum is enough, whether there is a correlation or not.
TEST(Correlation, ReasonsAtTheMinimumOverlap) {
  for (const int overlap : {59, 60}) {
    SCOPED_TRACE(overlap);
    Matrix returns = generated_returns(126, 5, 25);
    returns.col(0).tail(overlap).setConstant(0);
    returns.col(1).head(126 - overlap).setConstant(nan);
    returns.col(4).setConstant(0.001);
    returns.col(4).head(126 - overlap).setConstant(nan);
    const Correlations correlations = pairwise_correlations(returns, {.min_overlap = 60});
    const bool enough = overlap == 60;
    EXPECT_EQ(correlations.overlap(1, 0), overlap);
    EXPECT_TRUE(std::isnan(correlations.value(1, 0)));
    EXPECT_EQ(correlations.reason(1, 0), enough ? Reason::constant_series : Reason::insufficient_data);
    EXPECT_EQ(std::isnan(correlations.value(2, 1)), !enough);
    EXPECT_EQ(correlations.reasons[1], enough ? Reason::none : Reason::insufficient_data);
    EXPECT_EQ(correlations.reasons[4], enough ? Reason::constant_series : Reason::insufficient_data);
    EXPECT_EQ(correlations.reasons[0], Reason::none);
    EXPECT_FALSE(std::isnan(correlations.value(2, 0)));
  }
  // Both have enough of their own and too little, or just enough, together.
  for (const int overlap : {59, 60}) {
    SCOPED_TRACE(overlap);
    Matrix returns = generated_returns(140, 2, 26);
    returns.col(0).tail(40).setConstant(nan);
    returns.col(0).segment(100 - overlap, overlap).setConstant(0);
    returns.col(1).head(100 - overlap).setConstant(nan);
    const Correlations correlations = pairwise_correlations(returns, {.min_overlap = 60});
    EXPECT_EQ(correlations.overlap(1, 0), overlap);
    EXPECT_EQ(correlations.reason(1, 0), overlap == 60 ? Reason::constant_series : Reason::insufficient_data);
    EXPECT_EQ(correlations.reasons[0], Reason::none);
    EXPECT_EQ(correlations.reasons[1], Reason::none);
  }
}

// Varies, but not while the other one trades.
TEST(Correlation, ConstantOverTheOverlapHasNone) {
  Matrix returns = generated_returns(126, 3, 24);
  returns.col(0).tail(80).setConstant(0);
  returns.col(1).head(46).setConstant(nan);
  const Correlations correlations = pairwise_correlations(returns);
  EXPECT_EQ(correlations.overlap(1, 0), 80);
  EXPECT_TRUE(std::isnan(correlations.value(1, 0)));
  EXPECT_EQ(correlations.reason(1, 0), Reason::constant_series);
  EXPECT_EQ(correlations.reasons[0], Reason::none);
  EXPECT_FALSE(std::isnan(correlations.value(2, 0)));
}

TEST(Correlation, InfiniteIsMissing) {
  Matrix returns = generated_returns(126, 2, 25);
  Matrix with_infinity = returns;
  returns(7, 0) = nan;
  with_infinity(7, 0) = -infinity;
  EXPECT_EQ(all_bits(pairwise_correlations(with_infinity).values), all_bits(pairwise_correlations(returns).values));
}

TEST(Correlation, RefusesImpossibleSettings) {
  const Matrix returns = generated_returns(10, 2, 26);
  EXPECT_EQ(sqlstate_of([&] { pairwise_correlations(returns, {.min_overlap = 1}); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { pairwise_correlations(Matrix::Zero(65536, 2)); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { pairwise_correlations(Matrix::Zero(0, 2)); }), "");
}

TEST(Correlation, CountsUpToTheLargestBlock) {
  Matrix returns = generated_returns(65535, 2, 27);
  returns(3, 0) = nan;
  EXPECT_EQ(pairwise_correlations(returns).overlaps, std::vector<int>{65534});
}

int polls_until_cancel = 0;
void cancel_later() {
  if (--polls_until_cancel < 0) throw std::runtime_error("canceled");
}

TEST(Correlation, CanBeCanceled) {
  const Matrix returns = generated_returns(70, 400, 28);
  for (const int polls : {0, 1, 5, 100}) {
    polls_until_cancel = polls;
    EXPECT_THROW(pairwise_correlations(returns, {}, cancel_later), std::runtime_error) << polls;
  }
  const Correlations correlations = pairwise_correlations(returns);
  polls_until_cancel = 3;
  EXPECT_THROW(correlation_p_values(correlations, cancel_later), std::runtime_error);
}

// ---- returns -------------------------------------------------------------------------------------------------------

TEST(LogReturns, AreLogarithmsOfGrowth) {
  const Matrix simple{{0.1, -0.5, 1e-12}, {nan, -1, infinity}, {0, -1.5, 2}};
  const Matrix log = log_returns(simple);
  EXPECT_LE(relative_error(log(0, 0), 0.09531017980432487), 1e-15);
  EXPECT_LE(relative_error(log(0, 1), -0.6931471805599453), 1e-15);
  EXPECT_LE(relative_error(log(0, 2), 1e-12 - 0.5e-24), 1e-15);
  for (const auto& [i, j] : {std::pair{1, 0}, {1, 1}, {1, 2}, {2, 1}}) EXPECT_TRUE(std::isnan(log(i, j))) << i << j;
  EXPECT_EQ(log(2, 0), 0);
  EXPECT_LE(relative_error(log(2, 2), 1.0986122886681098), 1e-15);
}

TEST(LogReturns, BlockEndsWithTheSession) {
  const pb::core::Sessions sessions = pb::test::weekdays(day("2024-01-01"), 10);
  std::vector<Price> prices;
  for (int t = 0; t < 10; ++t) {
    prices.push_back({"A", sessions[t], std::exp(0.01 * t * t)});
    if (t != 6) prices.push_back({"B", sessions[t], std::exp(-0.02 * t)});
  }
  const auto panel = make_panel(sessions, prices);
  const std::vector<int> columns{1, 0};
  const Matrix block = log_return_block(panel, columns, 7, 4);
  ASSERT_EQ(block.rows(), 4);
  for (int row = 0; row < 4; ++row) {
    const int t = 4 + row;
    EXPECT_NEAR(block(row, 1), 0.01 * (2 * t - 1), 1e-15);
    if (t == 6 || t == 7)
      EXPECT_TRUE(std::isnan(block(row, 0)));
    else
      EXPECT_NEAR(block(row, 0), -0.02, 1e-15);
  }
  const Matrix early = log_return_block(panel, columns, 2, 126);
  ASSERT_EQ(early.rows(), 3);
  EXPECT_TRUE(std::isnan(early(0, 0)));
  EXPECT_NEAR(early(2, 1), 0.03, 1e-15);
  EXPECT_EQ(sqlstate_of([&] { log_return_block(panel, columns, 10, 4); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { log_return_block(panel, columns, -1, 4); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { log_return_block(panel, columns, 7, 0); }), "22023");
}

// ---- inference -----------------------------------------------------------------------------------------------------

// The specification's vectors: corr(cos 2.3t, y), and 0.257 as the 5 % critical value at 58 degrees of freedom or so.
TEST(CorrelationInference, AgreesWithTheSpecification) {
  std::vector<double> cosine;
  std::vector<double> y;
  for (int t = 1; t <= 60; ++t) {
    cosine.push_back(std::cos(2.3 * t));
    y.push_back(0.0005 + 1.2 * 0.010 * std::sin(t) + 0.0015 * std::cos(2.3 * t) + 0.004 * std::sin(3.1 * t + 0.4));
  }
  const Correlations correlations = of_two(cosine, y);
  EXPECT_NEAR(correlations.values[0], 0.085114218783, 5e-13);
  EXPECT_NEAR(correlation_p_values(correlations)[0], 0.5178921784, 5e-11);
}

// The p-value of t = r sqrt((n - 2) / (1 - r^2)) by Student's distribution is that of r.
TEST(CorrelationInference, PValueIsThatOfTheTStatistic) {
  for (const double r : {-0.9, -0.2, 1e-5, 0.3, 0.999})
    EXPECT_LE(relative_error(pb::core::student_t_p_value(r * std::sqrt(58 / ((1 - r) * (1 + r))), 58),
                             correlation_p_value(r, 60)),
              1e-12);
}

TEST(CorrelationInference, PValuesUseEachPairsOverlap) {
  Matrix returns = generated_returns(126, 5, 29);
  Correlations correlations = pairwise_correlations(returns);
  ASSERT_EQ(correlations.overlaps.size(), 1U);
  EXPECT_EQ(correlation_p_values(correlations)[4], correlation_p_value(correlations.values[4], 126));
  returns.col(2).head(30).setConstant(nan);
  returns.col(4).setConstant(nan);
  correlations = pairwise_correlations(returns);
  const std::vector<double> p_values = correlation_p_values(correlations);
  EXPECT_EQ(p_values[0], correlation_p_value(correlations.value(1, 0), 126));
  EXPECT_EQ(p_values[1], correlation_p_value(correlations.value(2, 0), 96));
  EXPECT_TRUE(std::isnan(p_values[6]));
}

}  // namespace
}  // namespace correlation_test
