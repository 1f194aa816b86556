#include "store/symbol_model_store.hpp"

#include <algorithm>
#include <cmath>

#include "store/result_rows.hpp"

namespace pb::store {

namespace {

// Beyond this a beta is kept as estimated but marked, because it is rarely one.
constexpr double outlier_beta = 5;

// The figures of the factors, or none where there is no estimate.
std::optional<std::vector<double>> of_betas(const SymbolModel& row, double SymbolBeta::*figure) {
  if (row.sample.reason != core::Reason::none || row.betas.empty()) return std::nullopt;
  std::vector<double> values;
  for (const SymbolBeta& beta : row.betas) values.push_back(beta.*figure);
  return values;
}

Scope of_model(core::Date day, const std::string& model) {
  Scope scope = on_day(day);
  scope.condition += " AND t.model = $3";
  scope.args.append(pg::Type::text, model);
  return scope;
}

std::int64_t write_model(const Store& store, core::Date day, const FactorModelRow& model) {
  using Row = FactorModelRow;
  const Columns<Row> columns{
      constant<Row>("calculation_date", day),
      pg::column<Row>("model", &Row::model),
      pg::column<Row>("factors", &Row::factors),
      pg::column<Row>("long_symbols", &Row::long_symbols),
      pg::column<Row>("short_symbols", &Row::short_symbols),
      pg::column<Row>("long_digests", &Row::long_digests),
      pg::column<Row>("short_digests", &Row::short_digests),
      pg::column<Row>("parameters", &Row::parameters),
      pg::column<Row>("window_start", &Row::window_start),
      pg::column<Row>("window_end", &Row::window_end),
  };
  return write_results<Row>(store, "factor_models", {"calculation_date", "model"}, columns, {&model, 1},
                            of_model(day, model.model));
}

std::int64_t write_fits(const Store& store, core::Date day, const std::string& model,
                        std::span<const SymbolModel> rows) {
  using Row = SymbolModel;
  const auto of_sample = [](auto member) {
    return [member](const Row& row) { return std::invoke(member, row.sample); };
  };
  const Columns<Row> columns{
      constant<Row>("calculation_date", day),
      pg::column<Row>("symbol", &Row::symbol),
      constant<Row>("model", model),
      pg::column<Row>("observations", of_sample(&core::Sample::observations)),
      pg::column<Row>("alpha", &Row::alpha),
      pg::column<Row>("jensen_alpha", [](const Row& row) { return row.jensen.alpha; }),
      pg::column<Row>("jensen_alpha_std_error", [](const Row& row) { return row.jensen.std_error; }),
      pg::column<Row>("jensen_alpha_reason", [](const Row& row) { return row.jensen.reason; }),
      pg::column<Row>("r_squared", &Row::r_squared),
      pg::column<Row>("adj_r_squared", &Row::adj_r_squared),
      pg::column<Row>("residual_volatility", &Row::residual_volatility),
      pg::column<Row>("residual_df", &Row::residual_df),
      pg::column<Row>("ridge_alpha", &Row::ridge_alpha),
      pg::column<Row>("effective_df", &Row::effective_df),
      pg::column<Row>("condition_number", &Row::condition_number),
      pg::column<Row>("max_vif", &Row::max_vif),
      pg::column<Row>("betas", [](const Row& row) { return of_betas(row, &SymbolBeta::beta); }),
      pg::column<Row>("std_errors", [](const Row& row) { return of_betas(row, &SymbolBeta::std_error); }),
      pg::column<Row>("window_start", of_sample(&core::Sample::window_start)),
      pg::column<Row>("window_end", of_sample(&core::Sample::window_end)),
      pg::column<Row>("quality_flag", of_sample(&core::Sample::quality_flag)),
      pg::column<Row>("reason", &Row::reason),
      pg::column<Row>("input_digest", &Row::input_digest),
  };
  return write_results(store, "symbol_model_fits", {"calculation_date", "symbol", "model"}, columns, rows,
                       of_model(day, model));
}

}  // namespace

core::Reason SymbolModel::reason() const {
  if (sample.reason != core::Reason::none) return sample.reason;
  const auto is_outlier = [](const SymbolBeta& beta) { return std::fabs(beta.beta) > outlier_beta; };
  return betas.size() == 1 && is_outlier(betas.front()) ? core::Reason::outlier : core::Reason::none;
}

SymbolModel symbol_model(std::string symbol, const core::BetaFit& fit, int sessions_per_year) {
  SymbolModel row{.symbol = std::move(symbol), .sample = fit, .betas = {SymbolBeta{}}};
  if (!fit.fit) return row;
  const core::RegressionFit& f = *fit.fit;
  row.alpha = f.coefficients(0);
  row.jensen = fit.jensen;
  row.r_squared = f.r_squared;
  row.adj_r_squared = f.adj_r_squared;
  row.residual_volatility = f.residual_sd * std::sqrt(sessions_per_year);
  row.condition_number = f.condition_number;
  row.residual_df = f.residual_df;
  row.betas.front() = {f.coefficients(1), f.std_errors(1)};
  return row;
}

SymbolModel symbol_model(std::string symbol, const core::FactorFits& fits, int place, int sessions_per_year) {
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
  row.residual_volatility = fits.residual_volatility(place, sessions_per_year);
  row.ridge_alpha = f.alpha(place);
  row.effective_df = f.effective_df(place);
  row.residual_df = row.sample.observations - 1 - row.effective_df;
  row.condition_number = design.condition_number;
  row.max_vif = factors > 1 ? design.max_vif : row.max_vif;
  for (Eigen::Index k = 0; k < factors; ++k)
    row.betas[static_cast<std::size_t>(k)] = {f.coefficients(k + 1, place), f.std_errors(k + 1, place)};
  return row;
}

std::int64_t write_symbol_models(const Store& store, core::Date day, const FactorModelRow& model,
                                 std::span<const SymbolModel> rows) {
  std::int64_t written = store.writes_date_rows() ? write_model(store, day, model) : 0;
  if (!store.leaves_symbols()) return written + write_fits(store, day, model.model, rows);
  std::vector<SymbolModel> own;
  for (const SymbolModel& row : rows)
    if (!store.leaves_symbol(row.symbol)) own.push_back(row);
  return written + write_fits(store, day, model.model, own);
}

}  // namespace pb::store
