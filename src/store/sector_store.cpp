#include "store/sector_store.hpp"

#include "core/limits.hpp"
#include "core/text/json.hpp"
#include "pg/select.hpp"
#include "store/row_check.hpp"
#include "store/snapshot_store.hpp"

namespace pb::store {

using pg::Args;
using pg::field;
using pg::Type;

namespace {

using core::nan;

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
  struct Row {
    std::string symbol;
    std::optional<std::string> sector;
    bool is_fund;
  };
  static const auto columns =
      pg::select("company_profiles", field("symbol", &Row::symbol),
                 field("CASE WHEN " + is_name("sector") + " THEN sector END", &Row::sector),
                 field("coalesce(is_etf, false) OR coalesce(is_fund, false)", &Row::is_fund, "is_fund"));
  std::map<std::string, SectorProfile> profiles;
  columns.from(store.table("company_profiles") + " WHERE symbol = ANY ($1)", Args{Type::text_array}.add(symbols),
               [&](Row& row) {
                 profiles[row.symbol] = {std::move(row.sector).value_or(""), row.is_fund};
               });
  return profiles;
}

std::optional<Benchmark> load_benchmark(const Store& store, core::Date day) {
  const std::string weights = store.table("benchmarks_sector_weights");
  struct Row {
    core::Date asof_date;
    std::string sector;
    double weight;
  };
  static const auto columns = pg::select("benchmarks_sector_weights", field("asof_date", &Row::asof_date),
                                         field("sector", &Row::sector), field("weight", &Row::weight));
  std::optional<Benchmark> benchmark;
  columns.from(
      weights + " WHERE benchmark_code = $1 AND sector IS NOT NULL AND " + in_range("weight", 0, 1) +
          " AND asof_date = (SELECT max(asof_date) FROM " + weights +
          " WHERE benchmark_code = $1 AND asof_date <= $2 AND asof_date > '-infinity') ORDER BY sector COLLATE \"C\"",
      Args{Type::text, Type::date}.add(store.settings().benchmark).add(day),
      [&](const Row& row) {
        if (!benchmark) benchmark.emplace().asof_date = row.asof_date;
        benchmark->weights[row.sector] = row.weight;
      },
      pg::Planning::seldom);
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
