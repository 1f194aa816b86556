#include "core/stats/window.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "support.hpp"

namespace window_test {
namespace {

using pb::core::describe_sample;
using pb::core::group_by_observations;
using pb::core::is_constant;
using pb::core::Matrix;
using pb::core::newest_sessions;
using pb::core::ObservationGroup;
using pb::core::Quality;
using pb::core::Reason;
using pb::core::Sample;
using pb::core::search_span;
using pb::core::Vector;
using pb::core::WindowSettings;
using pb::test::day;
using pb::test::nan;

constexpr WindowSettings settings{.window = 4, .min_observations = 2, .limited_below = 3};

TEST(Window, SearchSpanIsHalfAsMuchAgain) {
  EXPECT_EQ(search_span(252), 378);
  EXPECT_EQ(search_span(63), 95);
  EXPECT_EQ(search_span(1), 2);
}

TEST(Window, NewestSessionsAreCountedAndAscend) {
  const auto any = [](int) { return true; };
  EXPECT_EQ(newest_sessions(9, 4, any), (std::vector<int>{6, 7, 8, 9}));
  EXPECT_EQ(newest_sessions(9, 4, [](int t) { return t % 2 == 0; }), (std::vector<int>{4, 6, 8}));  // span of six
  EXPECT_EQ(newest_sessions(2, 4, any), (std::vector<int>{1, 2}));  // the first session has no return
  EXPECT_TRUE(newest_sessions(0, 4, any).empty());
  EXPECT_TRUE(newest_sessions(9, 4, [](int) { return false; }).empty());
}

TEST(Quality, TheWorstFlagWins) {
  using pb::core::worse_of;
  const std::vector<Quality> flags{Quality::full_history, Quality::limited_history, Quality::split_in_prices,
                                   Quality::stale, Quality::insufficient_data};
  const std::vector<std::string> words{"full_history", "limited_history", "split_in_prices", "stale",
                                       "insufficient_data"};
  for (std::size_t i = 0; i < flags.size(); ++i) {
    EXPECT_EQ(to_word(flags[i]), words[i]);
    for (std::size_t j = 0; j < flags.size(); ++j) EXPECT_EQ(worse_of(flags[i], flags[j]), flags[std::max(i, j)]);
  }
}

TEST(Window, SampleIsDatedAndFlagged) {
  const auto sessions = pb::test::weekdays(day("2024-01-01"), 10);
  const Sample full = describe_sample({3, 5, 6}, sessions, settings);
  EXPECT_EQ(full.observations, 3);
  EXPECT_EQ(full.window_start, sessions[3]);
  EXPECT_EQ(full.window_end, sessions[6]);
  EXPECT_EQ(full.quality_flag, Quality::full_history);
  EXPECT_EQ(full.reason, Reason::none);
  EXPECT_EQ(describe_sample({3, 5}, sessions, settings).quality_flag, Quality::limited_history);
  const Sample few = describe_sample({7}, sessions, settings);
  EXPECT_EQ(few.quality_flag, Quality::insufficient_data);
  EXPECT_EQ(few.reason, Reason::insufficient_data);
  EXPECT_EQ(few.window_start, sessions[7]);
  const Sample none = describe_sample({}, sessions, {.window = 4, .min_observations = 0, .limited_below = 0});
  EXPECT_EQ(none.reason, Reason::insufficient_data);
  EXPECT_FALSE(none.window_start.has_value());
}

TEST(Window, ConstantIsWhatOnlyRoundingMoves) {
  EXPECT_TRUE(is_constant(Vector::Constant(50, 0.1)));
  EXPECT_TRUE(is_constant(0.01 + 1e-10 * Vector::LinSpaced(50, -1, 1).array()));
  EXPECT_FALSE(is_constant(0.01 + 1e-8 * Vector::LinSpaced(50, -1, 1).array()));
}

TEST(Window, SymbolsWithTheSameDaysShareAGroup) {
  Matrix returns = Matrix::Constant(10, 5, 0.01);
  returns(7, 1) = nan;
  returns(7, 4) = nan;
  returns(1, 2) = nan;  // before anybody's window
  returns.col(3).setConstant(nan);
  std::vector<bool> regressors(10, true);
  regressors[8] = false;
  const std::vector<int> columns{4, 0, 3, 2, 1};
  const std::vector<ObservationGroup> groups = group_by_observations(returns, columns, regressors, 9, 4);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].days, (std::vector<int>{4, 5, 6, 9}));
  EXPECT_EQ(groups[0].members, (std::vector<int>{0, 4}));
  EXPECT_EQ(groups[1].days, (std::vector<int>{5, 6, 7, 9}));
  EXPECT_EQ(groups[1].members, (std::vector<int>{1, 3}));
  EXPECT_TRUE(groups[2].days.empty());
  EXPECT_EQ(groups[2].members, (std::vector<int>{2}));
  EXPECT_THROW(group_by_observations(returns, columns, regressors, 9, 4, [] { throw std::runtime_error("canceled"); }),
               std::runtime_error);
}

}  // namespace
}  // namespace window_test
