#include "store/source_store.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>

#include "core/error.hpp"
#include "pg/memory.hpp"
#include "pg/select.hpp"
#include "store/row_check.hpp"

namespace pb::store {

using core::Date;
using market::Kind;
using market::SymbolAnswer;
using pg::Args;
using pg::Type;

namespace {

constexpr std::size_t kept_rejects = 100;
constexpr std::int64_t rows_per_account = 4096;  // how many rows are counted against the memory at a time

// A row that cannot be read.
struct BadRow {
  std::string reason;
};

std::string_view source_trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// What providers and spreadsheets write for nothing.
bool is_absence(std::string_view text) {
  constexpr std::string_view absences[] = {"n/a", "na", "#n/a", "none", "null", "nan", "-", ".", "data not available"};
  if (text.empty()) return true;
  if (text.size() > 20) return false;
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::find(std::begin(absences), std::end(absences), lower) != std::end(absences);
}

[[noreturn]] void reject(const std::string& column, std::string_view text, const char* what) {
  throw BadRow{column + ": \"" + shortened(text) + "\" is no " + what};
}

std::optional<int> digits_at(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  if (text.size() < at + count) return std::nullopt;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

// A day as ISO 8601 writes it, with or without hyphens; a time after it is left out.
std::optional<Date> source_day(std::string_view text) {
  const bool has_hyphens = text.size() >= 10 && text[4] == '-' && text[7] == '-';
  const std::size_t length = has_hyphens ? 10 : 8;
  if (text.size() > length && text[length] != 'T' && text[length] != ' ') return std::nullopt;
  const auto year = digits_at(text, 0, 4), month = digits_at(text, has_hyphens ? 5 : 4, 2),
             day = digits_at(text, has_hyphens ? 8 : 6, 2);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  return date.ok() ? std::optional(Date{date}) : std::nullopt;
}

// The values of one row by the names of our columns.
class SourceRow {
 public:
  SourceRow(const std::vector<SourceColumn>& columns, std::span<const std::string_view> texts)
      : columns_(columns), texts_(texts) {}

  // Without blanks around it; none for what stands for nothing.
  std::optional<std::string_view> text(std::string_view column) const {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].name != column) continue;
      const std::string_view text = source_trimmed(texts_[i]);
      if (is_absence(text)) return std::nullopt;
      return text;
    }
    return std::nullopt;
  }

  std::optional<double> number(std::string_view column) const {
    const auto value = text(column);
    if (!value) return std::nullopt;
    const char* first = value->data() + (value->front() == '+' ? 1 : 0);
    double number = 0;
    const auto [end, error] = std::from_chars(first, value->data() + value->size(), number);
    if (error != std::errc{} || end != value->data() + value->size()) reject(std::string(column), *value, "number");
    return number;
  }

  std::optional<std::int64_t> whole(std::string_view column) const {
    const auto value = number(column);
    if (!value) return std::nullopt;
    if (!std::isfinite(*value) || std::abs(*value) > 9e18) reject(std::string(column), *text(column), "whole number");
    return std::llround(*value);
  }

  std::optional<Date> day(std::string_view column) const {
    const auto value = text(column);
    if (!value) return std::nullopt;
    const auto day = source_day(*value);
    if (!day) reject(std::string(column), *value, "date");
    return day;
  }

  template <class T>
  static T required(const std::optional<T>& value, const char* column) {
    if (!value) throw BadRow{std::string(column) + " is not there"};
    return *value;
  }

  const std::vector<SourceColumn>& columns() const { return columns_; }

 private:
  const std::vector<SourceColumn>& columns_;
  std::span<const std::string_view> texts_;
};

// Hundredths of a currency as data vendors name them.
std::optional<std::string> currency_of_hundredths(std::string_view currency) {
  if (currency == "GBp" || currency == "GBX" || currency == "GBx") return "GBP";
  if (currency == "ZAc" || currency == "ZAC") return "ZAR";
  if (currency == "ILA" || currency == "ILa") return "ILS";
  return std::nullopt;
}

