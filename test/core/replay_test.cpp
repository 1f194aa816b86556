#include "core/portfolio/replay.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "risk_data.hpp"

namespace {

using pb::core::Matrix;
using pb::core::Reason;
using pb::core::replay_portfolio;
using pb::core::replay_symbol;
using pb::core::replay_window;
using pb::core::ReplayPosition;
using pb::core::ReplayWindow;
using pb::core::Sessions;
using pb::core::SymbolReplay;
using pb::core::Vector;
using pb::test::day;
using pb::test::generated_returns;
using pb::test::nan;
using pb::test::Record;
using pb::test::relative_error;
using pb::test::sqlstate_of;

Matrix generated_moves() {
  Matrix moves(generated_returns().values.rows(), 2);
  moves << generated_returns().series("market"), generated_returns().series("yield");
  return moves;
}

// ---- windows -------------------------------------------------------------------------------------------------------

TEST(ReplayWindow, StandsOnSessions) {
  const Sessions sessions = pb::test::weekdays(day("2024-01-01"), 20);  // Monday; four weeks
  const auto window = [&](const char* start, const char* end, int asof = 19) {
    return replay_window(sessions, day(start), day(end), asof);
  };
  EXPECT_EQ(window("2024-01-02", "2024-01-09")->base, 1);
  EXPECT_EQ(window("2024-01-02", "2024-01-09")->last, 6);
  // A weekend stands for the Friday before it.
  EXPECT_EQ(window("2024-01-06", "2024-01-14")->base, 4);
  EXPECT_EQ(window("2024-01-06", "2024-01-14")->last, 9);
  EXPECT_FALSE(window("2024-01-05", "2024-01-07").has_value());  // no session after the first
  // Data must reach from the first day to the last.
  EXPECT_FALSE(window("2023-12-29", "2024-01-09").has_value());
  EXPECT_TRUE(window("2024-01-01", "2024-01-26").has_value());
  EXPECT_FALSE(window("2024-01-01", "2024-01-29").has_value());
  EXPECT_FALSE(replay_window(Sessions(), day("2024-01-02"), day("2024-01-09"), 0).has_value());
}

TEST(ReplayWindow, KnowsNothingLaterThanItsDate) {
  const Sessions sessions = pb::test::weekdays(day("2024-01-01"), 20);
  EXPECT_TRUE(replay_window(sessions, day("2024-01-02"), day("2024-01-09"), 6).has_value());
  EXPECT_FALSE(replay_window(sessions, day("2024-01-02"), day("2024-01-09"), 5).has_value());
}

TEST(ReplayWindow, MustStartBeforeItEnds) {
  const Sessions sessions = pb::test::weekdays(day("2024-01-01"), 20);
  EXPECT_EQ(sqlstate_of([&] { replay_window(sessions, day("2024-01-09"), day("2024-01-09"), 19); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { replay_window(sessions, day("2024-01-10"), day("2024-01-09"), 19); }), "22023");
}

// ---- symbols -------------------------------------------------------------------------------------------------------

TEST(Replay, AgreesOnGeneratedReturns) {
  const Matrix moves = generated_moves();
  const std::vector<Record> rows = pb::test::read_csv(pb::test::golden_file("replay.csv"));
  EXPECT_EQ(rows.size(), 100u);
  for (const Record& expected : rows) {
    SCOPED_TRACE(expected.text("series") + " " + expected.text("base") + " " + expected.text("beta_market"));
    Vector betas;
    if (expected.has("beta_market")) {
      betas.resize(2);
      betas << expected.number("beta_market"), expected.number("beta_yield");
    }
    const SymbolReplay replay = replay_symbol(generated_returns().series(expected.text("series")), moves, betas,
                                              {expected.integer("base"), expected.integer("last")});
    ASSERT_EQ(replay.total_return.has_value(), expected.has("total_return"));
    if (!replay.total_return.has_value()) continue;
    EXPECT_NEAR(*replay.total_return, expected.number("total_return"), 1e-13 * (1 + *replay.total_return));
    EXPECT_EQ(replay.proxied_sessions, expected.integer("proxied_sessions"));
    EXPECT_EQ(replay.proxied(), expected.integer("proxied_sessions") > 0);
  }
}

TEST(ReplayReal, IsTheChangeOfThePrice) {
  PB_SKIP_WITHOUT_SHARED_DATA();
  const pb::test::RealMarket& market = pb::test::real_market();
  const auto window =
      replay_window(market.sessions, day("2020-02-19"), day("2020-03-23"), market.sessions.size() - 1).value();
  Matrix moves = market.returns("SPY");
  for (const char* symbol : {"SPY", "AAPL", "TLT", "XOM"}) {
    const int column = market.panel.column(symbol).value();
    const SymbolReplay replay = replay_symbol(market.returns(symbol), moves, Vector(), window);
    const double expected = market.panel.close(window.last, column) / market.panel.close(window.base, column) - 1;
    EXPECT_LE(relative_error(*replay.total_return, expected), 1e-12) << symbol;
    EXPECT_FALSE(replay.proxied());
  }
  EXPECT_NEAR(*replay_symbol(moves, moves, Vector(), window).total_return, -0.337, 0.001);
  // Not yet listed: without a model nothing is known, with one the market stands in.
  const Vector young = market.returns("COIN");
  EXPECT_EQ(replay_symbol(young, moves, Vector(), window).total_return.reason(), Reason::insufficient_data);
  const SymbolReplay proxied = replay_symbol(young, moves, Vector::Constant(1, 1.0), window);
  EXPECT_EQ(proxied.proxied_sessions, window.last - window.base);
  EXPECT_EQ(*proxied.total_return, *replay_symbol(moves, moves, Vector(), window).total_return);
}

TEST(Replay, OwnReturnsComeFirst) {
  const Vector returns = Eigen::Vector4d(nan, 0.1, nan, -0.5);
  Matrix moves = Vector(Eigen::Vector4d(nan, 0.7, 0.2, nan));
  const SymbolReplay replay = replay_symbol(returns, moves, Vector::Constant(1, 2.0), {0, 3});
  EXPECT_DOUBLE_EQ(*replay.total_return, 1.1 * 1.4 * 0.5 - 1);
  EXPECT_EQ(replay.proxied_sessions, 1);
  // The first session of the window is the one after its base.
  EXPECT_DOUBLE_EQ(*replay_symbol(returns, moves, Vector::Constant(1, 2.0), {1, 3}).total_return, 1.4 * 0.5 - 1);
}

TEST(Replay, NeedsTheMovesItsModelAsksFor) {
  const Vector returns = Eigen::Vector3d(nan, nan, 0.1);
  Matrix moves(3, 2);
  moves << nan, nan, 0.1, nan, 0.1, nan;
  EXPECT_TRUE(replay_symbol(returns, moves, Eigen::Vector2d(1, 0), {0, 2}).total_return.has_value());
  EXPECT_FALSE(replay_symbol(returns, moves, Eigen::Vector2d(1, 0.1), {0, 2}).total_return.has_value());
  EXPECT_FALSE(replay_symbol(returns, moves, Eigen::Vector2d(nan, 0), {0, 2}).total_return.has_value());
  EXPECT_FALSE(replay_symbol(returns, moves, Vector(), {0, 2}).total_return.has_value());
  EXPECT_EQ(sqlstate_of([&] { replay_symbol(returns, moves, Vector::Ones(1), {0, 2}); }), "22023");
}

TEST(Replay, ModelLosesNoMoreThanEverything) {
  const Vector returns = Eigen::Vector3d(nan, nan, 0.5);
  Matrix moves = Vector(Eigen::Vector3d(nan, -0.4, 0));
  EXPECT_EQ(*replay_symbol(returns, moves, Vector::Constant(1, 3.0), {0, 2}).total_return, -1);
}

// ---- portfolios ----------------------------------------------------------------------------------------------------

SymbolReplay known(double total_return, int proxied = 0) {
  SymbolReplay replay;
  replay.total_return = total_return;
  replay.proxied_sessions = proxied;
  return replay;
}

TEST(ReplayPortfolio, SumsWhatIsHeld) {
  const SymbolReplay down = known(-0.3);
  const SymbolReplay up = known(0.2, 5);
  const SymbolReplay unknown;
  const std::vector<ReplayPosition> positions{{1000, &down}, {-500, &down}, {300, &up}, {-200, &unknown}};
  const auto result = replay_portfolio(positions);
  EXPECT_DOUBLE_EQ(*result.pnl, -300 + 150 + 60);
  EXPECT_DOUBLE_EQ(result.coverage, 0.9);
  EXPECT_DOUBLE_EQ(result.proxied, 0.15);
}

TEST(ReplayPortfolio, OfNothingIsZeroAndOfTheUnknownMissing) {
  EXPECT_EQ(*replay_portfolio({}).pnl, 0);
  const SymbolReplay unknown;
  const std::vector<ReplayPosition> positions{{1000, &unknown}};
  EXPECT_EQ(replay_portfolio(positions).pnl.reason(), Reason::insufficient_data);
  EXPECT_EQ(replay_portfolio(positions).coverage, 0);
}

}  // namespace
