#include "core/portfolio/replay.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "risk_data.hpp"

namespace replay_test {
namespace {

using pb::core::Matrix;
using pb::core::Reason;
using pb::core::replay_portfolio;
using pb::core::replay_symbol;
using pb::core::replay_window;
using pb::core::ReplayBetas;
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
  for (Eigen::Index t = 0; t < moves.rows(); t += 7) moves(t, 1) = nan;
  return moves;
}

ReplayBetas of_factors(const Vector& betas) { return {.factors = betas}; }

// ---- windows -------------------------------------------------------------------------------------------------------

TEST(ReplayWindow, StandsOnSessions) {
  const Sessions sessions = pb::test::weekdays(day("2024-01-01"), 20);  // Monday; four weeks
  const auto window = [&](const char* start, const char* end) {
    return replay_window(sessions, day(start), day(end), day("2024-06-28"));
  };
  EXPECT_EQ(window("2024-01-02", "2024-01-09")->base, 1);
  EXPECT_EQ(window("2024-01-02", "2024-01-09")->last, 6);
  // A weekend stands for the Friday before it, also where the sessions end with that Friday.
  EXPECT_EQ(window("2024-01-06", "2024-01-14")->base, 4);
  EXPECT_EQ(window("2024-01-06", "2024-01-14")->last, 9);
  EXPECT_EQ(window("2024-01-02", "2024-01-28")->last, 19);
  EXPECT_FALSE(window("2024-01-05", "2024-01-07").has_value());  // no session after the first
  EXPECT_TRUE(window("2024-01-01", "2024-01-26").has_value());
  EXPECT_FALSE(window("2023-12-29", "2024-01-09").has_value());  // none on or before the first day
  EXPECT_FALSE(replay_window(Sessions(), day("2024-01-02"), day("2024-01-09"), day("2024-06-28")).has_value());
}

TEST(ReplayWindow, KnowsNothingLaterThanItsDate) {
  const Sessions sessions = pb::test::weekdays(day("2024-01-01"), 20);
  const auto is_known = [&](const char* end, const char* asof) {
    return replay_window(sessions, day("2024-01-02"), day(end), day(asof)).has_value();
  };
  EXPECT_TRUE(is_known("2024-01-09", "2024-01-09"));
  EXPECT_FALSE(is_known("2024-01-09", "2024-01-08"));
  // The window is over with its last session, not with the weekend after it.
  EXPECT_TRUE(is_known("2024-01-14", "2024-01-12"));
  EXPECT_FALSE(is_known("2024-01-14", "2024-01-11"));
}

TEST(ReplayWindow, MustStartBeforeItEnds) {
  const Sessions sessions = pb::test::weekdays(day("2024-01-01"), 20);
  const auto asof = day("2024-06-28");
  EXPECT_EQ(sqlstate_of([&] { replay_window(sessions, day("2024-01-09"), day("2024-01-09"), asof); }), "22023");
  EXPECT_EQ(sqlstate_of([&] { replay_window(sessions, day("2024-01-10"), day("2024-01-09"), asof); }), "22023");
}

// ---- symbols -------------------------------------------------------------------------------------------------------

TEST(Replay, AgreesOnGeneratedReturns) {
  const Matrix moves = generated_moves();
  const std::vector<Record> rows = pb::test::read_csv(pb::test::golden_file("replay.csv"));
  EXPECT_EQ(rows.size(), 150u);
  int both = 0;
  for (const Record& expected : rows) {
    SCOPED_TRACE(expected.text("series") + " " + expected.text("base") + " " + expected.text("beta_market"));
    ReplayBetas betas;
    if (expected.has("beta_market"))
      betas.factors = Eigen::Vector2d(expected.number("beta_market"), expected.number("beta_yield"));
    if (expected.has("beta_alone")) betas.market = expected.number("beta_alone");
    const SymbolReplay replay = replay_symbol(generated_returns().series(expected.text("series")), moves, betas,
                                              {expected.integer("base"), expected.integer("last")});
    ASSERT_EQ(replay.total_return.has_value(), expected.has("total_return"));
    if (!replay.total_return.has_value()) continue;
    EXPECT_NEAR(*replay.total_return, expected.number("total_return"), 1e-13 * (1 + *replay.total_return));
    EXPECT_EQ(replay.by_factors, expected.integer("by_factors"));
    EXPECT_EQ(replay.by_market, expected.integer("by_market"));
    EXPECT_EQ(replay.proxied(), replay.by_factors + replay.by_market > 0);
    both += replay.by_factors > 0 && replay.by_market > 0;
  }
  EXPECT_GE(both, 10);  // series for which one stands in as far as it reaches, and then the other
}

TEST(ReplayReal, IsTheChangeOfThePrice) {
  PB_SKIP_WITHOUT_SHARED_DATA();
  const pb::test::RealMarket& market = pb::test::real_market();
  const auto window = replay_window(market.sessions, day("2020-02-19"), day("2020-03-23"), day("2024-12-31")).value();
  Matrix moves = market.returns("SPY");
  for (const char* symbol : {"SPY", "AAPL", "TLT", "XOM"}) {
    const int column = market.panel.column(symbol).value();
    const SymbolReplay replay = replay_symbol(market.returns(symbol), moves, {}, window);
    const double expected = market.panel.close(window.last, column) / market.panel.close(window.base, column) - 1;
    EXPECT_LE(relative_error(*replay.total_return, expected), 1e-12) << symbol;
    EXPECT_FALSE(replay.proxied());
  }
  EXPECT_NEAR(*replay_symbol(moves, moves, {}, window).total_return, -0.337, 0.001);
  // Not yet listed: without a model nothing is known, with one the market stands in.
  const Vector young = market.returns("COIN");
  EXPECT_EQ(replay_symbol(young, moves, {}, window).total_return.reason(), Reason::insufficient_data);
  const SymbolReplay proxied = replay_symbol(young, moves, of_factors(Vector::Constant(1, 1.0)), window);
  EXPECT_EQ(proxied.by_factors, window.last - window.base);
  EXPECT_EQ(*proxied.total_return, *replay_symbol(moves, moves, {}, window).total_return);
}

TEST(Replay, OwnReturnsComeFirst) {
  const Vector returns = Eigen::Vector4d(nan, 0.1, nan, -0.5);
  Matrix moves = Vector(Eigen::Vector4d(nan, 0.7, 0.2, nan));
  const SymbolReplay replay = replay_symbol(returns, moves, of_factors(Vector::Constant(1, 2.0)), {0, 3});
  EXPECT_DOUBLE_EQ(*replay.total_return, 1.1 * 1.4 * 0.5 - 1);
  EXPECT_EQ(replay.by_factors, 1);
  EXPECT_EQ(replay.by_market, 0);
  // The first session of the window is the one after its base.
  EXPECT_DOUBLE_EQ(*replay_symbol(returns, moves, of_factors(Vector::Constant(1, 2.0)), {1, 3}).total_return,
                   1.4 * 0.5 - 1);
}

TEST(Replay, NeedsTheMovesItsModelAsksFor) {
  const Vector returns = Eigen::Vector3d(nan, nan, 0.1);
  Matrix moves(3, 2);
  moves << nan, nan, 0.1, nan, 0.1, nan;
  const auto replay = [&](const ReplayBetas& betas) { return replay_symbol(returns, moves, betas, {0, 2}); };
  EXPECT_TRUE(replay(of_factors(Eigen::Vector2d(1, 0))).total_return.has_value());
  EXPECT_FALSE(replay(of_factors(Eigen::Vector2d(1, 0.1))).total_return.has_value());
  EXPECT_FALSE(replay(of_factors(Eigen::Vector2d(nan, 0))).total_return.has_value());
  EXPECT_FALSE(replay({}).total_return.has_value());
  EXPECT_EQ(sqlstate_of([&] { replay(of_factors(Vector::Ones(1))); }), "22023");
}

// A factor whose fund did not exist yet: the market beta does what the model cannot, session by session.
TEST(Replay, FallsBackToTheMarketBeta) {
  const Vector returns = Eigen::Vector4d(nan, nan, nan, 0.1);
  Matrix moves(4, 2);
  moves << nan, nan, 0.1, nan, 0.2, 0.3, 0.4, nan;
  const ReplayBetas betas{Eigen::Vector2d(1, 0.5), 1.5};
  const SymbolReplay replay = replay_symbol(returns, moves, betas, {0, 3});
  EXPECT_DOUBLE_EQ(*replay.total_return, (1 + 1.5 * 0.1) * (1 + 0.2 + 0.5 * 0.3) * 1.1 - 1);
  EXPECT_EQ(replay.by_factors, 1);
  EXPECT_EQ(replay.by_market, 1);
  // Without a model the market beta is all there is; without either nothing.
  EXPECT_DOUBLE_EQ(*replay_symbol(returns, moves, {{}, 1.5}, {0, 3}).total_return, 1.15 * 1.3 * 1.1 - 1);
  EXPECT_FALSE(replay_symbol(returns, moves, of_factors(Eigen::Vector2d(1, 0.5)), {0, 3}).total_return.has_value());
  EXPECT_EQ(*replay_symbol(returns, moves, {{}, -20}, {0, 1}).total_return, -1);
}

TEST(Replay, ModelLosesNoMoreThanEverything) {
  const Vector returns = Eigen::Vector3d(nan, nan, 0.5);
  Matrix moves = Vector(Eigen::Vector3d(nan, -0.4, 0));
  EXPECT_EQ(*replay_symbol(returns, moves, of_factors(Vector::Constant(1, 3.0)), {0, 2}).total_return, -1);
}

// ---- portfolios ----------------------------------------------------------------------------------------------------

SymbolReplay known(double total_return, int by_factors = 0, int by_market = 0) {
  SymbolReplay replay;
  replay.total_return = total_return;
  replay.by_factors = by_factors;
  replay.by_market = by_market;
  return replay;
}

TEST(ReplayPortfolio, SumsWhatIsHeld) {
  const SymbolReplay down = known(-0.3);
  const SymbolReplay up = known(0.2, 5, 2);
  const SymbolReplay flat = known(0, 0, 3);
  const SymbolReplay unknown;
  // Of what is down 1000 are long and 500 short, and 100 of the whole have no symbol.
  const std::vector<ReplayPosition> positions{
      {500, 1500, &down}, {300, 300, &up}, {-100, 100, &flat}, {-200, 200, &unknown}};
  const auto result = replay_portfolio(positions, 2200);
  EXPECT_DOUBLE_EQ(*result.pnl, -150 + 60);
  EXPECT_DOUBLE_EQ(result.coverage, 1900. / 2200);
  EXPECT_DOUBLE_EQ(result.proxied, 400. / 2200);
  EXPECT_DOUBLE_EQ(result.by_factors, 300. / 2200);
  EXPECT_DOUBLE_EQ(result.by_market, 400. / 2200);
  EXPECT_EQ(result.reason, Reason::partial_coverage);
}

// Lots that net out have no P&L, and count in what is covered.
TEST(ReplayPortfolio, SharesAreOfTheLots) {
  const SymbolReplay proxied = known(-0.3, 5);
  const SymbolReplay own = known(0.1);
  const std::vector<ReplayPosition> positions{{0, 2000, &proxied}, {100, 100, &own}};
  const auto result = replay_portfolio(positions, 2100);
  EXPECT_DOUBLE_EQ(*result.pnl, 10);
  EXPECT_EQ(result.coverage, 1);
  EXPECT_DOUBLE_EQ(result.proxied, 2000. / 2100);
  EXPECT_EQ(result.reason, Reason::none);
  const auto hedged = replay_portfolio(std::span(positions).first(1), 2000);
  EXPECT_EQ(*hedged.pnl, 0);
  EXPECT_EQ(hedged.proxied, 1);
  // Rounding makes no share of more than the whole.
  EXPECT_EQ(replay_portfolio(std::span(positions).first(1), 2000 * (1 - 1e-15)).coverage, 1);
}

TEST(ReplayPortfolio, SaysWhenItIsOfAPart) {
  const SymbolReplay own = known(0.1);
  const std::vector<ReplayPosition> positions{{950, 950, &own}};
  EXPECT_EQ(replay_portfolio(positions, 1000).reason, Reason::none);
  EXPECT_EQ(replay_portfolio(positions, 1001).reason, Reason::partial_coverage);
  EXPECT_TRUE(replay_portfolio(positions, 1001).pnl.has_value());
}

TEST(ReplayPortfolio, OfNothingIsZeroAndOfTheUnknownMissing) {
  EXPECT_EQ(*replay_portfolio({}, 0).pnl, 0);
  const SymbolReplay unknown;
  const std::vector<ReplayPosition> positions{{1000, 1000, &unknown}};
  EXPECT_EQ(replay_portfolio(positions, 1000).pnl.reason(), Reason::insufficient_data);
  EXPECT_EQ(replay_portfolio(positions, 1000).reason, Reason::insufficient_data);
  EXPECT_EQ(replay_portfolio(positions, 1000).coverage, 0);
}

}  // namespace
}  // namespace replay_test