void add_price(SymbolAnswer& answer, const SourceRow& row) {
  market::Bar bar{.date = SourceRow::required(row.day("date"), "date")};
  bar.open = row.number("open");
  bar.high = row.number("high");
  bar.low = row.number("low");
  bar.close = row.number("close");
  bar.adj_close = row.number("adj_close");
  bar.volume = row.whole("volume");
  std::string currency(row.text("currency").value_or(""));
  if (const auto whole = currency_of_hundredths(currency)) {
    for (auto* price : {&bar.open, &bar.high, &bar.low, &bar.close, &bar.adj_close})
      if (*price) **price /= 100;
    currency = *whole;
  }
  const std::string_view adjustment = row.text("adjustment").value_or("raw");
  if (adjustment != "raw" && adjustment != "split")
    throw BadRow{"adjustment: \"" + shortened(adjustment) + "\" is neither raw nor split"};
  market::PriceSeries& series = answer.prices;
  if (series.bars.empty()) {
    series.currency = currency;
    series.is_split_adjusted = adjustment == "split";
  } else if (series.currency != currency) {
    throw BadRow{"currency: \"" + shortened(currency) + "\" differs from \"" + series.currency + "\" before"};
  } else if (series.is_split_adjusted != (adjustment == "split")) {
    throw BadRow{"adjustment: " + std::string(adjustment) + " differs from the rows before"};
  }
  series.bars.push_back(bar);
}

void add_action(SymbolAnswer& answer, const SourceRow& row) {
  market::Action action{.ex_date = SourceRow::required(row.day("ex_date"), "ex_date"),
                        .kind = std::string(SourceRow::required(row.text("kind"), "kind"))};
  const bool has_ratio = action.kind == "split" || action.kind == "stock_dividend";
  if (!has_ratio && action.kind != "dividend")
    throw BadRow{"kind: \"" + shortened(action.kind) + "\" is neither split, stock_dividend nor dividend"};
  const auto require_positive = [](std::optional<double> value, const char* column) {
    if (!std::isfinite(SourceRow::required(value, column)) || *value <= 0)
      throw BadRow{std::string(column) + " is not above 0"};
    return value;
  };
  if (has_ratio) {
    action.numerator = require_positive(row.number("ratio_numerator"), "ratio_numerator");
    action.denominator = require_positive(row.number("ratio_denominator").value_or(1), "ratio_denominator");
  } else {
    action.amount = require_positive(row.number("amount"), "amount");
  }
  answer.actions.push_back(std::move(action));
}

void add_yield(SymbolAnswer& answer, const SourceRow& row) {
  const auto rate = row.number("rate");
  if (!rate) return;  // a holiday of the bond market
  if (!std::isfinite(*rate)) throw BadRow{"rate is not finite"};
  answer.yields.push_back({.series = answer.symbol,
                           .date = SourceRow::required(row.day("date"), "date"),
                           .rate = *rate,
                           .known_on = row.day("known_on")});
}

void add_profile(SymbolAnswer& answer, const SourceRow& row) {
  if (answer.profile) throw BadRow{"a second profile of the symbol"};
  market::Profile profile;
  for (const SourceColumn& column : row.columns())
    if (const auto value = row.text(column.name); value && column.name != "symbol")
      profile.columns.emplace_back(column.name, *value);
  answer.profile = std::move(profile);
}

// The nearest end of a month within ten days, by which the periods of different fiscal calendars are compared.
Date canonical_period_end(Date day) {
  const std::chrono::year_month_day date{day};
  const std::chrono::year_month month{date.year(), date.month()};
  const Date end{month / std::chrono::last}, before{(month - std::chrono::months{1}) / std::chrono::last};
  if (end - day <= std::chrono::days{10}) return end;
  return day - before <= std::chrono::days{10} ? before : day;
}

void add_statement(SymbolAnswer& answer, const SourceRow& row) {
  const Date day = SourceRow::required(row.day("period_date"), "period_date");
  market::Statement statement{.table = std::string(SourceRow::required(row.text("statement_table"), "statement_table")),
                              .period_date = canonical_period_end(day),
                              .reported_period_date = day};
  if (statement.table != "income_statements" && statement.table != "balance_sheets" && statement.table != "cash_flows")
    throw BadRow{"statement_table: \"" + shortened(statement.table) + "\" is no table of statements"};
  const std::string_view frequency = SourceRow::required(row.text("frequency"), "frequency");
  if (frequency != "q" && frequency != "a")
    throw BadRow{"frequency: \"" + shortened(frequency) + "\" is neither q nor a"};
  statement.frequency = frequency.front();
  statement.currency = std::string(row.text("currency").value_or(""));
  if (const auto year = row.whole("fiscal_year")) statement.fiscal_year = static_cast<int>(*year);
  if (const auto quarter = row.whole("fiscal_quarter")) statement.fiscal_quarter = static_cast<int>(*quarter);
  statement.known_on = row.day("known_on");
  constexpr std::string_view others[] = {"symbol",   "period_date", "frequency",      "statement_table",
                                         "currency", "fiscal_year", "fiscal_quarter", "known_on"};
  for (const SourceColumn& column : row.columns()) {
    if (std::find(std::begin(others), std::end(others), column.name) != std::end(others)) continue;
    if (const auto value = row.number(column.name); value && std::isfinite(*value))
      statement.items.emplace_back(column.name, *row.text(column.name));
  }
  answer.statements.push_back(std::move(statement));
}

