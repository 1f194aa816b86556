#include "store/model_quality_store.hpp"

#include <cstdint>

#include "core/limits.hpp"
#include "pg/select.hpp"

namespace pb::store {

using core::Date;
using pg::Args;
using pg::field;
using pg::Type;

namespace {

// A number of observations among a model's parameters, as SQL; NULL where it is none.
std::string parameter(const std::string& name) {
  const std::string number = "(m.parameters ->> '" + name + "')::numeric";
  return "CASE WHEN jsonb_typeof(m.parameters -> '" + name + "') = 'number' THEN CASE WHEN " + number +
         " BETWEEN 1 AND 100000 THEN " + number + "::integer END END";
}

// A condition on symbols, with its parameter.
std::string of_symbols(const std::string& column, const ChosenSymbols& symbols, int place, Args& args) {
  if (!symbols) return "";
  args.append(Type::text_array, std::span<const std::string>(*symbols));
  return " AND " + column + " = ANY ($" + std::to_string(place) + ")";
}

}  // namespace

std::vector<StoredModel> load_models(const Store& store, const std::string& model, Date from, Date to) {
  struct Row {
    Date day;
    std::optional<std::string> name, long_symbol, short_symbol;
    std::optional<std::int32_t> window, min_observations;
    bool is_orthogonalized;
  };
  static const auto columns = pg::select(
      "factor_models", field("m.calculation_date", &Row::day), field("f.name", &Row::name),
      field("f.long_symbol", &Row::long_symbol), field("f.short_symbol", &Row::short_symbol),
      field(parameter("window"), &Row::window, "parameters"),
      field(parameter("min_observations"), &Row::min_observations, "parameters"),
      field("COALESCE(m.parameters -> 'orthogonalized' = 'true', false)", &Row::is_orthogonalized, "parameters"));
  std::vector<StoredModel> models;
  columns.from(
      store.table("factor_models") +
          " m CROSS JOIN LATERAL unnest(m.factors, m.long_symbols, m.short_symbols) WITH ORDINALITY"
          " f (name, long_symbol, short_symbol, place)"
          " WHERE m.model = $1 AND m.calculation_date BETWEEN $2 AND $3 ORDER BY m.calculation_date, f.place",
      Args{Type::text, Type::date, Type::date}.add(model).add(from).add(to), [&](Row& row) {
        if (models.empty() || models.back().day != row.day)
          models.push_back({.day = row.day,
                            .factors = {},
                            .window = row.window.value_or(0),
                            .min_observations = row.min_observations.value_or(0),
                            .is_orthogonalized = row.is_orthogonalized});
        models.back().factors.push_back({std::move(row.name).value_or(""), std::move(row.long_symbol).value_or(""),
                                         std::move(row.short_symbol).value_or("")});
      });
  return models;
}

std::optional<Date> newest_model(const Store& store, const std::string& model, Date until) {
  struct Row {
    std::optional<Date> day;
  };
  static const auto columns = pg::select("factor_models", field("max(m.calculation_date)", &Row::day));
  return columns
      .only_row("SELECT " + columns.list() + " FROM " + store.table("factor_models") +
                    " m WHERE m.model = $1 AND m.calculation_date <= $2",
                Args{Type::text, Type::date}.add(model).add(until))
      .day;
}

namespace {

struct SymbolRow {
  std::string symbol;
};

std::vector<std::string> symbols_of(const std::string& source, const Args& args) {
  static const auto columns = pg::select("symbol_model_fits", field("s.symbol", &SymbolRow::symbol));
  std::vector<std::string> symbols;
  columns.from(source, args, [&](SymbolRow& row) { symbols.push_back(std::move(row.symbol)); });
  return symbols;
}

}  // namespace

std::vector<std::string> estimated_symbols(const Store& store, Date from, Date to) {
  const std::string dated = " WHERE calculation_date BETWEEN $1 AND $2";
  return symbols_of("(SELECT DISTINCT symbol FROM " + store.table("symbol_model_fits") + dated +
                        " UNION SELECT DISTINCT symbol FROM " + store.table("symbol_volatility") + dated +
                        ") s WHERE s.symbol IS NOT NULL",
                    Args{Type::date, Type::date}.add(from).add(to));
}

std::vector<std::string> held_symbols(const Store& store, std::span<const core::Uuid> portfolio_ids, Date from,
                                      Date to) {
  return symbols_of("(SELECT DISTINCT u.symbol FROM " + store.table("portfolio_holdings") +
                        " h CROSS JOIN LATERAL unnest(h.symbols) u (symbol) WHERE h.portfolio_id = ANY ($1)"
                        " AND h.calculation_date BETWEEN $2 AND $3 AND u.symbol IS NOT NULL) s",
                    Args{Type::uuid_array, Type::date, Type::date}.add(portfolio_ids).add(from).add(to));
}

namespace {

// Some of the betas of a fit that follow one another.
struct FitRow {
  std::optional<std::string_view> symbol;
  Date day;
  std::optional<double> b1, b2, b3, b4, b5, b6, b7, b8;

