#include "collect/plan/restatement.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace pb::collect {

namespace {

constexpr std::size_t fewest_prices = 5;

// The ratio that all share; none where they do not, or where it is 1.
std::optional<double> common_ratio(std::vector<double> ratios, double least_change, double greatest_spread) {
  if (ratios.size() < fewest_prices) return std::nullopt;
  std::sort(ratios.begin(), ratios.end());
  const double median = ratios[ratios.size() / 2];
  if (ratios.back() / ratios.front() - 1 >= greatest_spread || std::abs(median - 1) <= least_change)
    return std::nullopt;
  return median;
}

bool is_split_kind(const market::Action& action) { return action.kind == "split" || action.kind == "stock_dividend"; }

bool is_known(const market::Action& action, std::span<const market::Action> known) {
  return std::any_of(known.begin(), known.end(),
                     [&](const market::Action& k) { return is_split_kind(k) && k.ex_date == action.ex_date; });
}

}  // namespace

bool is_ratio_of_split(double ratio) {
  const auto is_near = [ratio](int n, int m) { return std::abs(ratio * m / n - 1) < 0.002; };
  for (int n = 2; n <= 50; ++n)
    if (is_near(n, 1) || is_near(1, n)) return true;
  for (int n = 2; n <= 10; ++n)
    for (int m = 2; m <= 10; ++m)
      if (n != m && is_near(n, m)) return true;
  return false;
}

namespace {

// What stored figures are multiplied by, as of a day that both histories have.
struct Rebasing {
  core::Date day;
  double close = 1;
  std::optional<double> adj_close = {};
};

std::vector<Rebasing> common_days(const market::PriceSeries& series, std::span<const StoredBar* const> stored) {
  std::vector<Rebasing> days;
  auto fresh = series.bars.begin();
  for (const StoredBar* old : stored) {
    while (fresh != series.bars.end() && fresh->date < old->bar.date) ++fresh;
    if (fresh == series.bars.end()) break;
    if (fresh->date != old->bar.date || !fresh->close || old->bar.close.value_or(0) <= 0) continue;
    days.push_back({old->bar.date, *fresh->close / *old->bar.close});
    if (fresh->adj_close && old->bar.adj_close.value_or(0) > 0)
      days.back().adj_close = *fresh->adj_close / *old->bar.adj_close;
  }
  return days;
}

const Rebasing& nearest(const std::vector<Rebasing>& days, core::Date day) {
  return *std::min_element(days.begin(), days.end(), [day](const Rebasing& a, const Rebasing& b) {
    return std::chrono::abs(a.day - day) < std::chrono::abs(b.day - day);
  });
}

void rebase(market::Bar& bar, const Rebasing& by) {
  for (auto* price : {&bar.open, &bar.high, &bar.low, &bar.close})
    if (*price) **price *= by.close;
  if (bar.adj_close && by.adj_close)
    *bar.adj_close *= *by.adj_close;
  else
    bar.adj_close.reset();
  if (bar.volume) bar.volume = std::llround(static_cast<double>(*bar.volume) / by.close);
}

}  // namespace

std::vector<StoredBar> rebase_missing(const market::PriceSeries& series, const std::string& source,
                                      std::span<const StoredBar> stored) {
  std::vector<const StoredBar*> of_source;
  for (const StoredBar& old : stored)
    if (old.source == source && old.is_split_adjusted == series.is_split_adjusted) of_source.push_back(&old);
  const std::vector<Rebasing> days = common_days(series, of_source);
  std::vector<StoredBar> missing;
  if (days.empty()) return missing;
  for (const StoredBar* old : of_source) {
    const auto fresh = std::lower_bound(series.bars.begin(), series.bars.end(), old->bar.date,
                                        [](const market::Bar& bar, core::Date day) { return bar.date < day; });
    if (fresh != series.bars.end() && fresh->date == old->bar.date && fresh->close) continue;
    missing.push_back(*old);
    rebase(missing.back().bar, nearest(days, old->bar.date));
  }
  return missing;
}

Restatement find_restatement(const market::PriceSeries& series, std::span<const market::Action> delivered_actions,
                             const std::string& source, std::span<const StoredBar> stored,
                             std::span<const market::Action> known_actions) {
  using Kind = Restatement::Kind;
  std::vector<double> of_close, of_adjusted;
  core::Date first_stored = core::Date::max();
  auto fresh = series.bars.begin();
  for (const StoredBar& old : stored) {
    if (old.source != source || old.is_split_adjusted != series.is_split_adjusted) continue;
    first_stored = std::min(first_stored, old.bar.date);
    while (fresh != series.bars.end() && fresh->date < old.bar.date) ++fresh;
    if (fresh == series.bars.end()) continue;
    if (fresh->date != old.bar.date || !old.is_final || !fresh->close || old.bar.close.value_or(0) <= 0) continue;
    of_close.push_back(*fresh->close / *old.bar.close);
    if (fresh->adj_close && old.bar.adj_close.value_or(0) > 0)
      of_adjusted.push_back(*fresh->adj_close / *old.bar.adj_close);
  }
  const auto ratio = common_ratio(of_close, 0.005, 0.002);
  if (series.is_split_adjusted)
    for (const market::Action& action : delivered_actions)
      if (is_split_kind(action) && action.ex_date > first_stored && !is_known(action, known_actions))
        return {Kind::split, ratio.value_or(1)};
  if (ratio) {
    if (!is_ratio_of_split(*ratio)) return {Kind::restated, *ratio};
    // A split that is known already, whose prices were not fetched again then.
    const auto explains = [&](const market::Action& a) {
      return is_split_kind(a) && a.numerator && std::abs(*ratio * *a.numerator / a.denominator.value_or(1) - 1) < 0.005;
    };
    const bool is_explained = std::any_of(known_actions.begin(), known_actions.end(), explains);
    return {is_explained ? Kind::split : Kind::suspect, *ratio};
  }
  const bool closes_agree =
      std::all_of(of_close.begin(), of_close.end(), [](double r) { return std::abs(r - 1) <= 0.005; });
  const auto adjusted = common_ratio(of_adjusted, 0.00005, 0.000005);
  if (closes_agree && adjusted) return {Kind::adjusted, *adjusted};
  return {};
}

}  // namespace pb::collect