void add_row(SymbolAnswer& answer, Kind kind, const SourceRow& row) {
  switch (kind) {
    case Kind::prices:
      return add_price(answer, row);
    case Kind::corporate_actions:
      return add_action(answer, row);
    case Kind::yields:
      return add_yield(answer, row);
    case Kind::profiles:
      return add_profile(answer, row);
    case Kind::statements:
      return add_statement(answer, row);
    default:
      throw core::Error(core::sqlstate::internal_error, "a kind that no source delivers");
  }
}

const char* day_column(Kind kind) {
  if (kind == Kind::prices || kind == Kind::yields) return "date";
  return kind == Kind::corporate_actions ? "ex_date" : nullptr;
}

// The columns of a relation by a mapping: relation, kind and mapping are expressions over the arguments.
void load_columns(const Store& store, SourceRelation& source, const std::string& relation_kind_mapping,
                  const Args& args) {
  struct Mapped {
    std::string name;
    std::optional<std::string> expression;
    std::optional<bool> is_date;
    std::optional<std::string> problem;
  };
  const auto mapped = pg::select("mapped_source_columns", pg::field("m.column_name", &Mapped::name),
                                 pg::field("m.expression", &Mapped::expression),
                                 pg::field("m.is_date", &Mapped::is_date), pg::field("m.problem", &Mapped::problem));
  std::string problems;
  mapped.from(store.function("mapped_source_columns") + "(" + relation_kind_mapping +
                  ") AS m ORDER BY m.column_name IN ('symbol', 'series') DESC, m.column_name",
              args, [&](const Mapped& row) {
                if (row.problem) problems += (problems.empty() ? "" : "; ") + *row.problem;
                source.columns.push_back({row.name, row.expression.value_or(""), row.is_date.value_or(false)});
              });
  if (!problems.empty())
    throw core::Error("42703", source.name + " does not fit what is read of it", problems + ".",
                      "Name its columns in the mapping: {\"our column\": \"its column\"}.");
}

SourceRelation load_registered_source(const Store& store, const std::string& name, Kind kind) {
  SourceRelation source;
  const std::string word = market::to_word(kind);
  struct Registered {
    std::string relation;
    bool is_there = false;
  } registered;
  pg::select("price_sources", pg::field("s.relation", &Registered::relation),
             pg::field("to_regclass(s.relation) IS NOT NULL", &Registered::is_there, "is_there"))
      .from(store.table("price_sources") + " AS s WHERE s.name = $1 AND s.kind = $2",
            Args{Type::text, Type::text}.add(name).add(word), [&](const Registered& row) { registered = row; });
  source.name = registered.relation;
  if (source.name.empty())
    throw core::Error("42704", "there is no source \"" + name + "\" of " + word, "",
                      "price_source_report() lists the sources.");
  if (!registered.is_there)
    throw core::Error(core::sqlstate::undefined_table, "relation " + source.name + " does not exist",
                      "Source \"" + name + "\" of " + word + " reads it.",
                      "Register the source again, or remove it with unregister_price_source.");
  pg::execute("SELECT " + store.function("require_readable_source") + "(to_regclass($1))",
              Args{Type::text}.add(source.name));
  load_columns(store, source,
               "to_regclass($1), $2, (SELECT s.mapping FROM " + store.table("price_sources") +
                   " AS s WHERE s.name = $3 AND s.kind = $2)",
               Args{Type::text, Type::text, Type::text}.add(source.name).add(word).add(name));
  return source;
}

struct SourceAlias {
  std::size_t symbol;  // place among those asked for
  Date first, last;
};

