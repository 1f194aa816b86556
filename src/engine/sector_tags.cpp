#include "engine/sector_tags.hpp"

#include "store/tag_store.hpp"

namespace pb::engine {

Report restore_sector_tags(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  const std::vector<core::Uuid> current = not_superseded(context.store(), day, portfolio_ids);
  const store::TagChanges changes = store::restore_sector_tags(context.store(), day, current);
  Report report;
  report.processed = changes.positions;
  report.rows_written = changes.tags_created + changes.links_added + changes.links_removed;
  report.detail = report.rows_written == 0
                      ? "tags are current"
                      : counted(changes.links_added, "link") + " added, " + std::to_string(changes.links_removed) +
                            " removed, " + counted(changes.tags_created, "tag") + " created";
  if (changes.too_long > 0)
    report.detail += ", " + counted(changes.too_long, "position") + " with a sector too long for a tag";
  return report;
}

Report create_sector_tags(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  const std::vector<core::Uuid> current = not_superseded(context.store(), day, portfolio_ids);
  Report report;
  report.rows_written = store::create_sector_tags(context.store(), day, current);
  report.detail = counted(report.rows_written, "tag") + " created";
  return report;
}

}  // namespace pb::engine
