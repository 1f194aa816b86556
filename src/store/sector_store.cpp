#include "store/sector_store.hpp"

#include <limits>

#include "core/text/json.hpp"
#include "pg/query.hpp"
#include "store/row_check.hpp"
#include "store/snapshot_store.hpp"

namespace pb::store {

using pg::Args;
using pg::nullable;
using pg::required;
using pg::RowView;
using pg::Type;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

pg::Json as_json(const std::vector<core::SectorExposure>& sectors) {
  core::JsonObject object;
  for (const core::SectorExposure& sector : sectors)
    object.add(sector.sector, core::JsonObject()
                                  .add("long", sector.long_weight.value_or(nan))
                                  .add("short", sector.short_weight.value_or(nan))
                                  .add("net", sector.net_weight.value_or(nan))
                                  .add("gross", sector.gross_weight.value_or(nan))
                                  .add("benchmark", sector.benchmark_weight.value_or(nan))
                                  .add("active", sector.active_weight.value_or(nan)));
  return {object.str()};
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
  using Row = SnapshotSectors;
  const auto concentration = [](auto member) {
    return [member](const Row& row) {
      return row.concentration ? std::optional(std::invoke(member, *row.concentration)) : std::nullopt;
    };
  };
  using core::Concentration;
  const Columns<Row> columns{
      pg::column<Row>("portfolio_id", &Row::portfolio_id),
      pg::column<Row>("sector_exposure",
                      [](const Row& row) { return row.sectors ? as_json(*row.sectors) : pg::Json{}; }),
      pg::column<Row>("benchmark_date", &Row::benchmark_date),
      pg::column<Row>("hhi", concentration(&Concentration::hhi)),
      pg::column<Row>("effective_positions", concentration(&Concentration::effective_positions)),
      pg::column<Row>("top_3_concentration", concentration(&Concentration::top_3)),
      pg::column<Row>("top_10_concentration", concentration(&Concentration::top_10)),
      pg::column<Row>("concentration_reason", &Row::reason),
  };
  return update_snapshots(store, day, columns, rows);
}

}  // namespace pb::store
