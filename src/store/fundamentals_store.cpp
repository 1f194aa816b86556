#include "store/fundamentals_store.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "core/market/decimal.hpp"
#include "pg/select.hpp"
#include "pg/writer.hpp"
#include "store/row_check.hpp"

namespace pb::store {

using core::Date;
using market::Decimal;
using market::EarningsStatus;
using market::FundamentalState;
using market::InstrumentClass;
using market::Kind;
using pg::Args;
using pg::field;
using pg::Type;

namespace {

using Names = std::vector<std::string>;

constexpr std::array fundamental_kinds{Kind::statements, Kind::estimates, Kind::earnings_dates, Kind::profiles};

std::optional<Kind> kind_of(std::string_view word) {
  for (const Kind kind : fundamental_kinds)
    if (word == market::to_word(kind)) return kind;
  return std::nullopt;
}

constexpr std::array<std::pair<EarningsStatus, const char*>, 4> status_words{{{EarningsStatus::estimate, "estimate"},
                                                                              {EarningsStatus::window, "window"},
                                                                              {EarningsStatus::confirmed, "confirmed"},
                                                                              {EarningsStatus::reported, "reported"}}};

const char* status_word(EarningsStatus status) {
  for (const auto& [known, word] : status_words)
    if (known == status) return word;
  return "estimate";
}

EarningsStatus status_of(std::string_view word) {
  for (const auto& [status, known] : status_words)
    if (word == known) return status;
  return EarningsStatus::estimate;
}

// How a column takes a text of a provider.
enum class Form { text, decimal, integer, boolean };

struct FiledColumn {
  std::string name;
  Form form;
};

// A table of what providers say of periods or symbols.
struct FiledTable {
  const char* name;
  Names keys;
  std::vector<FiledColumn> columns;                                // besides the keys
  std::vector<std::pair<std::string, std::string>> computed = {};  // columns from others of the merged row m
  bool has_currency = true;
  std::string also_on_change = "fetched_at = now()";
};

std::vector<FiledColumn> of_form(Form form, std::initializer_list<const char*> names) {
  std::vector<FiledColumn> columns;
  for (const char* name : names) columns.push_back({name, form});
  return columns;
}

std::vector<FiledColumn> joined(std::initializer_list<std::vector<FiledColumn>> parts) {
  std::vector<FiledColumn> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::pair<std::string, std::string> ratio(const char* column, const std::string& part, const std::string& whole) {
  return {column, "coalesce((m." + part + " / nullif(m." + whole + ", 0))::double precision, m." + column + ")"};
}

std::pair<std::string, std::string> difference(const char* column, const std::string& first,
                                               const std::string& operation, const std::string& second) {
  return {column, "coalesce(m." + first + " " + operation + " m." + second + ", m." + column + ")"};
}

const Names& period_keys() {
  static const Names keys{"symbol", "period_date", "frequency", "provider"};
  return keys;
}

const std::vector<FiledTable>& statement_tables() {
  static const std::vector<FiledTable> tables{
      {"income_statements",
       period_keys(),
       joined({of_form(Form::text, {"eps_currency"}),
               of_form(Form::decimal,
                       {"total_revenue", "cost_of_revenue", "gross_profit", "gross_margin", "research_and_development",
                        "selling_general_and_administrative", "operating_income", "operating_margin", "ebit", "ebitda",
                        "net_income", "net_margin", "diluted_eps", "basic_eps", "tax_provision", "interest_expense",
                        "depreciation_and_amortization"}),
               of_form(Form::integer, {"basic_average_shares", "diluted_average_shares"})}),
       {ratio("gross_margin", "gross_profit", "total_revenue"),
        ratio("operating_margin", "operating_income", "total_revenue"),
        ratio("net_margin", "net_income", "total_revenue")}},
      {"balance_sheets",
       period_keys(),
       of_form(Form::decimal, {"total_assets",
                               "current_assets",
                               "cash_and_cash_equivalents",
                               "short_term_investments",
                               "accounts_receivable",
                               "inventory",
                               "property_plant_equipment",
                               "intangible_assets",
                               "total_liabilities",
                               "current_liabilities",
                               "accounts_payable",
                               "short_term_debt",
                               "long_term_debt",
                               "total_debt",
                               "total_stockholders_equity",
                               "retained_earnings",
                               "common_stock",
                               "working_capital",
                               "net_debt",
                               "current_ratio",
                               "debt_to_equity",
                               "book_value_per_share"}),
       {difference("working_capital", "current_assets", "-", "current_liabilities"),
        difference("net_debt", "total_debt", "-", "cash_and_cash_equivalents"),
        ratio("current_ratio", "current_assets", "current_liabilities"),
        ratio("debt_to_equity", "total_debt", "total_stockholders_equity")}},
      {"cash_flows",
       period_keys(),
       of_form(Form::decimal, {"operating_cash_flow", "depreciation_and_amortization", "stock_based_compensation",
                               "change_in_working_capital", "investing_cash_flow", "capital_expenditures",
                               "acquisitions", "purchases_of_investments", "financing_cash_flow", "dividends_paid",
                               "stock_repurchases", "debt_issuance_repayment", "net_change_in_cash",
                               "beginning_cash_position", "free_cash_flow", "fcf_margin"}),
       {difference("free_cash_flow", "operating_cash_flow", "+", "capital_expenditures")}}};
  return tables;
}

const FiledTable& estimates_table() {
  static const FiledTable table{
      "analyst_estimates", period_keys(),
      joined({of_form(Form::decimal, {"revenue_avg", "revenue_low", "revenue_high", "revenue_growth", "eps_avg",
                                      "eps_low", "eps_high", "eps_growth"}),
              of_form(Form::integer, {"fiscal_year", "fiscal_quarter", "revenue_analysts", "eps_analysts"})})};
  return table;
}

const FiledTable& profiles_table() {
  static const FiledTable table{
      .name = "company_profiles",
      .keys = {"symbol"},
      .columns = joined({of_form(Form::text, {"company_name", "sector", "industry", "exchange", "country",
                                              "description", "ceo", "website", "recommendation_key", "fiscal_year_end",
                                              "next_earnings_date", "data_source"}),
                         of_form(Form::boolean, {"is_etf", "is_fund"}),
                         of_form(Form::integer, {"employees", "number_of_analyst_opinions", "fiscal_quarter_offset"}),
                         of_form(Form::decimal, {"market_cap",
                                                 "pe_ratio",
                                                 "forward_pe",
                                                 "dividend_yield",
                                                 "beta",
                                                 "week_52_high",
                                                 "week_52_low",
                                                 "target_mean_price",
                                                 "target_high_price",
                                                 "target_low_price",
                                                 "recommendation_mean",
                                                 "forward_eps",
                                                 "earnings_growth",
                                                 "revenue_growth",
                                                 "earnings_quarterly_growth",
                                                 "profit_margins",
                                                 "operating_margins",
                                                 "gross_margins",
                                                 "return_on_assets",
                                                 "return_on_equity",
                                                 "total_revenue",
                                                 "next_earnings_expected_eps",
                                                 "next_earnings_expected_revenue"})}),
      .has_currency = false,
      .also_on_change = "updated_at = now()"};
  return table;
}

// The text as the column takes it; empty: none.
std::string formed(Form form, const std::string& text) {
  if (form == Form::text) return text;
  if (form == Form::boolean) return text == "true" || text == "false" ? text : "";
  const auto number = Decimal::parse(text);
  if (!number) return "";
  return form == Form::integer ? number->rounded().str() : number->str();
}

// One row of a table while it is put together.
class FiledRow {
 public:
  FiledRow(const FiledTable& table, pg::RowBuffer& rows) : table_(table), rows_(rows) {}

  void add_items(const std::vector<std::pair<std::string, std::string>>& items) {
    std::map<std::string, std::string> by_name(items.begin(), items.end());
    for (const FiledColumn& column : table_.columns) {
      const auto found = by_name.find(column.name);
      rows_.add_text_or_null(found == by_name.end() ? "" : formed(column.form, found->second));
    }
  }

 private:
  const FiledTable& table_;
  pg::RowBuffer& rows_;
};

// The statement that merges new rows into stored ones: what is new where it is said, and what is stored elsewhere.
std::string merge_statement(const Store& store, const FiledTable& table, const pg::RowBuffer& rows) {
  const auto is_key = [&](const std::string& name) {
    return std::find(table.keys.begin(), table.keys.end(), name) != table.keys.end();
  };
  std::string merged, inserted, chosen, assigned, before, after, keys;
  const auto append = [](std::string& list, const std::string& item) { list += (list.empty() ? "" : ", ") + item; };
  for (const std::string& key : table.keys) append(keys, key);
  for (const auto& [name, type] : rows.columns()) {
    append(inserted, name);
    if (is_key(name)) {
      append(merged, "n." + name);
      append(chosen, "m." + name);
      continue;
    }
    const char* otherwise = name == "currency" ? ", 'USD'" : "";
    std::string latest = "coalesce(n.";
    latest.append(name).append(", s.").append(name).append(otherwise).append(") AS ").append(name);
    append(merged, latest);
    const auto computed = std::find_if(table.computed.begin(), table.computed.end(),
                                       [&name = name](const auto& column) { return column.first == name; });
    append(chosen, computed == table.computed.end() ? "m." + name : computed->second);
    append(assigned, std::string(name).append(" = excluded.").append(name));
    append(before, "t." + name);
    append(after, "excluded." + name);
  }
  const std::string name = store.table(table.name);
  return "INSERT INTO " + name + " AS t (" + inserted + ") SELECT " + chosen + " FROM (SELECT " + merged +
         " FROM {rows} n LEFT JOIN " + name + " s USING (" + keys + ")" +
         (table.has_currency ? " WHERE (s.currency <> n.currency) IS NOT TRUE" : "") + ") m ON CONFLICT (" + keys +
         ") DO UPDATE SET " + assigned + ", " + table.also_on_change + " WHERE (" + before + ") IS DISTINCT FROM (" +
         after + ")";
}

std::vector<pg::ColumnDef> text_columns(const FiledTable& table, std::vector<pg::ColumnDef> columns) {
  for (const FiledColumn& column : table.columns) columns.push_back({column.name, Type::text});
  return columns;
}

pg::RowBuffer statement_rows(const FiledTable& table, const std::string& symbol, const std::string& provider,
                             std::span<const market::Statement> statements) {
  pg::RowBuffer rows(text_columns(table, {{"symbol", Type::text},
                                          {"period_date", Type::date},
                                          {"frequency", Type::text},
                                          {"provider", Type::text},
                                          {"fiscal_year", Type::int4},
                                          {"fiscal_quarter", Type::int4},
                                          {"currency", Type::text},
                                          {"reported_period_date", Type::date},
                                          {"known_on", Type::date}}));
  std::set<std::pair<Date, char>> periods;
  for (const market::Statement& statement : statements) {
    if (statement.table != table.name) continue;
    if (!periods.emplace(statement.period_date, statement.frequency).second) continue;
    rows.add(symbol).add(statement.period_date).add(std::string(1, statement.frequency)).add(provider);
    rows.add(statement.fiscal_year).add(statement.fiscal_quarter).add_text_or_null(statement.currency);
    rows.add(statement.reported_period_date).add(statement.known_on);
    auto items = statement.items;
    items.emplace_back("eps_currency", statement.eps_currency);
    FiledRow(table, rows).add_items(items);
  }
  return rows;
}

// What is held, by symbol: whether it is an option or private, and its value. $1 is the day.
std::string held_symbols(const Store& store) {
  return "(SELECT s.symbol, bool_and(s.is_option) AS is_option, bool_and(s.is_private) AS is_private,"
         " coalesce(sum(abs(p.market_value)) FILTER (WHERE abs(p.market_value) < 1e16), 0)::double precision AS value"
         " FROM " +
         store.table("positions") + " p JOIN " + store.table("portfolios") +
         " f ON f.id = p.portfolio_id AND f.is_active AND f.deleted_at IS NULL CROSS JOIN LATERAL (VALUES"
         " (p.symbol, length(p.position_type) = 2, p.investment_class IS NOT DISTINCT FROM 'PRIVATE'),"
         " (nullif(p.underlying_symbol, ''), false, false)) s (symbol, is_option, is_private)"
         " WHERE s.symbol IS NOT NULL AND p.entry_date <= $1 AND (p.exit_date IS NULL OR p.exit_date > $1)"
         " AND p.deleted_at IS NULL GROUP BY s.symbol)";
}

void load_states(const Store& store, std::vector<FundamentalSymbol>& symbols) {
  struct Row {
    std::string symbol, kind;
    std::optional<std::string> provider;
    std::optional<pg::Timestamp> last_attempt_at, last_success_at;
    std::optional<Date> answered_for, last_period_end, expected_period_end, earnings_first, earnings_last;
    std::optional<std::string> earnings_status;
    std::int32_t attempts_since_due, no_data_count, failure_count;
  };
  static const auto columns = pg::select(
      "fundamental_state", field("symbol", &Row::symbol), field("kind", &Row::kind), field("provider", &Row::provider),
      field("last_attempt_at", &Row::last_attempt_at), field("last_success_at", &Row::last_success_at),
      field("answered_for", &Row::answered_for), field("last_period_end", &Row::last_period_end),
      field("expected_period_end", &Row::expected_period_end), field("earnings_first", &Row::earnings_first),
      field("earnings_last", &Row::earnings_last), field("earnings_status", &Row::earnings_status),
      field("attempts_since_due", &Row::attempts_since_due), field("no_data_count", &Row::no_data_count),
      field("failure_count", &Row::failure_count));
  std::map<std::string_view, FundamentalSymbol*> by_name;
  Names names;
  for (FundamentalSymbol& symbol : symbols) {
    by_name[symbol.symbol] = &symbol;
    names.push_back(symbol.symbol);
  }
  columns.from(store.table("fundamental_state") + " WHERE symbol = ANY ($1)", Args{Type::text_array}.add(names),
               [&](Row& row) {
                 const auto kind = kind_of(row.kind);
                 const auto found = by_name.find(row.symbol);
                 if (!kind || found == by_name.end()) return;
                 FundamentalState state;
                 state.provider = std::move(row.provider).value_or("");
                 if (row.last_attempt_at) state.last_attempt_at = row.last_attempt_at->microseconds;
                 if (row.last_success_at) state.last_success_at = row.last_success_at->microseconds;
                 state.answered_for = row.answered_for;
                 state.last_period_end = row.last_period_end;
                 state.expected_period_end = row.expected_period_end;
                 if (row.earnings_first && row.earnings_last)
                   state.earnings = market::Earnings{*row.earnings_first, *row.earnings_last,
                                                     status_of(row.earnings_status.value_or("estimate"))};
                 state.attempts_since_due = row.attempts_since_due;
                 state.no_data_count = row.no_data_count;
                 state.failure_count = row.failure_count;
                 found->second->states[*kind] = std::move(state);
               });
}

}  // namespace

std::optional<market::Earnings> FundamentalSymbol::earnings() const {
  const auto found = states.find(Kind::earnings_dates);
  if (found != states.end() && found->second.earnings) return found->second.earnings;
  if (!next_earnings_date) return std::nullopt;
  return market::Earnings{*next_earnings_date, *next_earnings_date, EarningsStatus::estimate};
}

std::vector<FundamentalSymbol> load_fundamental_symbols(const Store& store, Date day,
                                                        const std::optional<Names>& symbols) {
  struct Row {
    std::string symbol;
    bool is_option, is_private, is_etf, is_fund, is_other;
    double value;
    std::optional<Date> next_earnings_date;
  };
  static const auto columns =
      pg::select("positions", field("w.symbol", &Row::symbol),
                 field("coalesce(h.is_option, w.symbol ~ '[0-9]{6}[CP][0-9]{8}$')", &Row::is_option, "is_option"),
                 field("coalesce(h.is_private, false)", &Row::is_private, "is_private"),
                 field("coalesce(c.is_etf, f.symbol IS NOT NULL)", &Row::is_etf, "is_etf"),
                 field("coalesce(c.is_fund, w.symbol ~ '^[A-Z]{4}X$')", &Row::is_fund, "is_fund"),
                 field("w.symbol ~ '^\\^|=|-USD$'", &Row::is_other, "is_other"),
                 field("coalesce(h.value, 0)", &Row::value, "value"),
                 field("CASE WHEN isfinite(c.next_earnings_date) THEN c.next_earnings_date END",
                       &Row::next_earnings_date, "next_earnings_date"));
  const std::string held = held_symbols(store);
  const std::string wanted =
      symbols ? "(SELECT DISTINCT unnest($2)) w (symbol) LEFT JOIN " + held + " h USING (symbol)"
              : "(SELECT symbol FROM " + held + " a WHERE $2 IS NULL) w JOIN " + held + " h USING (symbol)";
  std::vector<FundamentalSymbol> found;
  Args args = Args{Type::date, Type::text_array}.add(day);
  if (symbols)
    args.add(*symbols);
  else
    args.null();
  columns.from(
      wanted + " LEFT JOIN " + store.table("company_profiles") +
          " c ON c.symbol = w.symbol LEFT JOIN (SELECT DISTINCT unnest(ARRAY[long_symbol, short_symbol]) FROM " +
          store.table("factor_definitions") +
          ") f (symbol) ON f.symbol = w.symbol WHERE w.symbol <> '' ORDER BY w.symbol COLLATE \"C\"",
      args, [&](Row& row) {
        FundamentalSymbol symbol{.symbol = std::move(row.symbol), .value = row.value};
        symbol.next_earnings_date = row.next_earnings_date;
        if (row.is_private)
          symbol.instrument = InstrumentClass::private_asset;
        else if (row.is_option)
          symbol.instrument = InstrumentClass::option;
        else if (row.is_etf)
          symbol.instrument = InstrumentClass::etf;
        else if (row.is_fund)
          symbol.instrument = InstrumentClass::fund;
        else if (row.is_other)
          symbol.instrument = InstrumentClass::other;
        found.push_back(std::move(symbol));
      });
  load_states(store, found);
  return found;
}

std::int64_t write_statements(const Store& store, const std::string& symbol, const std::string& provider,
                              std::span<const market::Statement> statements) {
  std::int64_t written = 0;
  for (const FiledTable& table : statement_tables()) {
    const pg::RowBuffer rows = statement_rows(table, symbol, provider, statements);
    written += pg::execute_with_rows(merge_statement(store, table, rows), store.table(table.name), rows);
  }
  return written;
}

std::int64_t count_in_other_currency(const Store& store, const std::string& symbol, const std::string& provider,
                                     std::span<const market::Statement> statements) {
  std::int64_t found = 0;
  for (const FiledTable& table : statement_tables()) {
    const pg::RowBuffer rows = statement_rows(table, symbol, provider, statements);
    const std::string name = store.table(table.name);
    found += pg::execute_with_rows("SELECT FROM {rows} n JOIN " + name +
                                       " s USING (symbol, period_date, frequency, provider)"
                                       " WHERE s.currency <> n.currency",
                                   name, rows);
  }
  return found;
}

std::int64_t write_profile(const Store& store, const std::string& symbol, const std::string& provider,
                           const market::Profile& profile) {
  const FiledTable& table = profiles_table();
  pg::RowBuffer rows(text_columns(table, {{"symbol", Type::text}}));
  rows.add(symbol);
  auto columns = profile.columns;
  columns.emplace_back("data_source", provider);
  FiledRow(table, rows).add_items(columns);
  const auto written = pg::execute_with_rows(merge_statement(store, table, rows), store.table(table.name), rows);
  pg::execute("UPDATE " + store.table("company_profiles") + " SET last_updated = now() WHERE symbol = $1",
              Args{Type::text}.add(symbol));
  return written;
}

std::int64_t write_estimates(const Store& store, const std::string& symbol, const std::string& provider,
                             std::span<const market::Estimate> estimates) {
  const FiledTable& table = estimates_table();
  pg::RowBuffer rows(text_columns(table, {{"symbol", Type::text},
                                          {"period_date", Type::date},
                                          {"frequency", Type::text},
                                          {"provider", Type::text},
                                          {"currency", Type::text}}));
  std::set<std::pair<Date, char>> periods;
  for (const market::Estimate& estimate : estimates) {
    if (!periods.emplace(estimate.period_date, estimate.frequency).second) continue;
    rows.add(symbol).add(estimate.period_date).add(std::string(1, estimate.frequency)).add(provider);
    const auto currency = std::find_if(estimate.columns.begin(), estimate.columns.end(),
                                       [](const auto& column) { return column.first == "currency"; });
    rows.add_text_or_null(currency == estimate.columns.end() ? "" : currency->second);
    FiledRow(table, rows).add_items(estimate.columns);
  }
  return pg::execute_with_rows(merge_statement(store, table, rows), store.table(table.name), rows);
}

std::vector<Date> complete_periods(const Store& store, const std::string& symbol, const std::string& provider) {
  struct Row {
    Date period_date;
    std::string frequency;
  };
  static const auto columns =
      pg::select("income_statements", field("i.period_date", &Row::period_date), field("i.frequency", &Row::frequency));
  std::vector<Date> quarters, years;
  const std::string keys = " USING (symbol, period_date, frequency, provider)";
  columns.from(store.table("income_statements") + " i JOIN " + store.table("balance_sheets") + " b" + keys + " JOIN " +
                   store.table("cash_flows") + " c" + keys +
                   " WHERE i.symbol = $1 AND i.provider = $2 AND coalesce(i.total_revenue, i.net_income) IS NOT NULL"
                   " AND b.total_assets IS NOT NULL AND c.operating_cash_flow IS NOT NULL"
                   " AND isfinite(i.period_date) ORDER BY i.period_date",
               Args{Type::text, Type::text}.add(symbol).add(provider),
               [&](const Row& row) { (row.frequency == "q" ? quarters : years).push_back(row.period_date); });
  return quarters.empty() ? years : quarters;
}

std::vector<std::string> statement_doubts(const Store& store, const std::string& symbol, const std::string& provider) {
  struct Row {
    std::string text;
  };
  static const auto columns = pg::select("balance_sheets", field("d.text", &Row::text));
  const auto newest = [&](const char* table) {
    return store.table(table) + " t WHERE t.symbol = $1 AND t.provider = $2 ORDER BY t.period_date DESC LIMIT 8";
  };
  const std::string period =
      "'the ' || CASE t.frequency WHEN 'q' THEN 'quarter' ELSE 'year' END || ' to ' || "
      "t.period_date || ': '";
  const auto doubts = [&](const char* table, const char* condition, const char* text) {
    return "SELECT " + period + " || '" + text + "' AS text FROM (SELECT t.* FROM " + newest(table) + ") t WHERE " +
           condition;
  };
  std::vector<std::string> found;
  columns.from(
      "(" +
          doubts("balance_sheets",
                 "t.total_liabilities + t.total_stockholders_equity > t.total_assets + 0.005 * abs(t.total_assets)",
                 "liabilities and equity exceed assets") +
          " UNION ALL " +
          doubts("cash_flows",
                 "abs(t.operating_cash_flow + t.investing_cash_flow + t.financing_cash_flow - t.net_change_in_cash)"
                 " > 0.05 * greatest(abs(t.operating_cash_flow), abs(t.investing_cash_flow),"
                 " abs(t.financing_cash_flow))",
                 "the three cash flows are not the change in cash") +
          " UNION ALL " +
          doubts("income_statements",
                 "abs(t.total_revenue - t.cost_of_revenue - t.gross_profit) > 0.005 * abs(t.total_revenue)",
                 "gross profit is not revenue less its cost") +
          ") d ORDER BY d.text COLLATE \"C\"",
      Args{Type::text, Type::text}.add(symbol).add(provider), [&](Row& row) { found.push_back(std::move(row.text)); });
  return found;
}

void write_attempt(const Store& store, const FundamentalAttempt& attempt) {
  const FundamentalState& state = attempt.state;
  pg::RowBuffer rows({{"symbol", Type::text},
                      {"kind", Type::text},
                      {"provider", Type::text},
                      {"last_attempt_at", Type::timestamptz},
                      {"last_success_at", Type::timestamptz},
                      {"answered_for", Type::date},
                      {"last_period_end", Type::date},
                      {"expected_period_end", Type::date},
                      {"earnings_first", Type::date},
                      {"earnings_last", Type::date},
                      {"earnings_status", Type::text},
                      {"attempts_since_due", Type::int4},
                      {"no_data_count", Type::int4},
                      {"failure_count", Type::int4},
                      {"last_error", Type::text}});
  rows.add(attempt.symbol).add(market::to_word(attempt.kind)).add_text_or_null(state.provider);
  rows.add(state.last_attempt_at).add(state.last_success_at).add(state.answered_for);
  rows.add(state.last_period_end).add(state.expected_period_end);
  if (state.earnings)
    rows.add(state.earnings->first).add(state.earnings->last).add(status_word(state.earnings->status));
  else
    rows.null().null().null();
  rows.add(state.attempts_since_due).add(state.no_data_count).add(state.failure_count);
  rows.add_text_or_null(attempt.error);
  pg::upsert({.table = store.table("fundamental_state"), .keys = {"symbol", "kind"}}, rows);
  if (attempt.has_new_data)
    pg::execute("UPDATE " + store.table("fundamental_state") +
                    " SET last_new_data_at = last_attempt_at WHERE symbol = $1 AND kind = $2",
                Args{Type::text, Type::text}.add(attempt.symbol).add(market::to_word(attempt.kind)));
  if (attempt.kind == Kind::statements)
    pg::execute("UPDATE " + store.table("company_profiles") +
                    " SET fundamentals_last_attempt = s.last_attempt_at, fundamentals_last_fetched = s.last_success_at,"
                    " fundamentals_failures = s.failure_count + s.no_data_count FROM " +
                    store.table("fundamental_state") +
                    " s WHERE s.symbol = $1 AND s.kind = 'statements' AND company_profiles.symbol = $1",
                Args{Type::text}.add(attempt.symbol));
  if (attempt.kind == Kind::earnings_dates && state.earnings && state.earnings->status != EarningsStatus::reported)
    pg::execute("UPDATE " + store.table("company_profiles") +
                    " SET next_earnings_date = $2, updated_at = now() WHERE symbol = $1"
                    " AND next_earnings_date IS DISTINCT FROM $2",
                Args{Type::text, Type::date}.add(attempt.symbol).add(state.earnings->last));
}

std::optional<FundamentalsRecord> newest_fundamentals(const Store& store, Date day) {
  using Row = FundamentalsRecord;
  static const auto columns = pg::select(
      "collections", field("status", &Row::status), field("coalesce(symbols_requested, 0)", &Row::due, "due"),
      field("coalesce(symbols_fetched, 0)", &Row::fetched, "fetched"),
      field("coalesce(rows_written, 0)", &Row::rows_written, "rows_written"),
      field(
          "concat_ws('; ', error_message, (SELECT string_agg(n, '; ') FROM jsonb_array_elements_text(detail -> 'notes')"
          " n))",
          &Row::notes, "notes"),
      field("coalesce(detail::text, '')", &Row::detail_json, "detail"));
  std::optional<FundamentalsRecord> newest;
  columns.from(store.table("collections") +
                   " WHERE kind = 'fundamentals' AND target_date = $1 ORDER BY collection_id DESC LIMIT 1",
               Args{Type::date}.add(day), [&](Row& row) { newest = std::move(row); });
  return newest;
}

bool has_fundamental_sources(const Store& store) {
  struct Row {
    bool has;
  };
  static const auto columns = pg::select("provider_priority", field("s.has", &Row::has));
  const std::string of_kinds =
      " WHERE is_enabled AND kind IN ('profiles', 'statements', 'estimates', 'earnings_dates')";
  return columns
      .only_row("SELECT " + columns.list() + " FROM (SELECT EXISTS (SELECT FROM " + store.table("provider_priority") +
                    of_kinds + ") OR EXISTS (SELECT FROM " + store.table("price_sources") + of_kinds + ") AS has) s",
                {})
      .has;
}

}  // namespace pb::store
