#include "batch/blocks.hpp"

#include <algorithm>
#include <memory>

#include "store/calendar_store.hpp"

namespace pb::batch {

using core::Date;
using core::Uuid;

namespace {

using Position = WorkList::const_iterator;

// The end of the block that begins at a date: the dates less than `sessions` sessions after it.
Position end_of_block(const WorkList& work, Position begin, const core::Sessions& calendar, int sessions) {
  return std::find_if(begin, work.end(),
                      [&](const auto& entry) { return calendar.age(begin->first, entry.first) >= sessions; });
}

}  // namespace

void run_in_blocks(Run& run, const store::Store& base, const WorkList& work, std::span<const Uuid> portfolio_ids,
                   bool newest, Progress progress, pg::RowBuffer& result) {
  const Date first = work.begin()->first;
  const Date last = work.rbegin()->first;
  const std::vector<Uuid> ids(portfolio_ids.begin(), portfolio_ids.end());
  const core::Sessions calendar = store::load_sessions(base, base.settings().calendar, first, last);
  auto context = std::make_unique<engine::Context>(base, ids, first, last_day(base, ids, last));
  const int fitting = context->sessions_that_fit();
  if (newest) run.run_ahead(*context, last, work.rbegin()->second);
  for (auto begin = work.begin(); begin != work.end();) {
    const auto end = end_of_block(work, begin, calendar, fitting);
    if (begin != work.begin() || end != work.end())
      context = std::make_unique<engine::Context>(base, ids, begin->first, last_day(base, ids, std::prev(end)->first));
    for (; begin != end; ++begin, ++progress.done)
      run.run_date(*context, begin->first, begin->second, newest && begin->first == last, progress, result);
    run.write_jobs();
  }
}

void run_what_is_left(Run& run, const store::Store& base, const WorkList& done, std::span<const Uuid> portfolio_ids,
                      Date target, pg::RowBuffer& result) {
  WorkList all;
  const auto look = [&] {
    all = work_list(base, portfolio_ids, target);
    return without_unfinished(all, base, run.run_id());
  };
  WorkList before = done;
  for (WorkList left = look(); !left.empty() && left != before; left = look()) {
    run_in_blocks(run, base, left, portfolio_ids, left.rbegin()->first == done.rbegin()->first,
                  {.done = 0, .total = static_cast<std::int64_t>(left.size())}, result);
    before = std::move(left);
  }
  tell_what_is_left(base, all);
}

}  // namespace pb::batch
