#include "batch/work_list.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "pg/session.hpp"
#include "store/calendar_store.hpp"
#include "store/run_store.hpp"
#include "store/snapshot_store.hpp"

namespace pb::batch {

using core::Date;
using core::Uuid;

WorkList work_list(const store::Store& store, std::span<const Uuid> portfolio_ids, Date target) {
  WorkList work;
  for (const store::MissingSession& missing : store::missing_sessions(store, portfolio_ids, target))
    work[missing.date].push_back(missing.portfolio_id);
  return work;
}

void keep_first(WorkList& work, std::size_t sessions) {
  if (sessions < work.size()) work.erase(std::next(work.begin(), static_cast<std::ptrdiff_t>(sessions)), work.end());
}

WorkList without_unfinished(WorkList work, const store::Store& store, std::int64_t run_id) {
  for (const auto& [day, id] : store::unfinished_dates(store, run_id)) {
    const auto entry = work.find(day);
    if (entry == work.end()) continue;
    if (id) std::erase(entry->second, *id);
    if (!id || entry->second.empty()) work.erase(entry);
  }
  return work;
}

void tell_what_is_left(const store::Store& store, const WorkList& work) {
  if (work.empty() || !store.settings().progress) return;
  pg::notice("portfolio_batch: " + engine::counted(static_cast<std::int64_t>(work.size()), "session") +
                 " still outstanding, " + core::to_iso(work.begin()->first) + " to " +
                 core::to_iso(work.rbegin()->first),
             "missing_sessions() lists them; batch_report() and batch_jobs tell why.");
}

std::vector<Uuid> portfolios_of(WorkList::const_iterator begin, WorkList::const_iterator end) {
  std::set<Uuid> ids;
  for (auto entry = begin; entry != end; ++entry) ids.insert(entry->second.begin(), entry->second.end());
  return {ids.begin(), ids.end()};
}

Date target_session(const std::optional<Date>& requested, const store::Store& store) {
  if (!requested) return store::latest_session(store);
  const std::string& calendar = store.settings().calendar;
  store::require_covered(store, calendar, *requested);
  Date day = *requested;
  if (store::load_sessions(store, calendar, day, day).empty())
    if (const auto before = store::session_before(store, calendar, day)) day = *before;
  store::require_closed_session(store, day);
  return day;
}

}  // namespace pb::batch
