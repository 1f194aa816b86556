#include "store/symbol_model_store.hpp"

#include <algorithm>
#include <cmath>

#include "core/stats/annualization.hpp"
#include "pg/query.hpp"
#include "pg/writer.hpp"

namespace pb::store {

using pg::Args;
using pg::RowBuffer;
using pg::Type;

namespace {

// Beyond this a beta is kept as estimated but marked, because it is rarely one.
constexpr double outlier_beta = 5;

constexpr const char* model_scope = "t.symbol = ANY ($1) AND t.calculation_date = $2 AND t.model = $3";

Args model_arguments(core::Date day, const std::string& model, const std::vector<std::string>& symbols) {
  return std::move(
      Args{Type::text_array, Type::date, Type::text}.add(std::span<const std::string>(symbols)).add(day).add(model));
}

// Writes rows of the symbols' models. The symbols change from date to date, those of the whole run do not.
std::int64_t upsert_models(const pg::Target& target, RowBuffer out, core::Date day, const std::string& model,
                           std::span<const SymbolModel> rows) {
  std::vector<std::string> symbols;
  symbols.reserve(rows.size());
  for (const SymbolModel& row : rows) symbols.push_back(row.symbol);
  const Args scope = model_arguments(day, model, symbols);
  const pg::WriteSpan* span = target.stamp.span.get();
  const auto known = [&](const std::string& symbol) { return std::ranges::binary_search(span->symbols, symbol); };
  if (span == nullptr || !std::ranges::all_of(symbols, known)) return pg::upsert(target, std::move(out), scope);
  const Args wide = model_arguments(day, model, span->symbols);
  return pg::upsert(target, std::move(out), scope, &wide);
}

std::int64_t write_fits(const Store& store, core::Date day, const std::string& model,
                        std::span<const SymbolModel> rows) {
  RowBuffer out({{"symbol", Type::text},
                 {"calculation_date", Type::date},
                 {"model", Type::text},
                 {"observations", Type::int4},
                 {"alpha", Type::float8},
                 {"r_squared", Type::float8},
                 {"adj_r_squared", Type::float8},
                 {"residual_volatility", Type::float8},
                 {"ridge_alpha", Type::float8},
                 {"effective_df", Type::float8},
                 {"condition_number", Type::float8},
                 {"max_vif", Type::float8},
                 {"window_start", Type::date},
                 {"window_end", Type::date},
                 {"quality_flag", Type::text},
                 {"reason", Type::text}});
  out.reserve(rows.size());
  for (const SymbolModel& row : rows) {
    out.add(row.symbol).add(day).add(model).add(row.sample.observations).add(row.alpha).add(row.r_squared);
    out.add(row.adj_r_squared).add(row.residual_volatility).add(row.ridge_alpha).add(row.effective_df);
    out.add(row.condition_number).add(row.max_vif).add(row.sample.window_start).add(row.sample.window_end);
    out.add(row.sample.quality_flag).add(row.reason());
  }
  return upsert_models({.table = store.table("symbol_model_fits"),
                        .keys = {"symbol", "calculation_date", "model"},
                        .stamp = store.stamp(),
                        .replaced_scope = model_scope},
                       std::move(out), day, model, rows);
}

std::int64_t write_betas(const Store& store, core::Date day, const std::string& model,
                         std::span<const std::string> factors, std::span<const SymbolModel> rows) {
  RowBuffer out({{"symbol", Type::text},
                 {"calculation_date", Type::date},
                 {"model", Type::text},
                 {"factor", Type::text},
                 {"beta", Type::float8},
                 {"std_error", Type::float8},
                 {"t_stat", Type::float8},
                 {"p_value", Type::float8},
                 {"reason", Type::text}});
  out.reserve(rows.size() * factors.size());
  for (const SymbolModel& row : rows)
    for (std::size_t k = 0; k < factors.size(); ++k) {
      const SymbolBeta& beta = row.betas[k];
      out.add(row.symbol).add(day).add(model).add(factors[k]);
      out.add(beta.beta).add(beta.std_error).add(beta.t_stat).add(beta.p_value).add(row.reason());
    }
  return upsert_models({.table = store.table("symbol_factor_exposures"),
                        .keys = {"symbol", "calculation_date", "model", "factor"},
                        .stamp = store.stamp(),
                        .replaced_scope = model_scope},
                       std::move(out), day, model, rows);
}

}  // namespace

const char* SymbolModel::reason() const {
  if (sample.reason != nullptr) return sample.reason;
  const auto is_outlier = [](const SymbolBeta& beta) { return std::fabs(beta.beta) > outlier_beta; };
  return betas.size() == 1 && is_outlier(betas.front()) ? "outlier" : nullptr;
}

SymbolModel symbol_model(std::string symbol, const core::BetaFit& fit) {
  SymbolModel row{.symbol = std::move(symbol), .sample = fit, .betas = {SymbolBeta{}}};
  if (!fit.fit) return row;
  const core::RegressionFit& f = *fit.fit;
  row.alpha = f.coefficients(0);
  row.r_squared = f.r_squared;
  row.adj_r_squared = f.adj_r_squared;
  row.residual_volatility = f.residual_sd * std::sqrt(core::sessions_per_year);
  row.condition_number = f.condition_number;
  row.betas.front() = {f.coefficients(1), f.std_errors(1), f.t_stats(1), f.p_values(1)};
  return row;
}

SymbolModel symbol_model(std::string symbol, const core::FactorFits& fits, int place) {
  const Eigen::Index factors = fits.fits.coefficients.rows() - 1;
  SymbolModel row{.symbol = std::move(symbol),
                  .sample = fits.samples[static_cast<std::size_t>(place)],
                  .betas = std::vector<SymbolBeta>(static_cast<std::size_t>(factors))};
  if (!fits.estimated(place)) return row;
  const core::RidgeFits& f = fits.fits;
  const core::FactorDesign& design =
      fits.designs[static_cast<std::size_t>(fits.samples[static_cast<std::size_t>(place)].design)];
  row.alpha = f.coefficients(0, place);
  row.r_squared = f.r_squared(place);
  row.adj_r_squared = f.adj_r_squared(place);
  row.residual_volatility = fits.residual_volatility(place);
  row.ridge_alpha = f.alpha(place);
  row.effective_df = f.effective_df(place);
  row.condition_number = design.condition_number;
  row.max_vif = factors > 1 ? design.max_vif : row.max_vif;
  for (Eigen::Index k = 0; k < factors; ++k)
    row.betas[static_cast<std::size_t>(k)] = {f.coefficients(k + 1, place), f.std_errors(k + 1, place),
                                              f.t_stats(k + 1, place), f.p_values(k + 1, place)};
  return row;
}

std::int64_t write_symbol_models(const Store& store, core::Date day, const std::string& model,
                                 std::span<const std::string> factors, std::span<const SymbolModel> rows) {
  if (store.leaves_symbols()) {
    std::vector<SymbolModel> own;
    for (const SymbolModel& row : rows)
      if (!store.leaves_symbol(row.symbol)) own.push_back(row);
    return write_fits(store, day, model, own) + write_betas(store, day, model, factors, own);
  }
  return write_fits(store, day, model, rows) + write_betas(store, day, model, factors, rows);
}

}  // namespace pb::store
