#include "store/exposure_store.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "store/result_rows.hpp"

namespace pb::store {

namespace {

// The exposures of one portfolio to the factors of a model.
using Exposures = std::span<const PortfolioExposure>;

std::vector<Exposures> by_portfolio(Exposures rows) {
  std::vector<Exposures> groups;
  while (!rows.empty()) {
    const core::Uuid& id = rows.front().portfolio_id;
    const auto next = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.portfolio_id != id; });
    const auto size = static_cast<std::size_t>(next - rows.begin());
    groups.push_back(rows.first(size));
    rows = rows.subspan(size);
  }
  return groups;
}

// An array of what each exposure has.
template <class Value, class Get>
std::vector<Value> each(const Exposures& exposures, Get get) {
  std::vector<Value> values;
  values.reserve(exposures.size());
  for (const PortfolioExposure& exposure : exposures) values.emplace_back(std::invoke(get, exposure));
  return values;
}

// The same, but NULL where no exposure has any.
pg::Column<Exposures> figures(std::string name, double PortfolioExposure::*member) {
  return pg::column<Exposures>(std::move(name), [member](const Exposures& exposures) {
    const bool any = std::any_of(exposures.begin(), exposures.end(),
                                 [&](const PortfolioExposure& exposure) { return !std::isnan(exposure.*member); });
    return any ? std::optional(each<double>(exposures, member)) : std::nullopt;
  });
}

}  // namespace

std::int64_t write_portfolio_exposures(const Store& store, core::Date day, const std::string& model,
                                       std::span<const core::Uuid> portfolio_ids,
                                       std::span<const PortfolioExposure> rows) {
  using Row = Exposures;
  const Columns<Row> columns{
      pg::column<Row>("portfolio_id", [](const Row& row) { return row.front().portfolio_id; }),
      constant<Row>("calculation_date", day),
      constant<Row>("model", model),
      pg::column<Row>("factors", [](const Row& row) { return each<std::string>(row, &PortfolioExposure::factor); }),
      figures("exposure_values", &PortfolioExposure::value),
      figures("std_errors", &PortfolioExposure::std_error),
      pg::column<Row>(
          "exposure_dollars",
          [](const Row& row) { return each<std::optional<core::Money>>(row, &PortfolioExposure::dollars); }),
      figures("coverage", &PortfolioExposure::coverage),
      pg::column<Row>("stale_share", [](const Row& row) { return row.front().stale_share; }),
      figures("marginal_contributions", &PortfolioExposure::marginal),
      figures("contributions", &PortfolioExposure::contribution),
      figures("percent_contributions", &PortfolioExposure::percent),
      pg::column<Row>(
          "reasons", [](const Row& row) { return words_or_null(each<core::Reason>(row, &PortfolioExposure::reason)); }),
  };
  Scope scope = of_portfolios(portfolio_ids, day);
  scope.condition += " AND t.model = $4";
  scope.args.append(pg::Type::text, model);
  const std::vector<Row> packed = by_portfolio(rows);
  return write_results<Row>(store, "portfolio_model_exposures", {"portfolio_id", "calculation_date", "model"}, columns,
                            packed, scope);
}

}  // namespace pb::store
