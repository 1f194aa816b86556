#include "core/portfolio/sample_market.hpp"

#include "core/stats/boost_math.hpp"

#include <algorithm>
#include <array>
#include <boost/math/special_functions/erf.hpp>
#include <cmath>
#include <cstdio>

namespace pb::core {

namespace {

// Daily moves of what drives the sample market.
constexpr int styles = 5;  // value, momentum, quality, size, low volatility
constexpr double market_drift = 0.0003;
constexpr double market_volatility = 0.0100;
constexpr double style_volatility = 0.0035;
constexpr double rate_volatility = 0.0005;  // of the ten-year yield, as a fraction: 5 basis points
constexpr double bond_duration = 16.5;

struct Drivers {
  double market;
  std::array<double, styles> style;
  double yield_change;
};

struct Loadings {
  double market;
  std::array<double, styles> style;
  double rate;        // return per unit of yield change
  double volatility;  // of the noise of its own
};

struct Fund {
  const char* symbol;
  Loadings loadings;
};

const std::vector<Fund>& funds() {
  static const std::vector<Fund> list{
      {"SPY", {1.00, {0, 0, 0, 0, 0}, 0, 0}},
      {"VTV", {0.90, {0.8, 0, 0, 0, 0}, 0, 0.0006}},
      {"VUG", {1.08, {-0.8, 0, 0, 0, 0}, 0, 0.0006}},
      {"MTUM", {1.02, {0, 1.0, 0, 0, 0}, 0, 0.0012}},
      {"QUAL", {0.98, {0, 0, 0.7, 0, 0}, 0, 0.0005}},
      {"IWM", {1.12, {0, 0, 0, 1.3, 0}, 0, 0.0015}},
      {"USMV", {0.72, {0, 0, 0, 0, 0.8}, -1.0, 0.0006}},
      {"TLT", {-0.05, {0, 0, 0, 0, 0}, -bond_duration, 0.0010}},
  };
  return list;
}

constexpr std::array<const char*, 11> sectors{
    "Technology", "Healthcare", "Financials",  "Consumer Discretionary", "Industrials", "Communication Services",
    "Energy",     "Utilities",  "Real Estate", "Consumer Staples",       "Materials"};

double daily_return(const Loadings& loadings, const Drivers& drivers, SampleRandom& random) {
  double value = loadings.market * drivers.market + loadings.rate * drivers.yield_change;
  for (int k = 0; k < styles; ++k)
    value += loadings.style[static_cast<std::size_t>(k)] * drivers.style[static_cast<std::size_t>(k)];
  if (loadings.volatility > 0) value += loadings.volatility * random.normal();
  return std::max(value, -0.5);
}

// Prices are quoted in cents.
double to_cents(double price) { return std::max(0.01, std::round(price * 100) / 100); }

std::vector<Drivers> make_drivers(int sessions, SampleRandom& random) {
  std::vector<Drivers> days(static_cast<std::size_t>(sessions));
  for (Drivers& day : days) {
    day.market = market_drift + market_volatility * random.normal();
    for (double& style : day.style) style = style_volatility * random.normal();
    day.yield_change = rate_volatility * random.normal();
  }
  return days;
}

SampleSymbol make_symbol(std::string symbol, std::string sector, double price, const Loadings& loadings,
                         const std::vector<Drivers>& days, SampleRandom& random) {
  SampleSymbol result{std::move(symbol), std::move(sector), {}};
  result.closes.reserve(days.size());
  for (const Drivers& day : days) {
    price *= 1 + daily_return(loadings, day, random);
    result.closes.push_back(to_cents(price));
  }
  return result;
}

Loadings random_loadings(SampleRandom& random) {
  Loadings loadings{random.uniform(0.5, 1.6), {}, random.uniform(-3, 1), random.uniform(0.008, 0.025)};
  for (double& style : loadings.style) style = 0.5 * random.normal();
  return loadings;
}

Lot make_lot(const SampleSymbol& symbol, const SamplePortfolio& portfolio, Date entry_date, double close, double amount,
             bool is_short, SampleRandom& random) {
  Lot lot;
  lot.portfolio_id = portfolio.id;
  lot.id = random.uuid();
  lot.symbol = symbol.symbol;
  lot.position_type = is_short ? "SHORT" : "LONG";
  lot.entry_date = entry_date;
  // Trades happen near the close, not at it.
  lot.entry_price = to_cents(close * random.uniform(0.995, 1.005));
  lot.quantity = std::max(1.0, std::round(amount / lot.entry_price)) * (is_short ? -1 : 1);
  return lot;
}

void add_partial_close(SamplePortfolio& portfolio, const SampleMarket& market, const std::vector<Date>& sessions,
                       int first) {
  const int day = first + (static_cast<int>(sessions.size()) - first) / 2;
  for (Lot& lot : portfolio.lots) {
    const auto symbol = std::find_if(market.symbols.begin(), market.symbols.end(),
                                     [&](const SampleSymbol& s) { return s.symbol == lot.symbol; });
    const Date trade_date = sessions[static_cast<std::size_t>(day)];
    if (lot.position_type != "LONG" || lot.entry_date >= trade_date || lot.quantity < 2) continue;
    lot.closings.push_back({trade_date, std::floor(lot.quantity / 2), symbol->closes[static_cast<std::size_t>(day)]});
    return;
  }
}

void add_option_and_private(SamplePortfolio& portfolio, Date entry_date, SampleRandom& random) {
  Lot option;
  option.portfolio_id = portfolio.id;
  option.id = random.uuid();
  option.symbol = "SPY991217C00500000";
  option.underlying_symbol = "SPY";
  option.position_type = "LC";
  option.investment_class = InvestmentClass::option;
  option.quantity = 5;
  option.multiplier = 100;
  option.entry_price = 12.5;
  option.entry_date = entry_date;
  Lot fund = option;
  fund.id = random.uuid();
  fund.symbol = "PRIVATE_FUND";
  fund.underlying_symbol = "";
  fund.position_type = "LONG";
  fund.investment_class = InvestmentClass::private_asset;
  fund.quantity = 1000;
  fund.multiplier = 1;
  fund.entry_price = 100;
  portfolio.lots.push_back(option);
  portfolio.lots.push_back(fund);
}

}  // namespace

double SampleRandom::normal() { return std::sqrt(2.0) * boost::math::erf_inv(2 * uniform() - 1); }

Uuid SampleRandom::uuid() {
  Uuid id;
  for (std::size_t i = 0; i < id.bytes.size(); i += 8) {
    const std::uint64_t bits = engine_();
    for (std::size_t j = 0; j < 8; ++j) id.bytes[i + j] = static_cast<std::uint8_t>(bits >> (8 * j));
  }
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x40);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  return id;
}

