#include "engine/fundamentals.hpp"

#include "store/fundamentals_store.hpp"

namespace pb::engine {

bool has_fundamentals(const Context& context, core::Date day) {
  return store::has_fundamental_sources(context.store()) || store::newest_fundamentals(context.store(), day);
}

Report report_fundamentals(Context& context, core::Date day, std::span<const core::Uuid>) {
  Report report;
  const auto record = store::newest_fundamentals(context.store(), day);
  if (!record) {
    report.detail = "not collected for the date; CALL collect_fundamentals() does it";
    return report;
  }
  report.processed = record->fetched;
  report.skipped = record->due - record->fetched;
  report.rows_written = record->rows_written;
  report.detail = record->due == 0 ? "nothing was due"
                                   : std::to_string(record->fetched) + " of " + counted(record->due, "symbol") +
                                         " with something due were fetched";
  if (record->status != "success") report.detail += "; " + record->status;
  if (!record->notes.empty()) report.detail += "; " + record->notes;
  report.detail_json = record->detail_json;
  return report;
}

}  // namespace pb::engine
