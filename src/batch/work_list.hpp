#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "engine/context.hpp"

namespace pb::batch {

// The sessions of a run with the portfolios that lack each.
using WorkList = std::map<core::Date, std::vector<core::Uuid>>;

// What the portfolios lack up to a session.
WorkList work_list(const store::Store& store, std::span<const core::Uuid> portfolio_ids, core::Date target);

// Keeps the first so many sessions.
void keep_first(WorkList& work, std::size_t sessions);

// Leaves out what a run has tried without success: dates of portfolios, and dates on which an engine failed.
WorkList without_unfinished(WorkList work, const store::Store& store, std::int64_t run_id);

// Says how much is still outstanding after a run; nothing when nothing is.
void tell_what_is_left(const store::Store& store, const WorkList& work);

// The portfolios of all its sessions, each once.
std::vector<core::Uuid> portfolios_of(WorkList::const_iterator begin, WorkList::const_iterator end);

// A backfill's target: the latest closed session, or the session on or before the given day.
core::Date target_session(const std::optional<core::Date>& requested, const store::Store& store);

}  // namespace pb::batch
