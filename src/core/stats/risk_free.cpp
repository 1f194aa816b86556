#include "core/stats/risk_free.hpp"

#include <chrono>
#include <cstddef>

#include "core/limits.hpp"

namespace pb::core {

Vector risk_free_returns(std::span<const YieldQuote> quotes, const Sessions& sessions) {
  constexpr std::chrono::days oldest{10};
  constexpr double days_a_year = 365;
  Vector returns = Vector::Constant(sessions.size(), nan);
  std::size_t next = 0;
  for (int t = 1; t < sessions.size(); ++t) {
    const Date before = sessions[t - 1];
    while (next < quotes.size() && quotes[next].date <= before) ++next;
    if (next == 0 || before - quotes[next - 1].date > oldest) continue;
    const auto days = static_cast<double>((sessions[t] - before).count());
    returns(t) = quotes[next - 1].percent / 100 * days / days_a_year;
  }
  return returns;
}

}  // namespace pb::core
