#include "batch/blocks.hpp"

#include <algorithm>
#include <memory>

#include "pg/subtransaction.hpp"
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

// How much of portfolio_batch.max_memory the rows of a block may take until they are written.
constexpr std::size_t deferred_share = 4;

// Runs the dates, and writes what their engines produce together. Should that fail, none of it can be told from the
// rest, and so the dates are run again, each writing its own rows, where what fails is one engine of one date.
void run_block(Run& run, engine::Context& context, Position begin, Position end, Date newest_date, Progress progress,
               pg::RowBuffer& result) {
  const auto run_dates = [&](pg::WriteSpan* span) {
    Progress at = progress;
    for (auto entry = begin; entry != end; ++entry, ++at.done) {
      run.run_date(context, entry->first, entry->second, entry->first == newest_date, at, result);
      if (span != nullptr && 2 * span->deferred_bytes > span->max_deferred_bytes) pg::write_deferred(*span);
    }
    if (span != nullptr) pg::write_deferred(*span);
    run.write_jobs();
  };
  pg::WriteSpan* span = context.store().stamp().span.get();
  if (span == nullptr) return run_dates(nullptr);
  const Run before = run;
  const std::size_t rows_before = result.size();
  span->max_deferred_bytes = context.store().settings().max_memory_bytes / deferred_share;
  if (!pg::isolate([&] { run_dates(span); })) return;
  span->drop_after(0);
  context.forget_ledgers();
  span->max_deferred_bytes = 0;
  run = before;
  result.truncate(rows_before);
  run_dates(nullptr);
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
  if (work.size() > 1) context->write_span(first, last);
  const store::Store store = context->store();
  if (newest) run.run_ahead(*context, last, work.rbegin()->second);
  for (auto begin = work.begin(); begin != work.end();) {
    const auto end = end_of_block(work, begin, calendar, fitting);
    if (begin != work.begin() || end != work.end())
      context =
          std::make_unique<engine::Context>(store, ids, begin->first, last_day(store, ids, std::prev(end)->first));
    run_block(run, *context, begin, end, newest ? last : Date{}, progress, result);
    progress.done += std::distance(begin, end);
    begin = end;
  }
}

}  // namespace pb::batch
