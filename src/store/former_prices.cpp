#include "store/former_prices.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/portfolio/ranges.hpp"
#include "pg/select.hpp"
#include "store/row_check.hpp"

namespace pb::store {

using core::Date;
using pg::Args;
using pg::field;
using pg::Type;

namespace {

// What the first adjusted close of a column from a day on was adjusted by; 1 where there is none. Before the returns
// are computed, the panel has the adjusted closes in their place.
double adjustment_from(const core::PricePanel& panel, int column, Date day) {
  const auto& dates = panel.sessions().dates();
  const auto first = static_cast<int>(std::lower_bound(dates.begin(), dates.end(), day) - dates.begin());
  for (int session = first; session < panel.sessions().size(); ++session) {
    const double close = panel.close(session, column);
    if (std::isnan(close)) continue;
    const double factor = panel.returns()(session, column) / close;
    return std::isfinite(factor) && factor > 0 ? factor : 1;
  }
  return 1;
}

}  // namespace

std::vector<FormerName> load_former_names(const Store& store, const std::vector<std::string>& symbols) {
  struct Row {
    std::string symbol;
    std::optional<std::string> former;
    std::optional<Date> changed_on;
    std::optional<double> numerator, denominator;
  };
  static const auto columns =
      pg::select("symbol_history", field("symbol", &Row::symbol), field("former_symbol", &Row::former),
                 field(finite_date("changed_on"), &Row::changed_on), field("ratio_numerator", &Row::numerator),
                 field("ratio_denominator", &Row::denominator));
  std::vector<FormerName> names;
  std::vector<std::string> wanted = symbols;
  // Names that go round end the search.
  for (int depth = 0; depth < 16 && !wanted.empty(); ++depth) {
    std::vector<FormerName> found;
    columns.from(store.table("symbol_history") + " WHERE symbol = ANY ($1) ORDER BY symbol, changed_on",
                 Args{Type::text_array}.add(std::span<const std::string>(wanted)), [&](Row& row) {
                   // What cannot be used is a problem of the lots that it changes.
                   const core::SplitRatio ratio{row.numerator.value_or(0), row.denominator.value_or(0)};
                   const bool is_ratio = core::is_price(ratio.new_shares) && core::is_price(ratio.old_shares);
                   if (!row.changed_on || !row.former || row.symbol == *row.former || !is_ratio) return;
                   found.push_back({std::move(row.symbol), std::move(*row.former), *row.changed_on, ratio});
                 });
    wanted.clear();
    for (FormerName& name : found) {
      wanted.push_back(name.former);
      if (depth == 0) {
        names.push_back(std::move(name));
        continue;
      }
      std::vector<FormerName> longer;
      for (const FormerName& later : names)
        if (later.former == name.symbol && name.changed_on <= later.changed_on) {
          core::SplitRatio ratio = later.ratio;
          ratio *= name.ratio;
          longer.push_back({later.symbol, name.former, name.changed_on, ratio});
        }
      names.insert(names.end(), longer.begin(), longer.end());
    }
  }
  return names;
}

FormerPrices::FormerPrices(const core::PricePanel& panel, std::vector<FormerName> names) : names_(std::move(names)) {
  // The latest change first: what came before one is brought to what came after it.
  std::sort(names_.begin(), names_.end(),
            [](const FormerName& a, const FormerName& b) { return a.changed_on > b.changed_on; });
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (panel.column(names_[i].symbol)) by_former_.emplace(names_[i].former, i);
}

void FormerPrices::add_symbols(std::vector<std::string>& symbols) const {
  for (const auto& [former, name] : by_former_) symbols.push_back(former);
}

void FormerPrices::keep(std::string_view symbol, const core::PriceRow& row) {
  for (auto [at, end] = by_former_.equal_range(symbol); at != end; ++at)
    if (row.date < names_[at->second].changed_on) rows_.emplace_back(at->second, row);
}

void FormerPrices::set(core::PricePanel& panel, const core::CorporateActions& actions) {
  std::stable_sort(rows_.begin(), rows_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::size_t of = names_.size();
  double adjustment = 1;
  for (const auto& [place, stored] : rows_) {
    const FormerName& name = names_[place];
    const int column = panel.column(name.symbol).value();
    if (place != of) adjustment = adjustment_from(panel, column, name.changed_on);
    of = place;
    const auto session = panel.sessions().index(stored.date);
    if (session && !std::isnan(panel.close(*session, column))) continue;
    core::PriceRow row = stored;
    row.close = name.ratio.to_new_price(row.close);
    row.adjusted_close = name.ratio.to_new_price(row.adjusted_close) * adjustment;
    panel.set(column, row, actions);
  }
}

}  // namespace pb::store
