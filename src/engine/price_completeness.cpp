#include "engine/price_completeness.hpp"

#include <chrono>
#include <set>

#include "engine/report.hpp"
#include "store/calendar_store.hpp"

namespace pb::engine {

namespace {

constexpr int expected_within = 5;  // sessions before the day
constexpr int waits_at_most = 3;    // sessions after it

}  // namespace

std::string PriceCompleteness::text() const {
  return "priced " + std::to_string(priced) + " of " + counted(expected, "symbol");
}

PriceCompleteness price_completeness(Inputs& inputs, const store::Portfolio& portfolio, core::Date day) {
  const store::Market& market = inputs.market();
  PriceCompleteness result;
  std::set<int> columns;
  for (const Held& held : inputs.held(day, portfolio.id)) {
    if (held.lot->is_private() || held.lot->is_expired(day)) continue;
    if (const auto column = market.panel.column(held.lot->symbol)) columns.insert(*column);
  }
  const core::Date eve = day - std::chrono::days{1};
  for (const int column : columns) {
    const auto before = market.panel.mark_asof(column, eve, market.actions);
    const auto mark = market.panel.mark_asof(column, day, market.actions);
    const bool is_expected = before && before->stale_sessions < expected_within;
    const bool is_priced = mark && mark->date == day;
    result.expected += is_expected ? 1 : 0;
    result.priced += is_expected && is_priced ? 1 : 0;
    if ((is_expected && !is_priced) || market.provisional.contains({column, day})) result.provisional = true;
  }
  return result;
}

bool waits_for_prices(Inputs& inputs, const PriceCompleteness& prices, core::Date day) {
  const store::Store& store = inputs.store();
  if (store.stamp().rewrite || !prices.is_below(store.settings().min_coverage)) return false;
  const auto latest = store::latest_closed_session(store);
  if (!latest || *latest <= day) return true;
  const auto later = store::load_sessions(store, store.settings().calendar, day + std::chrono::days{1}, *latest);
  return later.size() < waits_at_most;
}

}  // namespace pb::engine
