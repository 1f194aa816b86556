#include "batch/progress.hpp"

namespace pb::batch {

std::string describe(core::Date day, const Progress& progress) {
  return core::to_iso(day) + " (" + std::to_string(progress.done + 1) + " of " + std::to_string(progress.total) + ")";
}

namespace {

std::string of(std::int64_t number, std::int64_t all) { return std::to_string(number) + "/" + std::to_string(all); }

}  // namespace

std::string text_of(const ActivityLine& line) {
  std::string text = "portfolio_batch run=" + std::to_string(line.run_id) + " session=" + core::to_iso(line.session) +
                     " item=" + of(line.progress.done + 1, line.progress.total);
  if (line.shard > 0) text += " shard=" + of(line.shard, line.shards);
  text += " waiting=" + std::to_string(line.waiting);
  if (!line.phase.empty()) text += " phase=" + line.phase;
  return text + " doing=\"" + line.doing + "\"";
}

}  // namespace pb::batch