const std::vector<std::string>& sample_funds() {
  static const std::vector<std::string> symbols = [] {
    std::vector<std::string> names;
    for (const Fund& fund : funds()) names.emplace_back(fund.symbol);
    return names;
  }();
  return symbols;
}

SampleMarket make_sample_market(int stocks, int sessions, SampleRandom& random, Poll poll) {
  const std::vector<Drivers> days = make_drivers(sessions, random);
  SampleMarket market;
  double yield = 4.0;
  for (const Drivers& day : days) {
    yield = std::max(0.05, yield + 100 * day.yield_change);
    market.ten_year_yield.push_back(std::round(yield * 100) / 100);
  }
  for (const Fund& fund : funds())
    market.symbols.push_back(make_symbol(fund.symbol, "", random.uniform(50, 500), fund.loadings, days, random));
  for (int i = 1; i <= stocks; ++i) {
    poll();
    char name[16];
    std::snprintf(name, sizeof name, "STK%04d", i);
    const char* sector = sectors[static_cast<std::size_t>(random.integer(static_cast<int>(sectors.size())))];
    const Loadings loadings = random_loadings(random);
    market.symbols.push_back(make_symbol(name, sector, random.uniform(10, 400), loadings, days, random));
  }
  return market;
}

SamplePortfolio make_sample_portfolio(int index, int positions, const SampleMarket& market,
                                      const std::vector<Date>& sessions, int first, SampleRandom& random) {
  static constexpr std::array<const char*, 3> kinds{"long only", "long/short", "options and private"};
  const auto kind = static_cast<std::size_t>(index % 3);
  SamplePortfolio portfolio;
  portfolio.id = random.uuid();
  portfolio.name = "Sample " + std::to_string(index + 1) + " (" + kinds[kind] + ")";
  portfolio.initial_equity = {std::int64_t{1000000} * (1 + index % 3) * Money::scale};

  // Distinct stocks, drawn by shuffling the first positions of a list.
  const auto fund_count = sample_funds().size();
  std::vector<std::size_t> order;
  for (std::size_t i = fund_count; i < market.symbols.size(); ++i) order.push_back(i);
  const int life = static_cast<int>(sessions.size()) - first;
  const int extra = kind == 2 ? 2 : 0;
  const double amount = 0.8 * to_double(portfolio.initial_equity) / std::max(1, positions);
  for (int i = 0; i < positions - extra; ++i) {
    const auto slot = static_cast<std::size_t>(i);
    const auto pick = slot + static_cast<std::size_t>(random.integer(static_cast<int>(order.size() - slot)));
    std::swap(order[slot], order[pick]);
    const SampleSymbol& symbol = market.symbols[order[slot]];
    // Most lots are there from the first day; one in five is bought later.
    const int entry = i > 0 && random.uniform() < 0.2 ? first + random.integer(life) : first;
    const bool is_short = kind == 1 && i % 3 == 2;
    portfolio.lots.push_back(make_lot(symbol, portfolio, sessions[static_cast<std::size_t>(entry)],
                                      symbol.closes[static_cast<std::size_t>(entry)], amount, is_short, random));
  }
  if (kind == 1 && life > 2) {
    add_partial_close(portfolio, market, sessions, first);
    portfolio.flows.push_back(
        {random.uuid(), sessions[static_cast<std::size_t>(first + life / 3)], {50000 * Money::scale}});
  }
  if (kind == 2) add_option_and_private(portfolio, sessions[static_cast<std::size_t>(first)], random);
  return portfolio;
}

}  // namespace pb::core
