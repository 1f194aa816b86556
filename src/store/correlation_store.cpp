#include "store/correlation_store.hpp"

#include "core/portfolio/concentration.hpp"
#include "core/portfolio/ranges.hpp"
#include "core/text/json.hpp"
#include "pg/select.hpp"
#include "store/result_rows.hpp"
#include "store/row_check.hpp"

namespace pb::store {

using pg::Args;
using pg::field;
using pg::Type;

namespace {

Scope of_window(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  Scope scope = of_portfolios(portfolio_ids, day);
  scope.condition += " AND t.duration_days = $4";
  scope.args.append(Type::int4, store.settings().correlation_window);
  return scope;
}

pg::Json top_pairs_as_json(const CorrelationCalculation& row) {
  if (row.symbols.empty()) return {};
  std::string body;
  for (const TopPair& pair : row.top_pairs)
    body += (body.empty() ? "" : ", ") + core::JsonObject()
                                             .add("symbol1", pair.symbol1)
                                             .add("symbol2", pair.symbol2)
                                             .add("correlation", pair.correlation)
                                             .add("p_value", pair.p_value)
                                             .add("q_value", pair.q_value)
                                             .add("observations", static_cast<std::int64_t>(pair.observations))
                                             .str();
  return {"[" + body + "]"};
}

// A part of the packed matrix, or none where there is no matrix.
template <class Part>
auto matrix_part(Part part) {
  return [part](const CorrelationCalculation& row) {
    return row.symbols.empty() ? std::nullopt : std::optional(std::invoke(part, row));
  };
}

Columns<CorrelationCalculation> calculation_columns(core::Date day, const Settings& settings) {
  using Row = CorrelationCalculation;
  return {
      pg::column<Row>("portfolio_id", &Row::portfolio_id),
      constant<Row>("calculation_date", day),
      constant<Row>("duration_days", settings.correlation_window),
      pg::column<Row>("avg_correlation", &Row::average),
      pg::column<Row>("weighted_avg_correlation", &Row::weighted_average),
      pg::column<Row>("position_signed_correlation", &Row::position_signed),
      pg::column<Row>("effective_positions", &Row::effective_positions),
      pg::column<Row>("effective_bets", &Row::effective_bets),
      pg::column<Row>("diversification_ratio", &Row::diversification_ratio),
      pg::column<Row>("diversification_reason", &Row::diversification_reason),
      pg::column<Row>("concentration_score", &Row::concentration_score),
      pg::column<Row>("shrinkage_intensity", &Row::shrinkage_intensity),
      pg::column<Row>("repair_distance", &Row::repair_distance),
      constant<Row>("min_portfolio_weight", settings.min_portfolio_weight),
      constant<Row>("correlation_threshold", settings.correlation_threshold),
      pg::column<Row>("positions_included", &Row::positions_included),
      pg::column<Row>("positions_excluded", &Row::positions_excluded),
      pg::column<Row>("significant_pairs", &Row::significant_pairs),
      pg::column<Row>("total_pairs", &Row::total_pairs),
      pg::column<Row>("data_quality", &Row::data_quality),
      pg::column<Row>("matrix_method", &Row::matrix_method),
      constant<Row>("filter_mode", settings.position_filter),
      pg::column<Row>("reason", &Row::reason),
      constant<Row>("min_position_value", core::to_money(settings.min_position_value)),
      pg::column<Row>("top_correlations", top_pairs_as_json),
      pg::column<Row>("symbols", matrix_part(&Row::symbols)),
      pg::column<Row>("correlations", matrix_part(&Row::correlations)),
      pg::column<Row>("pair_observations", matrix_part(&Row::overlaps)),
  };
}

struct ClusterMember {
  const Cluster* cluster;
  const ClusterPosition* position;
};

}  // namespace

std::int64_t write_correlations(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                                std::span<const CorrelationCalculation> rows) {
  return write_results(store, "correlation_calculations", {"portfolio_id", "calculation_date", "duration_days"},
                       calculation_columns(day, store.settings()), rows, of_window(store, day, portfolio_ids));
}

std::int64_t write_clusters(const Store& store, core::Date day, std::span<const core::Uuid> portfolio_ids,
                            std::span<const Cluster> clusters) {
  const int window = store.settings().correlation_window;
  const Columns<Cluster> cluster_columns{
      pg::column<Cluster>("portfolio_id", &Cluster::portfolio_id),
      constant<Cluster>("calculation_date", day),
      constant<Cluster>("duration_days", window),
      pg::column<Cluster>("cluster_number", &Cluster::number),
      pg::column<Cluster>("nickname", &Cluster::nickname),
      pg::column<Cluster>("avg_correlation", &Cluster::average_correlation),
      pg::column<Cluster>("total_value", &Cluster::value),
      pg::column<Cluster>("portfolio_percentage", &Cluster::portfolio_percentage),
  };
  const auto of_cluster = [](auto member) {
    return [member](const ClusterMember& row) { return std::invoke(member, *row.cluster); };
  };
  const auto of_position = [](auto member) {
    return [member](const ClusterMember& row) { return std::invoke(member, *row.position); };
  };
  const Columns<ClusterMember> member_columns{
      pg::column<ClusterMember>("portfolio_id", of_cluster(&Cluster::portfolio_id)),
      constant<ClusterMember>("calculation_date", day),
      constant<ClusterMember>("duration_days", window),
      pg::column<ClusterMember>("cluster_number", of_cluster(&Cluster::number)),
      pg::column<ClusterMember>("position_id", of_position(&ClusterPosition::position_id)),
      pg::column<ClusterMember>("symbol", of_position(&ClusterPosition::symbol)),
      pg::column<ClusterMember>("value", of_position(&ClusterPosition::value)),
      pg::column<ClusterMember>("portfolio_percentage", of_position(&ClusterPosition::portfolio_percentage)),
      pg::column<ClusterMember>("correlation_to_cluster", of_position(&ClusterPosition::correlation_to_cluster)),
  };
  std::vector<ClusterMember> members;
  for (const Cluster& cluster : clusters)
    for (const ClusterPosition& position : cluster.positions) members.push_back({&cluster, &position});
  const Scope scope = of_window(store, day, portfolio_ids);
  const std::vector<std::string> keys{"portfolio_id", "calculation_date", "duration_days", "cluster_number"};
  std::vector<std::string> member_keys = keys;
  member_keys.emplace_back("position_id");
  return write_results(store, "correlation_clusters", keys, cluster_columns, clusters, scope) +
         write_results<ClusterMember>(store, "correlation_cluster_positions", member_keys, member_columns, members,
                                      scope);
}

std::map<std::string, std::string> load_sectors(const Store& store, std::span<const std::string> symbols) {
  struct Row {
    std::string symbol;
    std::string_view sector;
  };
  static const auto columns =
      pg::select("company_profiles", field("symbol", &Row::symbol), field("sector", &Row::sector));
  std::map<std::string, std::string> sectors;
  columns.from(
      store.table("company_profiles") + " WHERE symbol = ANY ($1) AND sector IS NOT NULL AND " + is_name("sector"),
      Args{Type::text_array}.add(symbols), [&](const Row& row) {
        if (auto sector = core::normalize_sector(row.sector)) sectors[row.symbol] = *sector;
      });
  return sectors;
}

UserTags load_user_tags(const Store& store, std::span<const core::Uuid> portfolio_ids) {
  struct Row {
    core::Uuid portfolio_id;
    std::optional<core::Uuid> position_id;
    std::optional<std::string> name;
  };
  static const auto columns = pg::select("position_tags", field("l.portfolio_id", &Row::portfolio_id),
                                         field("l.position_id", &Row::position_id), field("t.name", &Row::name));
  UserTags tags;
  columns.from(store.table("position_tags") + " l JOIN " + store.table("tags") +
                   " t ON t.id = l.tag_id WHERE l.portfolio_id = ANY ($1) AND NOT t.is_system AND NOT t.is_archived",
               Args{Type::uuid_array}.add(portfolio_ids), [&](Row& row) {
                 const std::string name = std::move(row.name).value_or("");
                 if (row.position_id && !name.empty() && name.size() <= core::longest_name)
                   tags[{row.portfolio_id, *row.position_id}].push_back(name);
               });
  return tags;
}

}  // namespace pb::store
