#include "store/exposure_store.hpp"

#include "store/result_rows.hpp"

namespace pb::store {

std::int64_t write_portfolio_exposures(const Store& store, core::Date day, const std::string& model,
                                       std::span<const core::Uuid> portfolio_ids,
                                       std::span<const PortfolioExposure> rows) {
  using Row = PortfolioExposure;
  const Columns<Row> columns{
      pg::column<Row>("portfolio_id", &Row::portfolio_id),
      constant<Row>("calculation_date", day),
      constant<Row>("model", model),
      pg::column<Row>("factor", &Row::factor),
      pg::column<Row>("exposure_value", &Row::value),
      pg::column<Row>("exposure_dollar", &Row::dollars),
      pg::column<Row>("coverage", &Row::coverage),
      pg::column<Row>("marginal_contribution_to_risk", &Row::marginal),
      pg::column<Row>("contribution_to_risk", &Row::contribution),
      pg::column<Row>("percent_contribution_to_risk", &Row::percent),
      pg::column<Row>("reason", &Row::reason),
  };
  Scope scope = of_portfolios(portfolio_ids, day);
  scope.condition += " AND t.model = $4";
  scope.args.append(pg::Type::text, model);
  return write_results<Row>(store, "portfolio_factor_exposures",
                            {"portfolio_id", "calculation_date", "model", "factor"}, columns, rows, scope);
}

}  // namespace pb::store
