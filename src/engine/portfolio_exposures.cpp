#include "engine/portfolio_exposures.hpp"

#include <algorithm>

#include "core/portfolio/ranges.hpp"
#include "engine/holdings.hpp"
#include "engine/input_digest.hpp"

namespace pb::engine {

void report_estimates(Report& report, const RiskBook& book, const std::string& what, const std::string& in_short,
                      std::span<const store::SymbolModel> symbols, const std::string& addition) {
  const auto count = std::count_if(symbols.begin(), symbols.end(),
                                   [](const auto& symbol) { return symbol.sample.reason == core::Reason::none; });
  const auto all = static_cast<std::int64_t>(symbols.size());
  report.detail =
      what + " of " + std::to_string(count) + " of " + counted(all, "symbol") + addition + without_snapshot(book);
  report.summary = in_short + " " + std::to_string(count) + "/" + std::to_string(all) + addition;
}

store::PortfolioExposure portfolio_exposure(const RiskPortfolio& portfolio, const std::string& factor,
                                            const FactorExposure& exposure, double stale) {
  store::PortfolioExposure row;
  row.portfolio_id = portfolio.id;
  row.factor = factor;
  row.coverage = exposure.coverage;
  row.stale_share = stale;
  row.reason = missing_exposure_reason(portfolio, exposure);
  if (row.reason != core::Reason::none) return row;
  if (!core::is_money(exposure.dollars)) {
    row.reason = core::Reason::out_of_range;
    return row;
  }
  row.dollars = core::to_money(exposure.dollars);
  if (portfolio.has_equity())
    row.value = exposure.dollars / *portfolio.net_asset_value;
  else
    row.reason = core::Reason::no_equity;
  return row;
}

namespace {

// What stands for a factor need be no symbol of the panel: a series of yields, or nothing.
std::int64_t price_digest(Context& context, core::Date day, const std::optional<std::string>& symbol) {
  const auto column = symbol ? context.market().panel.column(*symbol) : std::nullopt;
  return column ? context.digests().of_prices(day, *column) : pg::null_int8;
}

}  // namespace

std::int64_t write_models(Context& context, core::Date day, store::FactorModelRow model,
                          std::vector<store::SymbolModel> rows) {
  for (const std::string& symbol : model.long_symbols) model.long_digests.push_back(price_digest(context, day, symbol));
  for (const auto& symbol : model.short_symbols) model.short_digests.push_back(price_digest(context, day, symbol));
  for (store::SymbolModel& row : rows)
    row.input_digest = context.digests().of_fit(day, row.symbol, model.model, model.parameters.text);
  return store::write_symbol_models(context.store(), day, model, rows);
}

Report write_holdings_of_engine(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  const Report holdings = write_holdings(context, day, portfolio_ids);
  Report report;
  report.rows_written = holdings.rows_written;
  report.issues = holdings.issues;
  report.failed = holdings.failed;
  return report;
}

}  // namespace pb::engine
