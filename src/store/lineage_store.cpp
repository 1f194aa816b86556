#include "store/lineage_store.hpp"

#include "core/error.hpp"
#include "pg/select.hpp"
#include "store/row_check.hpp"
#include "store/snapshot_store.hpp"

namespace pb::store {

using core::Date;
using core::Uuid;
using pg::Args;
using pg::field;
using pg::Type;

namespace {

[[noreturn]] void refuse_without_snapshot(const Store& store, const Uuid& portfolio_id, Date day) {
  const auto newest = newest_snapshots(store, {&portfolio_id, 1});
  const std::string other = newest.empty() ? "The portfolio has no snapshot at all."
                                           : "Its newest one is of " + core::to_iso(newest.begin()->second) + ".";
  throw core::Error(core::sqlstate::invalid_parameter,
                    "portfolio " + to_string(portfolio_id) + " has no snapshot of " + core::to_iso(day),
                    "A lineage tells what a snapshot was computed from. " + other,
                    "Name a date with a snapshot, or run the batch first.");
}

Args of_snapshot(const Lineage& lineage) {
  return Args{Type::uuid, Type::date}.add(lineage.portfolio_id).add(lineage.day);
}

bool load_run(const Store& store, Lineage& lineage) {
  struct Row {
    std::optional<std::string> name;
    std::optional<std::int64_t> digest;
    std::optional<std::int64_t> run_id;
    std::optional<std::string> code_version;
    std::optional<std::string> computed_at;
  };
  static const auto columns =
      pg::select("portfolio_snapshots", field("p.name", &Row::name), field("s.input_digest", &Row::digest),
                 field("s.run_id", &Row::run_id), field("r.extension_version", &Row::code_version),
                 field("to_char(s.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS\"Z\"')", &Row::computed_at));
  return columns.from(store.table("portfolio_snapshots") + " s JOIN " + store.table("portfolios") +
                          " p ON p.id = s.portfolio_id LEFT JOIN " + store.table("batch_runs") +
                          " r ON r.run_id = s.run_id WHERE s.portfolio_id = $1 AND s.snapshot_date = $2",
                      of_snapshot(lineage), [&](Row& row) {
                        lineage.portfolio_name = std::move(row.name).value_or("");
                        lineage.digest = row.digest;
                        lineage.run_id = row.run_id;
                        lineage.code_version = std::move(row.code_version).value_or("");
                        lineage.computed_at = std::move(row.computed_at).value_or("");
                      }) > 0;
}

void load_parts(const Store& store, Lineage& lineage) {
  struct Row {
    std::optional<std::int64_t> digest;
  };
  static const auto columns = pg::select("portfolio_snapshots", field("p.digest", &Row::digest));
  columns.from(store.table("portfolio_snapshots") +
                   " s CROSS JOIN LATERAL unnest(s.input_parts) WITH ORDINALITY p (digest, place)"
                   " WHERE s.portfolio_id = $1 AND s.snapshot_date = $2 ORDER BY p.place",
               of_snapshot(lineage), [&](const Row& row) { lineage.parts.push_back(row.digest.value_or(0)); });
}

// The pairs of a JSON object.
SettingTexts load_texts(const std::string& source, const Args& args) {
  struct Row {
    std::string key;
    std::optional<std::string> value;
  };
  static const auto columns = pg::select("batch_runs", field("v.key", &Row::key), field("v.value", &Row::value));
  SettingTexts texts;
  columns.from(source, args, [&](Row& row) { texts[row.key] = std::move(row.value).value_or(""); });
  return texts;
}

// What was held on the date has the digest of its prices with its volatility, the market and the factors theirs with
// the models. Options themselves and private lots have none: their estimates are those of the underlying, or there are
// none.
std::string symbols_of_snapshot(const Store& store) {
  const std::string held = "SELECT l.symbol, l.position_id FROM " + store.table("portfolio_holdings") +
                           " h CROSS JOIN LATERAL unnest(h.symbols, h.position_ids) l (symbol, position_id)"
                           " WHERE h.portfolio_id = $1 AND h.calculation_date = $2";
  const std::string estimated = "SELECT h.symbol, 'held', v.input_digest FROM held h LEFT JOIN " +
                                store.table("symbol_volatility") +
                                " v ON v.calculation_date = $2 AND v.symbol = h.symbol";
  const std::string without_estimates = "SELECT p.symbol, 'held', NULL FROM held h JOIN " + store.table("positions") +
                                        " p ON p.portfolio_id = $1 AND p.id = h.position_id"
                                        " WHERE h.symbol IS NULL OR h.symbol = p.underlying_symbol";
  const std::string factors = "SELECT f.symbol, 'factor', f.digest FROM " + store.table("factor_models") +
                              " m CROSS JOIN LATERAL unnest(m.long_symbols || m.short_symbols,"
                              " m.long_digests || m.short_digests) f (symbol, digest) WHERE m.calculation_date = $2"
                              " AND (m.model <> 'rate' OR f.digest IS NOT NULL)";
  return "(WITH held AS MATERIALIZED (" + held + ") " + estimated + " UNION ALL " + without_estimates + " UNION ALL " +
         factors + ") u (symbol, role, digest) WHERE u.symbol IS NOT NULL GROUP BY u.symbol";
}

void load_symbols(const Store& store, Lineage& lineage) {
  struct Row {
    std::string symbol;
    std::optional<std::string> role;
    std::optional<std::int64_t> digest;
  };
  static const auto columns = pg::select("positions", field("u.symbol", &Row::symbol),
                                         field("string_agg(DISTINCT u.role, ', ' ORDER BY u.role)", &Row::role, "role"),
                                         field("max(u.digest)", &Row::digest, "input_digest"));
  columns.from(symbols_of_snapshot(store), of_snapshot(lineage), [&](Row& row) {
    lineage.symbols[row.symbol] = {std::move(row.role).value_or(""), row.digest};
  });
}

}  // namespace

Lineage load_lineage(const Store& store, const Uuid& portfolio_id, Date day) {
  store.require({"batch_runs", "factor_models", "portfolio_holdings", "symbol_volatility"});
  Lineage lineage;
  lineage.portfolio_id = portfolio_id;
  lineage.day = day;
  if (!load_run(store, lineage)) refuse_without_snapshot(store, portfolio_id, day);
  load_parts(store, lineage);
  if (lineage.run_id)
    lineage.settings = load_texts(store.table("batch_runs") + " r CROSS JOIN LATERAL jsonb_each_text(r.settings) v" +
                                      " WHERE r.run_id = $1 AND jsonb_typeof(r.settings) = 'object'",
                                  Args{Type::int8}.add(*lineage.run_id));
  load_symbols(store, lineage);
  return lineage;
}

SettingTexts texts_of(const std::string& json) {
  return load_texts("jsonb_each_text($1) v", Args{Type::jsonb}.add(json));
}

std::map<std::string, PriceSpan> load_price_spans(const Store& store, std::span<const std::string> symbols, Date from,
                                                  Date to) {
  struct Row {
    std::string symbol;
    Date first, last;
    std::int64_t prices;
    std::optional<pg::Timestamp> newest_fetched_at;
  };
  static const auto columns =
      pg::select("market_data_cache", field("symbol", &Row::symbol), field("min(date)", &Row::first, "date"),
                 field("max(date)", &Row::last, "date"), field("count(*)", &Row::prices, "date"),
                 field("max(fetched_at) FILTER (WHERE isfinite(fetched_at))", &Row::newest_fetched_at));
  std::map<std::string, PriceSpan> spans;
  columns.from(store.table("market_data_cache") + " m WHERE symbol = ANY ($1) AND date BETWEEN $2 AND $3 AND " +
                   usable_price(store, "m") + " GROUP BY symbol",
               Args{Type::text_array, Type::date, Type::date}.add(symbols).add(from).add(to), [&](const Row& row) {
                 PriceSpan& span = spans[row.symbol];
                 span = {row.first, row.last, row.prices, std::nullopt};
                 if (row.newest_fetched_at) span.newest_fetched_at = row.newest_fetched_at->microseconds;
               });
  return spans;
}

}  // namespace pb::store
