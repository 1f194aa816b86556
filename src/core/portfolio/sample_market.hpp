#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/poll.hpp"
#include "core/portfolio/lot.hpp"
#include "core/portfolio/money.hpp"
#include "core/text/uuid.hpp"

namespace pb::core {

// Random numbers that are the same on every platform: the standard fixes the engine's output but not that of its
// distributions, so the distributions here are our own.
class SampleRandom {
 public:
  explicit SampleRandom(std::uint64_t seed) : engine_(seed) {}

  double uniform() { return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53; }  // in (0, 1)
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  double normal();
  int integer(int count) { return static_cast<int>(uniform() * count); }  // 0 .. count - 1
  Uuid uuid();

 private:
  std::mt19937_64 engine_;
};

// One symbol of the sample market with its prices, one a session.
struct SampleSymbol {
  std::string symbol;
  std::string sector;  // empty: a fund
  std::vector<double> closes;
};

struct SampleMarket {
  std::vector<SampleSymbol> symbols;   // the factor funds first
  std::vector<double> ten_year_yield;  // percent, one a session
};

// The funds that the factors are built from; present in every sample market.
const std::vector<std::string>& sample_funds();

// A market with realistic correlations: the funds move with a market, five style factors and rates, and each stock
// with its own loadings on them plus noise of its own.
SampleMarket make_sample_market(int stocks, int sessions, SampleRandom& random, Poll poll = no_poll);

struct SamplePortfolio {
  Uuid id;
  std::string name;
  Money initial_equity;
  std::vector<Lot> lots;
  struct Flow {
    Uuid id;
    Date date;
    Money amount;
  };
  std::vector<Flow> flows;
};

// Portfolio number `index` (from 0) over the sessions from `first` on: long only, long/short with a partial close and
// a contribution, and one with an option and a private asset, in turn. The market must have at least as many stocks
// as the portfolio has positions.
SamplePortfolio make_sample_portfolio(int index, int positions, const SampleMarket& market,
                                      const std::vector<Date>& sessions, int first, SampleRandom& random);

}  // namespace pb::core
