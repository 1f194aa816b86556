// Returns that several tests of risk figures share.
#pragma once

#include <string>
#include <vector>

#include "support.hpp"

namespace pb::test {

// The columns of test/golden/risk_returns.csv: sessions x series, NaN where there is no return.
struct GeneratedReturns {
  std::vector<std::string> names;
  core::Matrix values;

  core::Vector series(const std::string& name) const { return values.col(index(name)); }
  Eigen::Index index(const std::string& name) const {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names[i] == name) return static_cast<Eigen::Index>(i);
    throw std::invalid_argument("no series " + name);
  }
};

inline const GeneratedReturns& generated_returns() {
  static const GeneratedReturns returns = [] {
    GeneratedReturns read{
        {"market", "value", "growth", "listed", "young", "frozen", "late", "halted", "jumps", "yield"}, {}};
    const std::vector<Record> rows = read_csv(golden_file("risk_returns.csv"));
    read.values.resize(static_cast<Eigen::Index>(rows.size()), static_cast<Eigen::Index>(read.names.size()));
    for (std::size_t t = 0; t < rows.size(); ++t)
      for (std::size_t j = 0; j < read.names.size(); ++j)
        read.values(static_cast<Eigen::Index>(t), static_cast<Eigen::Index>(j)) = rows[t].number(read.names[j].c_str());
    return read;
  }();
  return returns;
}

// The real prices with the market's sessions; read once, call only with shared_data().
struct RealMarket {
  core::Sessions sessions;
  core::PricePanel panel;

  core::Vector returns(const std::string& symbol) const { return panel.returns(panel.column(symbol).value()); }
};

inline const RealMarket& real_market() {
  static const RealMarket market = [] {
    const std::vector<Price> prices = read_shared_prices();
    const core::Sessions sessions = sessions_of(prices, "SPY");
    return RealMarket{sessions, make_panel(sessions, prices)};
  }();
  return market;
}

// NULL where the file has an empty cell.

}  // namespace pb::test