// Names at the source, with the symbols that they are on which days.
std::multimap<std::string, SourceAlias> load_names(const Store& store, const std::string& source,
                                                   std::span<const std::string> symbols) {
  const Date first_day = Date::min(), last_day = Date::max();
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < symbols.size(); ++i) places.emplace(symbols[i], i);
  std::multimap<std::string, SourceAlias> names;
  std::vector<bool> has_alias(symbols.size());
  struct Alias {
    std::string symbol, provider_symbol;
    std::optional<Date> valid_from, valid_to;
  };
  pg::select("symbol_aliases", pg::field("a.symbol", &Alias::symbol),
             pg::field("a.provider_symbol", &Alias::provider_symbol), pg::field("a.valid_from", &Alias::valid_from),
             pg::field("a.valid_to", &Alias::valid_to))
      .from(store.table("symbol_aliases") + " AS a WHERE a.provider = $1 AND a.symbol = ANY ($2)",
            Args{Type::text, Type::text_array}.add(source).add(symbols), [&](const Alias& row) {
              const std::size_t place = places.at(row.symbol);
              has_alias[place] = true;
              names.emplace(row.provider_symbol,
                            SourceAlias{place, row.valid_from.value_or(first_day), row.valid_to.value_or(last_day)});
            });
  for (std::size_t i = 0; i < symbols.size(); ++i)
    if (!has_alias[i]) names.emplace(symbols[i], SourceAlias{i, first_day, last_day});
  return names;
}

// Both of two different prices of a day are rejected: nothing says which is right. The same one twice is one.
void reject_contradictions(SourceAnswer& read, SymbolAnswer& answer) {
  std::vector<market::Bar>& bars = answer.prices.bars;
  std::stable_sort(bars.begin(), bars.end(), [](const auto& a, const auto& b) { return a.date < b.date; });
  std::vector<market::Bar> kept;
  for (std::size_t i = 0; i < bars.size();) {
    std::size_t end = i + 1;
    bool is_same = true;
    for (; end < bars.size() && bars[end].date == bars[i].date; ++end)
      is_same = is_same && bars[end].close == bars[i].close && bars[end].adj_close == bars[i].adj_close;
    if (is_same) {
      kept.push_back(bars[i]);
    } else {
      read.rejected += static_cast<std::int64_t>(end - i);
      if (read.rejects.size() < kept_rejects)
        read.rejects.push_back({answer.symbol, "different prices of " + core::to_iso(bars[i].date)});
    }
    i = end;
  }
  bars = std::move(kept);
}

void finish_answer(SourceAnswer& read, SymbolAnswer& answer, Kind kind, Date last, std::int64_t rows) {
  if (kind == Kind::prices) reject_contradictions(read, answer);
  const bool has_rows = !answer.prices.bars.empty() || !answer.actions.empty() || !answer.yields.empty() ||
                        !answer.statements.empty() || answer.profile;
  if (has_rows)
    answer.outcome = kind == Kind::prices && (answer.prices.bars.back().date < last || !answer.prices.bars.back().close)
                         ? market::Outcome::pending
                         : market::Outcome::ok;
  else
    answer.outcome = rows > 0 ? market::Outcome::malformed : market::Outcome::no_data;
  for (const SourceReject& rejected : read.rejects)
    if (rejected.symbol == answer.symbol) {
      answer.text = rejected.reason;
      break;
    }
}