  std::array<double, betas_at_once> betas() const {
    std::array<double, betas_at_once> values{};
    std::size_t place = 0;
    for (const auto& beta : {b1, b2, b3, b4, b5, b6, b7, b8}) values[place++] = beta.value_or(core::nan);
    return values;
  }
};

// The columns of a fit with the betas after so many.
auto fit_columns(std::size_t before) {
  using Row = FitRow;
  const auto beta = [before](std::size_t place, std::optional<double> Row::*member) {
    return field("f.betas[" + std::to_string(before + place) + "]", member, "betas");
  };
  return pg::select("symbol_model_fits", field("f.symbol", &Row::symbol), field("f.calculation_date", &Row::day),
                    beta(1, &Row::b1), beta(2, &Row::b2), beta(3, &Row::b3), beta(4, &Row::b4), beta(5, &Row::b5),
                    beta(6, &Row::b6), beta(7, &Row::b7), beta(8, &Row::b8));
}

}  // namespace

void each_fit(const Store& store, const std::string& model, Date from, Date to, std::size_t factors,
              const ChosenSymbols& symbols, const std::function<void(const StoredBetas&)>& callback) {
  Args args{Type::text, Type::date, Type::date};
  args.add(model).add(from).add(to);
  const std::string source = store.table("symbol_model_fits") +
                             " f WHERE f.model = $1 AND f.calculation_date BETWEEN $2 AND $3 AND f.betas IS NOT NULL" +
                             of_symbols("f.symbol", symbols, 4, args);
  for (std::size_t before = 0; before < factors; before += betas_at_once)
    fit_columns(before).from(source, args, [&](const FitRow& row) {
      callback({.symbol = row.symbol.value_or(""), .day = row.day, .before = before, .betas = row.betas()});
    });
}

void each_beta_pair(const Store& store, const std::string& model, Date before, Date after, const ChosenSymbols& symbols,
                    const std::function<void(const BetaPair&)>& callback) {
  struct Row {
    std::optional<double> before, std_error, after;
  };
  static const auto columns =
      pg::select("symbol_model_fits", field("u.before", &Row::before, "betas"),
                 field("u.std_error", &Row::std_error, "std_errors"), field("u.after", &Row::after, "betas"));
  Args args{Type::text, Type::date, Type::date};
  args.add(model).add(before).add(after);
  const std::string fits = store.table("symbol_model_fits");
  const std::string models = store.table("factor_models");
  const std::string source =
      fits + " b JOIN " + fits + " a ON a.symbol = b.symbol AND a.model = b.model AND a.calculation_date = $3 JOIN " +
      models + " mb ON mb.model = b.model AND mb.calculation_date = b.calculation_date JOIN " + models +
      " ma ON ma.model = a.model AND ma.calculation_date = a.calculation_date"
      " AND ma.factors = mb.factors"
      " CROSS JOIN LATERAL unnest(b.betas, b.std_errors, a.betas) WITH ORDINALITY"
      " u (before, std_error, after, place)"
      " WHERE b.model = $1 AND b.calculation_date = $2" +
      of_symbols("b.symbol", symbols, 4, args) + " ORDER BY b.symbol COLLATE \"C\", u.place";
  columns.from(source, args, [&](const Row& row) {
    callback({row.before.value_or(core::nan), row.std_error.value_or(core::nan), row.after.value_or(core::nan)});
  });
}

void each_volatility(const Store& store, Date from, Date to, const ChosenSymbols& symbols,
                     const std::function<void(const StoredVolatility&)>& callback) {
  struct Row {
    std::optional<std::string_view> symbol;
    Date day;
    std::optional<double> value_21d, low_21d, high_21d, value_63d, low_63d, high_63d, expected;
    std::optional<std::string_view> method;
    std::optional<std::int32_t> sessions_per_year;
  };
  static const auto columns = pg::select(
      "symbol_volatility", field("v.symbol", &Row::symbol), field("v.calculation_date", &Row::day),
      field("v.realized_volatility_21d", &Row::value_21d), field("v.realized_volatility_21d_low", &Row::low_21d),
      field("v.realized_volatility_21d_high", &Row::high_21d), field("v.realized_volatility_63d", &Row::value_63d),
      field("v.realized_volatility_63d_low", &Row::low_63d), field("v.realized_volatility_63d_high", &Row::high_63d),
      field("v.expected_volatility_21d", &Row::expected), field("v.forecast_method", &Row::method),
      field("v.sessions_per_year", &Row::sessions_per_year));
  Args args{Type::date, Type::date};
  args.add(from).add(to);
  const std::string source = store.table("symbol_volatility") + " v WHERE v.calculation_date BETWEEN $1 AND $2" +
                             of_symbols("v.symbol", symbols, 3, args) + " ORDER BY v.calculation_date, v.symbol";
  columns.from(source, args, [&](const Row& row) {
    const auto or_nan = [](const std::optional<double>& value) { return value.value_or(core::nan); };
    callback({.symbol = row.symbol.value_or(""),
              .day = row.day,
              .realized_21d = {or_nan(row.value_21d), or_nan(row.low_21d), or_nan(row.high_21d)},
              .realized_63d = {or_nan(row.value_63d), or_nan(row.low_63d), or_nan(row.high_63d)},
              .expected = or_nan(row.expected),
              .method = row.method.value_or(""),
              .sessions_per_year = row.sessions_per_year ? *row.sessions_per_year : core::nan});
  });
}

void each_portfolio_forecast(const Store& store, std::span<const core::Uuid> portfolio_ids, Date from, Date to,
                             const std::function<void(const PortfolioForecast&)>& callback) {
  struct Row {
    core::Uuid portfolio_id;
    Date day;
    Date before;
    std::optional<std::string_view> model;
    std::optional<double> outcome, forecast, plain;
    std::optional<std::int32_t> sessions_per_year;
  };
  static const auto columns = pg::select(
      "portfolio_snapshots", field("s.portfolio_id", &Row::portfolio_id), field("s.snapshot_date", &Row::day),
      field("s.previous_snapshot_date", &Row::before), field("f.model", &Row::model),
      field("s.daily_return", &Row::outcome), field("f.forecast", &Row::forecast, "contributions"),
      field("b.realized_volatility_63d", &Row::plain), field("b.sessions_per_year", &Row::sessions_per_year));
  const std::string snapshots = store.table("portfolio_snapshots");
  // The contributions of the factors and of what is specific add up to the volatility that a model sees.
  const std::string source =
      snapshots + " s JOIN " + snapshots +
      " b ON b.portfolio_id = s.portfolio_id AND b.snapshot_date = s.previous_snapshot_date"
      " CROSS JOIN LATERAL (SELECT m.model, (SELECT CASE WHEN bool_and(c.part IS NOT NULL) THEN sum(c.part) END"
      " FROM unnest(m.contributions) c (part)) AS forecast FROM " +
      store.table("portfolio_model_exposures") +
      " m WHERE m.portfolio_id = b.portfolio_id AND m.calculation_date = b.snapshot_date"
      " AND m.model IN ('ridge', 'spread') UNION ALL SELECT 'volatility', b.expected_volatility_21d) f"
      " WHERE s.portfolio_id = ANY ($1) AND s.snapshot_date BETWEEN $2 AND $3"
      " ORDER BY s.portfolio_id, s.snapshot_date, f.model";
  columns.from(source, Args{Type::uuid_array, Type::date, Type::date}.add(portfolio_ids).add(from).add(to),
               [&](const Row& row) {
                 callback({.portfolio_id = row.portfolio_id,
                           .day = row.day,
                           .before = row.before,
                           .model = row.model.value_or(""),
                           .outcome = row.outcome.value_or(core::nan),
                           .forecast = row.forecast.value_or(core::nan),
                           .plain = row.plain.value_or(core::nan),
                           .sessions_per_year = row.sessions_per_year ? *row.sessions_per_year : core::nan});
               });
}

}  // namespace pb::store
