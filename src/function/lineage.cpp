// What a portfolio's date was computed from, and which of it differs from another date or from now.
#include "engine/lineage.hpp"

#include "engine/input_parts.hpp"
#include "function/entry.hpp"
#include "store/book_store.hpp"
#include "store/calendar_store.hpp"

namespace pb::function {

namespace {

store::Lineage lineage_argument(const pg::Call& call, const store::Store& store, const core::Uuid& portfolio_id,
                                int date) {
  const auto day = call.date(date);
  return store::load_lineage(store, portfolio_id, day ? *day : store::latest_session(store));
}

// Rows of lineage(): first what has no prices.
class LineageRows {
 public:
  void add(const char* kind, std::string_view name, std::string_view detail,
           std::optional<std::int64_t> digest = std::nullopt) {
    begin(kind, name, detail, digest);
    rows_.null().null().null().null();
  }

  void add_symbol(const std::string& name, const store::LineageSymbol& symbol, const store::PriceSpan* span) {
    begin("symbol", name, symbol.role, symbol.digest);
    if (span != nullptr)
      rows_.add(span->first).add(span->last).add(span->prices).add(span->newest_fetched_at);
    else
      rows_.null().null().add(std::int64_t{0}).null();
  }

  const pg::RowBuffer& rows() const { return rows_; }

 private:
  void begin(const char* kind, std::string_view name, std::string_view detail, std::optional<std::int64_t> digest) {
    rows_.add(kind).add(name).add_text_or_null(detail).add(digest);
  }

  pg::RowBuffer rows_{{{"kind", pg::Type::text},
                       {"name", pg::Type::text},
                       {"detail", pg::Type::text},
                       {"input_digest", pg::Type::int8},
                       {"first_price", pg::Type::date},
                       {"last_price", pg::Type::date},
                       {"prices", pg::Type::int8},
                       {"newest_fetched_at", pg::Type::timestamptz}}};
};

void add_run(LineageRows& rows, const store::Lineage& lineage) {
  rows.add("portfolio", lineage.portfolio_name, core::to_iso(lineage.day), lineage.digest);
  rows.add("run", "run_id", lineage.run_id ? std::to_string(*lineage.run_id) : "");
  rows.add("run", "code_version", lineage.code_version);
  rows.add("run", "computed_at", lineage.computed_at);
  for (const auto& [name, value] : lineage.settings) rows.add("parameter", name, value);
}

void add_parts(LineageRows& rows, const store::Lineage& lineage) {
  for (const engine::InputPartText& part : engine::input_parts) {
    const auto place = static_cast<std::size_t>(part.part);
    const bool is_known = place < lineage.parts.size();
    rows.add("input", part.name, part.covers, is_known ? std::optional(lineage.parts[place]) : std::nullopt);
  }
}

void add_symbols(LineageRows& rows, const store::Store& store, const store::Lineage& lineage) {
  std::vector<std::string> names;
  for (const auto& [name, symbol] : lineage.symbols) names.push_back(name);
  const auto spans = store::load_price_spans(store, names, engine::first_day_in_reach(store, lineage), lineage.day);
  for (const auto& [name, symbol] : lineage.symbols) {
    const auto span = spans.find(name);
    rows.add_symbol(name, symbol, span == spans.end() ? nullptr : &span->second);
  }
}

}  // namespace

// lineage(portfolio_id, calculation_date): everything that is stored of it.
PB_FUNCTION(pb_lineage) {
  const store::Store store(call);
  const store::Lineage lineage = lineage_argument(call, store, store::resolve_portfolio(store, call.uuid(0)), 1);
  LineageRows rows;
  add_run(rows, lineage);
  add_parts(rows, lineage);
  add_symbols(rows, store, lineage);
  call.return_rows(rows.rows());
}

// lineage_diff(portfolio_id, calculation_date, other_date): what differs from now, where there is no other date.
PB_FUNCTION(pb_lineage_diff) {
  const store::Store store(call);
  const core::Uuid portfolio_id = store::resolve_portfolio(store, call.uuid(0));
  const store::Lineage lineage = lineage_argument(call, store, portfolio_id, 1);
  pg::RowBuffer rows({{"kind", pg::Type::text},
                      {"name", pg::Type::text},
                      {"input_digest", pg::Type::int8},
                      {"other_digest", pg::Type::int8},
                      {"remark", pg::Type::text}});
  const std::vector<engine::InputDifference> differences =
      call.is_null(2) ? engine::differences_from_now(store, lineage)
                      : engine::differences(store, lineage, lineage_argument(call, store, portfolio_id, 2));
  for (const engine::InputDifference& difference : differences)
    rows.add(difference.kind)
        .add(difference.name)
        .add(difference.stored)
        .add(difference.other)
        .add_text_or_null(difference.remark);
  call.return_rows(rows);
}

}  // namespace pb::function
