#include "batch/open_run.hpp"

#include <utility>

#include "store/book_store.hpp"
#include "store/calendar_store.hpp"
#include "store/run_store.hpp"

namespace pb::batch {

using core::Date;
using core::Uuid;

Claim claim_portfolios(const store::Store& store, const std::optional<std::vector<Uuid>>& requested) {
  const std::vector<Uuid> all = store::resolve_portfolios(store, requested);
  std::vector<Uuid> locked = store::lock_portfolios(store, all);
  std::vector<Uuid> busy = without(all, locked);
  return {std::move(locked), std::move(busy)};
}

OpenRun::OpenRun(const store::Store& base, const store::Stamp& stamp, Claim claim, std::vector<std::string> phases)
    : store(base.for_run(stamp)),
      portfolio_ids(std::move(claim.locked)),
      busy(static_cast<std::int64_t>(claim.busy.size())),
      run(store, stamp.run_id.value(), std::move(phases)) {
  run.block(store::failed_portfolios(store, stamp.run_id.value(), snapshot_phase().key));
  run.set_busy(std::move(claim.busy));
}

void OpenRun::run_date(Date day, bool newest, const Progress& progress, pg::RowBuffer& result) {
  engine::Context context(store, portfolio_ids, day, last_day(store, portfolio_ids, day));
  run.run_date(context, day, portfolio_ids, newest, progress, result);
  run.write_jobs();
}

std::optional<OpenRun> open_session(const store::Store& store, const SessionOfRun& session) {
  store::require_closed_session(store, session.day);
  Claim claim = claim_portfolios(store, session.portfolio_ids);
  if (claim.locked.empty()) return std::nullopt;
  return OpenRun(store, {.run_id = session.run_id}, std::move(claim));
}

}  // namespace pb::batch