// Reads the rows of these names, each for the symbols that it is of.
SourceAnswer read_relation(const Store& store, const SourceRelation& source, Kind kind,
                           std::span<const std::string> symbols, const std::multimap<std::string, SourceAlias>& names,
                           Date from, Date to) {
  std::vector<std::string> wanted;
  for (const auto& [text, alias] : names)
    if (wanted.empty() || wanted.back() != text) wanted.push_back(text);

  SourceAnswer read;
  for (const std::string& symbol : symbols) read.symbols.push_back({.symbol = symbol});
  std::vector<std::int64_t> rejected(symbols.size());

  std::string sql = "SELECT ";
  std::string condition = source.columns.front().expression + "::text = ANY ($1)";
  const char* separator = "";
  const char* day_of_kind = day_column(kind);
  for (const SourceColumn& column : source.columns) {
    sql += separator + ("(" + column.expression + ")::text");
    separator = ", ";
    if (day_of_kind != nullptr && column.name == day_of_kind && column.is_date)
      condition += " AND " + column.expression + " BETWEEN $2 AND $3";
  }
  sql += " FROM " + source.name + " AS s WHERE " + condition + " AND $2::date IS NOT NULL AND $3::date IS NOT NULL";

  pg::MemoryBudget budget(store.settings().max_memory_bytes);
  const auto args =
      Args{Type::text_array, Type::date, Type::date}.add(std::span<const std::string>(wanted)).add(from).add(to);
  pg::each_row_of_texts(sql, args, source.columns.size(), [&](std::span<const std::string_view> texts) {
    if (read.rows++ % rows_per_account == 0)
      budget.take(rows_per_account, source.columns.size(), sizeof(double) * 4, "rows of " + source.name);
    const SourceRow row(source.columns, texts);
    const auto [first, last] = names.equal_range(std::string(texts[0]));
    for (auto at = first; at != last; ++at) {
      SymbolAnswer& answer = read.symbols[at->second.symbol];
      try {
        if (day_of_kind != nullptr) {
          const Date day = SourceRow::required(row.day(day_of_kind), day_of_kind);
          if (day < from || day > to || day < at->second.first || day > at->second.last) continue;
        }
        add_row(answer, kind, row);
      } catch (const BadRow& bad) {
        ++read.rejected;
        ++rejected[at->second.symbol];
        if (read.rejects.size() < kept_rejects) read.rejects.push_back({answer.symbol, bad.reason});
      }
    }
  });
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    const std::int64_t before = read.rejected;
    const auto bars = static_cast<std::int64_t>(read.symbols[i].prices.bars.size());
    finish_answer(read, read.symbols[i], kind, to, rejected[i] + bars);
    rejected[i] += read.rejected - before;
    if (rejected[i] > 1 && !read.symbols[i].text.empty())
      read.symbols[i].text = std::to_string(rejected[i]) + " rows rejected, the first: " + read.symbols[i].text;
  }
  return read;
}

}  // namespace

SourceAnswer read_source(const Store& store, const std::string& name, Kind kind, std::span<const std::string> symbols,
                         Date from, Date to) {
  const SourceRelation source = load_registered_source(store, name, kind);
  return read_relation(store, source, kind, symbols, load_names(store, name, symbols), from, to);
}

SourceRelation staged_prices(const Store& store, std::int64_t relation, const std::string& mapping_json) {
  struct Named {
    std::string name;
  };
  SourceRelation source;
  pg::select("pg_class", pg::field("format('%I.%I', n.nspname, c.relname)", &Named::name, "relname"))
      .from("pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = $1::oid",
            Args{Type::int8}.add(relation), [&](const Named& row) { source.name = row.name; });
  if (source.name.empty())
    throw core::Error(core::sqlstate::invalid_parameter, "there is no relation " + std::to_string(relation));
  pg::execute("SELECT " + store.function("require_readable_source") + "($1::oid::regclass, true)",
              Args{Type::int8}.add(relation));
  load_columns(store, source, "$1::oid::regclass, 'prices', $2",
               Args{Type::int8, Type::jsonb}.add(relation).add(pg::Json{mapping_json}));
  return source;
}

std::vector<std::pair<std::string, std::int64_t>> count_staged(const SourceRelation& relation) {
  struct Count {
    std::optional<std::string> symbol;
    std::int64_t rows = 0;
  };
  std::vector<std::pair<std::string, std::int64_t>> counts;
  pg::select(relation.name, pg::field(relation.columns.front().expression + "::text", &Count::symbol, "symbol"),
             pg::field("count(*)", &Count::rows, "count"))
      .from(relation.name + " AS s GROUP BY 1 ORDER BY 1", Args{},
            [&](const Count& row) { counts.emplace_back(row.symbol.value_or(""), row.rows); });
  return counts;
}

SourceAnswer read_staged(const Store& store, const SourceRelation& relation, std::span<const std::string> symbols,
                         Date first) {
  std::multimap<std::string, SourceAlias> names;
  for (std::size_t i = 0; i < symbols.size(); ++i) names.emplace(symbols[i], SourceAlias{i, Date::min(), Date::max()});
  const Date from = std::chrono::sys_days{std::chrono::year{1} / 1 / 1};
  const Date to = std::chrono::sys_days{std::chrono::year{9999} / 12 / 31};
  SourceAnswer read = read_relation(store, relation, Kind::prices, symbols, names, from, to);
  for (SymbolAnswer& answer : read.symbols) {
    const auto early = std::erase_if(answer.prices.bars, [&](const market::Bar& bar) { return bar.date < first; });
    read.rejected += static_cast<std::int64_t>(early);
    if (early > 0 && read.rejects.size() < kept_rejects)
      read.rejects.push_back({answer.symbol, "date: before " + core::to_iso(first) + ", where the calendar begins"});
  }
  return read;
}

}  // namespace pb::store
