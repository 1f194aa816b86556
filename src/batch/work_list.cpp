#include "batch/work_list.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "store/calendar_store.hpp"
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
