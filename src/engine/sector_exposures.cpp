#include "engine/sector_exposures.hpp"

#include <algorithm>
#include <cmath>

#include "core/portfolio/concentration.hpp"
#include "engine/risk_models.hpp"
#include "pg/interrupts.hpp"
#include "store/sector_store.hpp"

namespace pb::engine {

namespace {

// Whose sector a position has, and with what it counts as one underlying: an option's is what it is written on.
const std::string& underlying(const core::Lot& lot) {
  return lot.is_option() && !lot.underlying_symbol.empty() ? lot.underlying_symbol : lot.symbol;
}

// A private asset is not the listed company that may have the same symbol.
std::string concentration_key(const core::Lot& lot) {
  return lot.is_private() ? std::string(core::sector_private) + "/" + lot.symbol : underlying(lot);
}

// A position whose exposure is not known counts with its market value, so that the sectors hold all of the portfolio.
double size_of(const RiskPosition& position) { return position.symbol < 0 ? position.value : position.exposure; }

class SectorEngine {
 public:
  SectorEngine(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids)
      : store_(context.store()),
        day_(day),
        book_(context.risk(day, portfolio_ids).book()),
        profiles_(context.sector_profiles()),
        benchmark_(store::load_benchmark(store_, day)) {
    if (benchmark_) weights_ = core::normalize_benchmark(benchmark_->weights);
  }

  Report run() {
    std::vector<store::SnapshotSectors> rows;
    Report report;
    for (const RiskPortfolio& portfolio : book_.portfolios) {
      pg::poll();
      if (portfolio.net_asset_value) rows.push_back(describe(portfolio));
      ++(portfolio.net_asset_value ? report.processed : report.skipped);
    }
    report.rows_written = store::write_snapshot_sectors(store_, day_, rows);
    report.detail =
        "sectors of " + counted(report.processed, "portfolio") +
        (benchmark_ ? " against " + store_.settings().benchmark + " of " + core::to_iso(benchmark_->asof_date)
                    : ", no benchmark");
    report.summary = "sectors " + std::to_string(report.processed);
    report.detail += without_snapshot(book_);
    return report;
  }

 private:
  std::string sector(const core::Lot& lot) const {
    const auto found = profiles_.find(underlying(lot));
    const bool known = found != profiles_.end();
    return core::sector_bucket(lot.is_private(), known && found->second.is_fund,
                               known ? std::string_view(found->second.sector) : std::string_view());
  }

  store::SnapshotSectors describe(const RiskPortfolio& portfolio) const {
    std::vector<std::string> names;  // of sector and underlying in turn, which the exposures refer to
    names.reserve(2 * portfolio.positions.size());
    std::vector<core::KeyedExposure> by_sector;
    std::vector<core::KeyedExposure> by_underlying;
    for (const RiskPosition& position : portfolio.positions) {
      by_sector.push_back({names.emplace_back(sector(*position.lot)), size_of(position)});
      by_underlying.push_back({names.emplace_back(concentration_key(*position.lot)), size_of(position)});
    }
    const auto concentration = core::concentration(by_underlying);
    store::SnapshotSectors row;
    row.portfolio_id = portfolio.id;
    row.concentration = concentration.optional();
    row.reason = concentration.reason();
    if (!portfolio.has_equity()) {
      row.reason = core::Reason::no_equity;
      return row;
    }
    row.sectors = core::sector_exposures(by_sector, *portfolio.net_asset_value, benchmark_ ? &weights_ : nullptr);
    if (benchmark_) row.benchmark_date = benchmark_->asof_date;
    return row;
  }

  const store::Store& store_;
  core::Date day_;
  const RiskBook& book_;
  const std::map<std::string, store::SectorProfile>& profiles_;
  std::optional<store::Benchmark> benchmark_;
  core::BenchmarkWeights weights_;  // under our names
};

}  // namespace

Report calc_sector_exposures(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  return SectorEngine(context, day, portfolio_ids).run();
}

}  // namespace pb::engine
