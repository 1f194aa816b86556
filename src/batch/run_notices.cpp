#include "batch/run_notices.hpp"

#include <cstdio>
#include <utility>

#include "engine/context.hpp"
#include "pg/session.hpp"

namespace pb::batch {

namespace {

constexpr std::int64_t interval_usecs = 1'000'000;

// That of the run which this session executes.
RunNotices* current = nullptr;

std::string seconds_since(std::int64_t started) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(pg::clock_usecs() - started) / 1e6);
  return text;
}

// "success", or "85 success, 2 partial".
std::string counted_statuses(const std::map<core::Date, std::string>& statuses) {
  std::map<std::string, int> counts;
  for (const auto& [day, status] : statuses) ++counts[status];
  if (counts.size() == 1) return counts.begin()->first;
  std::string text;
  for (const char* status : {"success", "partial", "failed"})
    if (const int count = counts[status]; count > 0)
      text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + status;
  return text;
}

std::string with_workers(std::int64_t workers) { return workers > 0 ? ", " + engine::counted(workers, "worker") : ""; }

}  // namespace

RunNotices::RunNotices(bool wanted)
    : wanted_(wanted), started_(pg::clock_usecs()), last_told_(started_), outer_(std::exchange(current, this)) {}

RunNotices::~RunNotices() { current = outer_; }

void RunNotices::summarize(std::int64_t run_id) const {
  if (!wanted_ || statuses_.empty()) return;
  const std::string first = core::to_iso(statuses_.begin()->first), last = core::to_iso(statuses_.rbegin()->first);
  pg::notice("portfolio_batch: " + engine::counted(static_cast<std::int64_t>(statuses_.size()), "session") + ", " +
             (first == last ? first : first + " to " + last) + ": " + counted_statuses(statuses_) + ", " +
             seconds_since(started_) + with_workers(workers_) + "; see batch_report(" + std::to_string(run_id) + ")");
}

void note_session(core::Date day, const std::string& place, const std::string& status, std::int64_t workers) {
  if (current == nullptr) return;
  RunNotices& run = *current;
  run.statuses_[day] = status;
  run.workers_ = workers;
  if (!run.wanted_ || pg::clock_usecs() - run.last_told_ < interval_usecs) return;
  run.last_told_ = pg::clock_usecs();
  pg::notice("portfolio_batch: " + place + " " + status + ", " + seconds_since(run.started_) + " so far" +
             with_workers(workers));
}

}  // namespace pb::batch
