#include "store/sector_store.hpp"

#include <limits>

#include "core/text/json.hpp"
#include "pg/query.hpp"
#include "pg/writer.hpp"
#include "store/row_check.hpp"
#include "store/snapshot_store.hpp"

namespace pb::store {

using pg::Args;
using pg::nullable;
using pg::required;
using pg::RowBuffer;
using pg::RowView;
using pg::Type;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::string as_json(const std::vector<core::SectorExposure>& sectors) {
  core::JsonObject object;
  for (const core::SectorExposure& sector : sectors)
    object.add(sector.sector, core::JsonObject()
                                  .add("long", sector.long_weight.value_or(nan))
                                  .add("short", sector.short_weight.value_or(nan))
                                  .add("net", sector.net_weight.value_or(nan))
                                  .add("gross", sector.gross_weight.value_or(nan))
                                  .add("benchmark", sector.benchmark_weight.value_or(nan))
                                  .add("active", sector.active_weight.value_or(nan)));
  return object.str();
}

}  // namespace

std::map<std::string, SectorProfile> load_sector_profiles(const Store& store, std::span<const std::string> symbols) {
  std::map<std::string, SectorProfile> profiles;
  pg::each_row("SELECT symbol, CASE WHEN " + is_name("sector") +
                   " THEN sector END, coalesce(is_etf, false) OR coalesce(is_fund, false) FROM " +
                   store.table("company_profiles") + " WHERE symbol = ANY ($1)",
               Args{Type::text_array}.add(symbols),
               {required(Type::text, "company_profiles.symbol"), nullable(Type::text),
                required(Type::boolean, "company_profiles.is_etf")},
               [&](const RowView& row) {
                 profiles[row.text_or_empty(0)] = {row.text_or_empty(1), row.boolean(2)};
               });
  return profiles;
}

std::optional<Benchmark> load_benchmark(const Store& store, core::Date day) {
  const std::string weights = store.table("benchmarks_sector_weights");
  std::optional<Benchmark> benchmark;
  pg::each_row(
      "SELECT asof_date, sector, weight FROM " + weights + " WHERE benchmark_code = $1 AND sector IS NOT NULL AND " +
          in_range("weight", 0, 1) + " AND asof_date = (SELECT max(asof_date) FROM " + weights +
          " WHERE benchmark_code = $1 AND asof_date <= $2 AND asof_date > '-infinity') ORDER BY sector COLLATE \"C\"",
      Args{Type::text, Type::date}.add(store.settings().benchmark).add(day),
      {required(Type::date, "benchmarks_sector_weights.asof_date"),
       required(Type::text, "benchmarks_sector_weights.sector"),
       required(Type::float8, "benchmarks_sector_weights.weight")},
      [&](const RowView& row) {
        if (!benchmark) benchmark.emplace().asof_date = row.date(0);
        benchmark->weights[row.text_or_empty(1)] = row.float8(2);
      });
  return benchmark;
}

std::int64_t write_snapshot_sectors(const Store& store, core::Date day, std::span<const SnapshotSectors> rows) {
  RowBuffer out({{"portfolio_id", Type::uuid},
                 {"snapshot_date", Type::date},
                 {"sector_exposure", Type::jsonb},
                 {"benchmark_date", Type::date},
                 {"hhi", Type::float8},
                 {"effective_positions", Type::float8},
                 {"top_3_concentration", Type::float8},
                 {"top_10_concentration", Type::float8},
                 {"concentration_reason", Type::text}});
  out.reserve(rows.size());
  for (const SnapshotSectors& row : rows) {
    out.add(row.portfolio_id).add(day);
    row.sectors ? out.add(as_json(*row.sectors)) : out.null();
    out.add(row.benchmark_date);
    if (const auto& concentration = row.concentration)
      out.add(concentration->hhi)
          .add(concentration->effective_positions)
          .add(concentration->top_3)
          .add(concentration->top_10);
    else
      out.null().null().null().null();
    out.add(row.reason);
  }
  return update_snapshots(store, std::move(out));
}

}  // namespace pb::store
