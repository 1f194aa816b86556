#include "store/correlation_store.hpp"

#include "core/portfolio/ranges.hpp"
#include "core/text/json.hpp"
#include "pg/query.hpp"
#include "pg/writer.hpp"
#include "store/row_check.hpp"

namespace pb::store {

using pg::Args;
using pg::nullable;
using pg::required;
using pg::RowBuffer;
using pg::RowView;
using pg::Type;

namespace {

constexpr const char* window_scope = "t.portfolio_id = ANY ($1) AND t.calculation_date = $2 AND t.duration_days = $3";

Args window_args(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  Args args{Type::uuid_array, Type::date, Type::int4};
  args.add(portfolio_ids).add(day).add(store.settings().correlation_window);
  return args;
}

std::string top_pairs_as_json(std::span<const TopPair> pairs) {
  std::string body;
  for (const TopPair& pair : pairs)
    body += (body.empty() ? "" : ", ") + core::JsonObject()
                                             .add("symbol1", pair.symbol1)
                                             .add("symbol2", pair.symbol2)
                                             .add("correlation", pair.correlation)
                                             .add("p_value", pair.p_value)
                                             .add("q_value", pair.q_value)
                                             .add("observations", static_cast<std::int64_t>(pair.observations))
                                             .str();
  return "[" + body + "]";
}

std::vector<pg::ColumnDef> calculation_columns() {
  std::vector<pg::ColumnDef> columns{
      {"portfolio_id", Type::uuid}, {"calculation_date", Type::date}, {"duration_days", Type::int4}};
  for (const char* name : {"avg_correlation", "weighted_avg_correlation", "position_signed_correlation",
                           "effective_positions", "effective_bets", "diversification_ratio", "concentration_score",
                           "shrinkage_intensity", "repair_distance", "min_portfolio_weight", "correlation_threshold"})
    columns.push_back({name, Type::float8});
  for (const char* name : {"positions_included", "positions_excluded", "significant_pairs", "total_pairs"})
    columns.push_back({name, Type::int4});
  for (const char* name : {"data_quality", "matrix_method", "filter_mode", "reason"})
    columns.push_back({name, Type::text});
  columns.insert(columns.end(), {{"min_position_value", Type::money},
                                 {"top_correlations", Type::jsonb},
                                 {"symbols", Type::text_array},
                                 {"correlations", Type::float8_array},
                                 {"pair_observations", Type::int4_array}});
  return columns;
}

void add_calculation(RowBuffer& out, core::Date day, const pg::Settings& settings, const CorrelationCalculation& row) {
  out.add(row.portfolio_id).add(day).add(settings.correlation_window);
  out.add(row.average).add(row.weighted_average).add(row.position_signed).add(row.effective_positions);
  out.add(row.effective_bets).add(row.diversification_ratio).add(row.concentration_score);
  out.add(row.shrinkage_intensity).add(row.repair_distance);
  out.add(settings.min_portfolio_weight).add(settings.correlation_threshold);
  out.add(row.positions_included).add(row.positions_excluded).add(row.significant_pairs).add(row.total_pairs);
  out.add(row.data_quality).add(row.matrix_method).add(settings.position_filter).add(row.reason);
  out.add(core::to_money(settings.min_position_value));
  if (row.symbols.empty()) {
    out.null().null().null().null();
    return;
  }
  out.add(top_pairs_as_json(row.top_pairs)).add(std::span<const std::string>(row.symbols));
  out.add(std::span<const double>(row.correlations)).add(std::span<const std::int32_t>(row.overlaps));
}

}  // namespace

std::int64_t write_correlations(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                                std::span<const CorrelationCalculation> rows) {
  RowBuffer out(calculation_columns());
  out.reserve(rows.size());
  for (const CorrelationCalculation& row : rows) add_calculation(out, day, store.settings(), row);
  return pg::upsert({.table = store.table("correlation_calculations"),
                     .keys = {"portfolio_id", "calculation_date", "duration_days"},
                     .stamp = store.stamp(),
                     .replaced_scope = window_scope},
                    std::move(out), window_args(store, day, portfolio_ids));
}

std::int64_t write_clusters(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                            std::span<const Cluster> clusters) {
  RowBuffer groups({{"portfolio_id", Type::uuid},
                    {"calculation_date", Type::date},
                    {"duration_days", Type::int4},
                    {"cluster_number", Type::int4},
                    {"nickname", Type::text},
                    {"avg_correlation", Type::float8},
                    {"total_value", Type::money},
                    {"portfolio_percentage", Type::float8}});
  RowBuffer members({{"portfolio_id", Type::uuid},
                     {"calculation_date", Type::date},
                     {"duration_days", Type::int4},
                     {"cluster_number", Type::int4},
                     {"position_id", Type::uuid},
                     {"symbol", Type::text},
                     {"value", Type::money},
                     {"portfolio_percentage", Type::float8},
                     {"correlation_to_cluster", Type::float8}});
  const int window = store.settings().correlation_window;
  for (const Cluster& cluster : clusters) {
    groups.add(cluster.portfolio_id).add(day).add(window).add(cluster.number).add(cluster.nickname);
    groups.add(cluster.average_correlation).add(cluster.value).add(cluster.portfolio_percentage);
    for (const ClusterPosition& position : cluster.positions) {
      members.add(cluster.portfolio_id).add(day).add(window).add(cluster.number).add(position.position_id);
      members.add(position.symbol).add(position.value).add(position.portfolio_percentage);
      members.add(position.correlation_to_cluster);
    }
  }
  return pg::upsert({.table = store.table("correlation_clusters"),
                     .keys = {"portfolio_id", "calculation_date", "duration_days", "cluster_number"},
                     .stamp = store.stamp(),
                     .replaced_scope = window_scope},
                    groups, window_args(store, day, portfolio_ids)) +
         pg::upsert({.table = store.table("correlation_cluster_positions"),
                     .keys = {"portfolio_id", "calculation_date", "duration_days", "cluster_number", "position_id"},
                     .stamp = store.stamp(),
                     .replaced_scope = window_scope},
                    members, window_args(store, day, portfolio_ids));
}

std::map<std::string, std::string> load_sectors(const Store& store, std::span<const std::string> symbols) {
  std::map<std::string, std::string> sectors;
  pg::each_row("SELECT symbol, initcap(btrim(sector)) FROM " + store.table("company_profiles") +
                   " WHERE symbol = ANY ($1) AND btrim(sector) <> '' AND " + is_name("sector"),
               Args{Type::text_array}.add(symbols),
               {required(Type::text, "company_profiles.symbol"), nullable(Type::text)},
               [&](const RowView& row) { sectors[row.text_or_empty(0)] = row.text_or_empty(1); });
  return sectors;
}

UserTags load_user_tags(const Store& store, std::span<const core::Uuid> portfolio_ids) {
  UserTags tags;
  pg::each_row("SELECT l.portfolio_id, l.position_id, t.name FROM " + store.table("position_tags") + " l JOIN " +
                   store.table("tags") +
                   " t ON t.id = l.tag_id WHERE l.portfolio_id = ANY ($1) AND NOT t.is_system AND NOT t.is_archived",
               Args{Type::uuid_array}.add(portfolio_ids),
               {required(Type::uuid, "position_tags.portfolio_id"), nullable(Type::uuid), nullable(Type::text)},
               [&](const RowView& row) {
                 if (!row.is_null(1) && !row.text(2).empty() && row.text(2).size() <= core::longest_name)
                   tags[{row.uuid(0), row.uuid(1)}].push_back(row.text_or_empty(2));
               });
  return tags;
}

}  // namespace pb::store
