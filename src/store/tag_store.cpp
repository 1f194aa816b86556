#include "store/tag_store.hpp"

#include <functional>
#include <string>
#include <utility>

#include "core/portfolio/concentration.hpp"
#include "pg/select.hpp"
#include "store/row_check.hpp"

namespace pb::store {

using pg::Args;
using pg::field;
using pg::Type;

namespace {

// What a company profile's sector is called. One too long for a name, which no index could hold, is none.
std::string sector_of_profile(const Store& store) {
  return "CASE WHEN " + is_name("sector") + " THEN " + store.function("sector_name") + "(sector) END";
}

std::string without_sector() { return "'" + std::string(core::tag_without_sector) + "'"; }

// The sector each open position should carry. An option takes its underlying's sector. OFFSET 0 has the names brought
// into their form for each company, and not for each position.
std::string wanted_sectors(const Store& store) {
  return "SELECT p.portfolio_id, p.id AS position_id, coalesce(c.sector, " + without_sector() +
         ") AS sector, coalesce(c.too_long, false) AS too_long FROM " + store.table("positions") +
         " p LEFT JOIN (SELECT symbol, " + sector_of_profile(store) + " AS sector, NOT " + is_name("sector") +
         " AS too_long FROM " + store.table("company_profiles") +
         " OFFSET 0) c ON c.symbol = coalesce(nullif(p.underlying_symbol, ''), p.symbol)"
         " WHERE p.portfolio_id = ANY ($1) AND p.entry_date <= $2 AND (p.exit_date IS NULL OR p.exit_date > $2)"
         " AND p.deleted_at IS NULL";
}

// Colors of the sectors in the application's views.
constexpr const char* sector_colors =
    "(VALUES ('Technology', '#2196F3'), ('Healthcare', '#4CAF50'), ('Financials', '#FF9800'),"
    " ('Energy', '#FFC107'), ('Consumer Discretionary', '#9C27B0'), ('Consumer Staples', '#E91E63'),"
    " ('Industrials', '#795548'), ('Materials', '#607D8B'), ('Real Estate', '#00BCD4'), ('Utilities', '#8BC34A'),"
    " ('Communication Services', '#3F51B5'), ('Telecommunications', '#3F51B5'), ('Uncategorized', '#9E9E9E'))"
    " AS palette (sector, color)";

using Arguments = std::function<Args()>;

// What there is to do: on most nights, nothing.
struct TagState {
  std::int64_t positions = 0;
  std::int64_t without_tag = 0;   // positions whose sector has no tag yet
  std::int64_t without_link = 0;  // positions that do not carry the tag of their sector
  std::int64_t too_long = 0;      // positions whose sector is too long for a name
  std::int64_t other_links = 0;   // of the batch's own, those of closed positions or of another sector
};

TagState read_state(const Store& store, const Arguments& arguments) {
  using Row = TagState;
  const std::string own_links =
      "(SELECT count(*) FROM " + store.table("position_tags") + " WHERE portfolio_id = ANY ($1) AND is_system)";
  const auto columns = pg::select("position_tags", field("count(*)", &Row::positions),
                                  field("count(*) FILTER (WHERE t.id IS NULL)", &Row::without_tag),
                                  field("count(*) FILTER (WHERE l.tag_id IS NULL)", &Row::without_link),
                                  field("count(*) FILTER (WHERE w.too_long)", &Row::too_long),
                                  field(own_links + " - count(*) FILTER (WHERE l.is_system)", &Row::other_links));
  TagState state;
  columns.from("(" + wanted_sectors(store) + ") w LEFT JOIN " + store.table("tags") +
                   " t ON t.is_system AND t.name = w.sector LEFT JOIN " + store.table("position_tags") +
                   " l ON l.portfolio_id = w.portfolio_id AND l.position_id = w.position_id AND l.tag_id = t.id",
               arguments(), [&](const Row& row) { state = row; });
  return state;
}

// Of all company profiles: were there tags of those sectors only that somebody holds, their names would tell.
std::int64_t create_tags(const Store& store, const Arguments& arguments) {
  const std::string tags = store.table("tags");
  return pg::execute(
      "INSERT INTO " + tags +
          " (name, color, description, is_system, usage_count) SELECT missing.sector,"
          " coalesce(palette.color, '#78909C'), CASE missing.sector WHEN " +
          without_sector() +
          " THEN 'Positions without sector classification' ELSE 'Sector: ' || missing.sector END, true, NULL"
          " FROM (SELECT w.sector FROM (SELECT sector FROM (" +
          wanted_sectors(store) + ") w UNION SELECT " + sector_of_profile(store) + " FROM " +
          store.table("company_profiles") + ") w WHERE sector IS NOT NULL AND NOT EXISTS (SELECT FROM " + tags +
          " t WHERE t.is_system AND t.name = w.sector)) missing LEFT JOIN " + sector_colors +
          " USING (sector) ORDER BY missing.sector ON CONFLICT DO NOTHING",
      arguments());
}

std::int64_t remove_links(const Store& store, const Arguments& arguments) {
  return pg::execute("DELETE FROM " + store.table("position_tags") + " l USING " + store.table("tags") + " t, (" +
                         wanted_sectors(store) +
                         ") w WHERE t.id = l.tag_id AND l.is_system AND l.portfolio_id = w.portfolio_id"
                         " AND l.position_id = w.position_id AND t.name <> w.sector AND NOT t.is_archived",
                     arguments());
}

// NOT IN, not NOT EXISTS: a hashed set even where the planner takes a table that was just filled for an empty one.
std::int64_t add_links(const Store& store, const Arguments& arguments) {
  const std::string links = store.table("position_tags");
  return pg::execute("INSERT INTO " + links +
                         " (portfolio_id, position_id, tag_id, is_system, assigned_by)"
                         " SELECT w.portfolio_id, w.position_id, t.id, true, 'portfolio_batch' FROM (" +
                         wanted_sectors(store) + ") w JOIN " + store.table("tags") +
                         " t ON t.is_system AND NOT t.is_archived AND t.name = w.sector"
                         " WHERE (w.portfolio_id, w.position_id, t.id) NOT IN"
                         " (SELECT portfolio_id, position_id, tag_id FROM " +
                         links + " WHERE portfolio_id = ANY ($1)) ON CONFLICT DO NOTHING",
                     arguments());
}

Arguments scope(core::Date day, std::span<const core::Uuid> portfolio_ids) {
  return [=] { return std::move(Args{Type::uuid_array, Type::date}.add(portfolio_ids).add(day)); };
}

}  // namespace

TagChanges restore_sector_tags(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  const Arguments arguments = scope(day, portfolio_ids);
  const TagState state = read_state(store, arguments);
  TagChanges changes;
  changes.positions = state.positions;
  changes.too_long = state.too_long;
  if (state.without_tag > 0) changes.tags_created = create_tags(store, arguments);
  if (state.other_links > 0) changes.links_removed = remove_links(store, arguments);
  if (state.without_link > 0) changes.links_added = add_links(store, arguments);
  return changes;
}

std::int64_t create_sector_tags(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  return create_tags(store, scope(day, portfolio_ids));
}

}  // namespace pb::store
