#include "engine/correlations.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.hpp"
#include "core/portfolio/correlation_clusters.hpp"
#include "core/portfolio/correlation_groups.hpp"
#include "core/portfolio/diversification.hpp"
#include "core/stats/correlation_tests.hpp"
#include "core/stats/covariance_estimate.hpp"
#include "core/stats/polled_algebra.hpp"
#include "engine/risk_models.hpp"
#include "pg/interrupts.hpp"
#include "pg/memory.hpp"
#include "store/correlation_store.hpp"

namespace pb::engine {

using core::Correlations;
using core::Matrix;

namespace {

constexpr int top_pairs = 10;
constexpr double significance_level = 0.05;

// Whether a portfolio's net exposure to a symbol is large enough to count. Amounts are compared in money and weights
// to twelve digits, so that neither the order of a sum nor the number of lots decides.
bool passes_filters(double net, double gross, const store::Settings& settings) {
  const core::Money size = core::to_money(std::fabs(net));
  if (size == core::Money{}) return false;  // hedged out: no bet in either direction
  const bool by_value = size >= core::to_money(settings.min_position_value);
  const bool by_weight = std::fabs(net) >= settings.min_portfolio_weight * gross * (1 - 1e-12);
  if (settings.position_filter == "either") return by_value || by_weight;
  if (settings.position_filter == "value_only") return by_value;
  if (settings.position_filter == "weight_only") return by_weight;
  return by_value && by_weight;
}

// The symbols of a portfolio that take part, ascending.
struct Selection {
  const RiskPortfolio* portfolio;
  std::vector<int> symbols;  // of the book
  std::vector<int> columns;  // the same, of the block of returns
  std::vector<double> nets;  // signed dollars in each

  void add(int symbol, double net) {
    symbols.push_back(symbol);
    nets.push_back(net);
  }
  // Where a symbol of the book stands; -1 when it does not take part.
  int place(int symbol) const {
    const auto found = std::lower_bound(symbols.begin(), symbols.end(), symbol);
    return found != symbols.end() && *found == symbol ? static_cast<int>(found - symbols.begin()) : -1;
  }
};

Selection select(const RiskPortfolio& portfolio, const store::Settings& settings) {
  Selection selection{.portfolio = &portfolio, .symbols = {}, .columns = {}, .nets = {}};
  for (const SymbolExposure& exposure : portfolio.exposures)
    if (passes_filters(exposure.net, portfolio.gross, settings)) selection.add(exposure.symbol, exposure.net);
  return selection;
}

// What is left of a selection when only some of its places stay.
Selection keep(const Selection& selection, const std::vector<int>& places) {
  Selection kept{.portfolio = selection.portfolio, .symbols = {}, .columns = {}, .nets = {}};
  for (const int at : places) {
    const auto place = static_cast<std::size_t>(at);
    kept.add(selection.symbols[place], selection.nets[place]);
    kept.columns.push_back(selection.columns[place]);
  }
  return kept;
}

// The places of those that have enough returns, and not all the same one.
std::vector<int> usable_places(const Correlations& found) {
  std::vector<int> places;
  for (std::size_t i = 0; i < found.reasons.size(); ++i)
    if (found.reasons[i] == core::Reason::none) places.push_back(static_cast<int>(i));
  return places;
}

// Why fewer than two symbols of a portfolio could be correlated, whatever passed the filters.
core::Reason missing_reason(const Selection& passed) {
  const RiskPortfolio& portfolio = *passed.portfolio;
  if (portfolio.gross == 0) return core::Reason::no_exposure;
  if (portfolio.exposures.empty()) return portfolio.positions.front().reason;
  const auto held = std::count_if(portfolio.exposures.begin(), portfolio.exposures.end(),
                                  [](const auto& exposure) { return core::to_money(exposure.net) != core::Money{}; });
  if (held < 2) return held == 0 ? core::Reason::no_exposure : core::Reason::single_symbol;
  return passed.symbols.size() < 2 ? core::Reason::below_filters : core::Reason::insufficient_data;
}

// Correlations multiplied by the signs of the positions: a short hedge is the opposite bet of what it hedges.
std::vector<double> as_held(const std::vector<double>& correlations, const std::vector<double>& nets) {
  std::vector<double> held = correlations;
  std::size_t at = 0;
  for (std::size_t i = 1; i < nets.size(); ++i) {
    pg::poll();
    for (std::size_t j = 0; j < i; ++j, ++at)
      if ((nets[i] > 0) != (nets[j] > 0)) held[at] = -held[at];
  }
  return held;
}

double or_nan(const std::optional<double>& value) { return value.value_or(std::numeric_limits<double>::quiet_NaN()); }

double squared(double value) { return value * value; }

std::int64_t existing_pairs(const Correlations& found) {
  std::int64_t pairs = 0;
  core::in_steps(std::ssize(found.values), 1, pg::poll, [&](std::ptrdiff_t first, std::ptrdiff_t count) {
    const auto from = found.values.begin() + first;
    pairs += std::count_if(from, from + count, [](double r) { return !std::isnan(r); });
  });
  return pairs;
}

// sufficient: whatever passed the filters has a return on each session of the whole window, and so all pairs have a
// correlation.
const char* data_quality(const Correlations& found, bool all_usable, int window) {
  const std::int64_t existing = existing_pairs(found);
  if (existing == 0) return "insufficient";
  const bool every_pair = static_cast<std::size_t>(existing) == found.values.size();
  const bool full = found.overlaps.size() == 1 && found.overlaps[0] == window;
  return all_usable && every_pair && full ? "sufficient" : "limited";
}

// The diversification ratio and the same of the correlations alone, of a book without short positions.
void diversify_longs(const Matrix& covariance, const std::vector<double>& nets, store::CorrelationCalculation& row) {
  row.diversification_ratio = or_nan(core::diversification_ratio(covariance, nets, pg::poll));
  // Sizes over volatilities make all risks equal to the sizes.
  std::vector<double> equalized = nets;
  for (std::size_t i = 0; i < nets.size(); ++i) {
    const auto place = static_cast<Eigen::Index>(i);
    equalized[i] /= std::sqrt(covariance(place, place));
  }
  row.effective_positions = squared(or_nan(core::diversification_ratio(covariance, equalized, pg::poll)));
}

// What needs a matrix that is one: the diversification ratio and the numbers of bets.
void diversify(const core::CovarianceEstimate& estimate, const std::vector<double>& nets,
               store::CorrelationCalculation& row) {
  row.matrix_method = estimate.method;
  row.shrinkage_intensity = estimate.shrinkage_intensity;
  row.repair_distance = estimate.repair_distance;
  row.effective_bets = or_nan(core::effective_bets(estimate.covariance, nets, pg::poll));
  const bool has_shorts = std::any_of(nets.begin(), nets.end(), [](double net) { return net < 0; });
  if (!has_shorts) diversify_longs(estimate.covariance, nets, row);
  if (std::isnan(row.effective_bets))
    row.diversification_reason = core::Reason::no_risk;
  else if (has_shorts)
    row.diversification_reason = core::Reason::short_positions;
}

// The engine at work on one day.
class CorrelationEngine {
 public:
  CorrelationEngine(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids)
      : context_(context),
        settings_(context.store().settings()),
        day_(day),
        ids_(portfolio_ids),
        book_(context.risk(day, portfolio_ids).book()),
        budget_(settings_.max_memory_bytes) {}

  Report run() {
    for (const RiskPortfolio& portfolio : book_.portfolios) {
      pg::poll();
      selections_.push_back(select(portfolio, settings_));
    }
    load_returns();
    std::vector<std::vector<int>> groups;
    for (const Selection& selection : selections_) groups.push_back(selection.columns);
    account_for(groups);
    calculations_.reserve(selections_.size());
    core::correlate_groups(returns_, groups, {.min_overlap = settings_.correlation_min_overlap}, pg::poll,
                           [&](std::size_t i, const Correlations& found) { describe(selections_[i], found); });
    name_clusters();
    report_.rows_written = store::write_correlations(context_.store(), day_, ids_, calculations_) +
                           store::write_clusters(context_.store(), day_, ids_, clusters_);
    report_.detail = "correlations of " + counted(report_.processed, "portfolio") + ", " + counted(pairs_, "pair") +
                     ", " + counted(static_cast<std::int64_t>(clusters_.size()), "cluster");
    report_.summary = "correlations " + std::to_string(report_.processed);
    return std::move(report_);
  }

 private:
  // The log returns of every symbol that takes part in any portfolio, each once.
  void load_returns() {
    std::set<int> symbols;
    for (const Selection& selection : selections_) symbols.insert(selection.symbols.begin(), selection.symbols.end());
    std::vector<int> columns;
    std::vector<int> places(book_.symbols.size());
    for (const int symbol : symbols) {
      places[static_cast<std::size_t>(symbol)] = static_cast<int>(columns.size());
      columns.push_back(book_.columns[static_cast<std::size_t>(symbol)]);
    }
    for (Selection& selection : selections_)
      for (const int symbol : selection.symbols) selection.columns.push_back(places[static_cast<std::size_t>(symbol)]);
    // Each return once in this block and once, in 10 bytes, where it is correlated.
    budget_.take(static_cast<std::size_t>(settings_.correlation_window), columns.size(), sizeof(double) + 10,
                 "returns to correlate");
    returns_ =
        core::log_return_block(context_.market().panel, columns, book_.session, settings_.correlation_window, pg::poll);
  }

  // Results take 12 bytes a pair, and as much again while they are written; so does a triangle of all symbols, where
  // there is one. A covariance takes up to four squares of the largest portfolio.
  void account_for(const std::vector<std::vector<int>>& groups) {
    std::size_t largest = 0;
    std::size_t pairs = 0;
    for (const std::vector<int>& group : groups) {
      pairs += core::packed_size(static_cast<int>(group.size()));
      largest = std::max(largest, group.size());
    }
    const int symbols = static_cast<int>(returns_.cols());
    if (core::one_triangle_is_cheaper(symbols, groups)) budget_.take(core::packed_size(symbols), 1, 12, "correlations");
    budget_.take(pairs, 2, 12, "correlations");
    budget_.take(largest, largest, 4 * sizeof(double), "a covariance matrix");
  }

  void describe(const Selection& passed, const Correlations& found) {
    const std::vector<int> usable = usable_places(found);
    const Selection selection = keep(passed, usable);
    store::CorrelationCalculation& row = calculations_.emplace_back();
    row.portfolio_id = passed.portfolio->id;
    for (const RiskPosition& position : passed.portfolio->positions)
      ++(selection.place(position.symbol) >= 0 ? row.positions_included : row.positions_excluded);
    if (usable.size() < 2) {
      row.reason = missing_reason(passed);
      row.diversification_reason = row.reason;
      ++report_.skipped;
      return;
    }
    const bool all_usable = usable.size() == passed.symbols.size();
    summarize(selection, all_usable ? found : core::correlations_among(found, usable, pg::poll), all_usable, row);
    ++report_.processed;
  }

  void summarize(const Selection& selection, const Correlations& found, bool all_usable,
                 store::CorrelationCalculation& row) {
    row.data_quality = data_quality(found, all_usable, settings_.correlation_window);
    row.total_pairs = static_cast<int>(existing_pairs(found));
    if (row.total_pairs == 0) row.reason = core::Reason::insufficient_data;
    pairs_ += *row.total_pairs;
    row.average = or_nan(core::average_correlation(found.values, pg::poll));
    row.weighted_average = or_nan(core::weighted_average_correlation(found.values, selection.nets, pg::poll));
    row.position_signed = or_nan(core::position_signed_correlation(found.values, selection.nets, pg::poll));
    row.significant_pairs = static_cast<int>(core::significant_pairs(found, significance_level, pg::poll));
    list_top_pairs(selection, found, row);
    if (const auto estimate = core::estimate_covariance(
            core::copied(returns_(core::every, selection.columns), pg::poll), found, {}, pg::poll))
      diversify(*estimate, selection.nets, row);
    else
      row.diversification_reason = static_cast<std::size_t>(*row.total_pairs) < found.values.size()
                                       ? core::Reason::insufficient_data
                                       : core::Reason::too_many_symbols;
    const auto clusters = core::correlation_clusters(as_held(found.values, selection.nets), selection.nets,
                                                     settings_.correlation_threshold, pg::poll);
    row.concentration_score = or_nan(core::concentration_score(clusters, selection.nets));
    add_clusters(selection, clusters);
    for (const int symbol : selection.symbols) row.symbols.push_back(name(symbol));
    row.correlations = found.values;
    row.overlaps.assign(found.overlaps.begin(), found.overlaps.end());
  }

  void list_top_pairs(const Selection& selection, const Correlations& found, store::CorrelationCalculation& row) const {
    const auto top = core::top_correlations(found.values, found.symbols, top_pairs, pg::poll);
    const auto tests = core::test_pairs(found, top, pg::poll);
    for (std::size_t i = 0; i < top.size(); ++i)
      row.top_pairs.push_back({name(selection.symbols[static_cast<std::size_t>(top[i].first)]),
                               name(selection.symbols[static_cast<std::size_t>(top[i].second)]), top[i].correlation,
                               tests[i].p_value, tests[i].q_value, found.overlap(top[i].first, top[i].second)});
  }

  void add_clusters(const Selection& selection, const std::vector<core::CorrelationCluster>& clusters) {
    // Of each place in the selection: its cluster, and its correlation with the rest of that.
    std::vector<std::pair<std::size_t, double>> membership(selection.symbols.size(), {none, 0});
    const std::size_t first = clusters_.size();
    for (const core::CorrelationCluster& cluster : clusters) {
      for (std::size_t i = 0; i < cluster.members.size(); ++i)
        membership[static_cast<std::size_t>(cluster.members[i])] = {clusters_.size(),
                                                                    cluster.correlation_to_cluster[i]};
      clusters_.push_back({.portfolio_id = selection.portfolio->id,
                           .number = static_cast<int>(clusters_.size() - first) + 1,
                           .nickname = {},
                           .average_correlation = cluster.average_correlation,
                           .value = core::to_money(cluster.value),
                           .portfolio_percentage = cluster.value / selection.portfolio->gross,
                           .positions = {}});
    }
    members_.resize(clusters_.size());
    for (std::size_t place = 0; place < membership.size(); ++place)
      if (const auto cluster = membership[place].first; cluster != none)
        members_[cluster].push_back(
            {.symbol = name(selection.symbols[place]), .value = selection.nets[place], .sector = {}, .tags = {}});
    for (const RiskPosition& position : selection.portfolio->positions) {
      const int place = selection.place(position.symbol);
      if (place < 0) continue;
      const auto [cluster, correlation] = membership[static_cast<std::size_t>(place)];
      if (cluster == none) continue;
      const double size = std::fabs(position.exposure);
      clusters_[cluster].positions.push_back({.position_id = position.lot->id,
                                              .symbol = name(position.symbol),
                                              .value = core::to_money(size),
                                              .portfolio_percentage = size / selection.portfolio->gross,
                                              .correlation_to_cluster = correlation});
    }
  }

  // A symbol carries the tags of all its lots in the portfolio.
  void name_clusters() {
    if (clusters_.empty()) return;
    const auto sectors = store::load_sectors(context_.store(), book_.symbols);
    const store::UserTags tags = store::load_user_tags(context_.store(), ids_);
    for (std::size_t i = 0; i < clusters_.size(); ++i) {
      store::Cluster& cluster = clusters_[i];
      std::map<std::string_view, std::vector<std::string>> tags_of;
      for (const store::ClusterPosition& position : cluster.positions)
        if (const auto own = tags.find({cluster.portfolio_id, position.position_id}); own != tags.end())
          tags_of[position.symbol].insert(tags_of[position.symbol].end(), own->second.begin(), own->second.end());
      for (core::NamedMember& member : members_[i]) {
        if (const auto sector = sectors.find(member.symbol); sector != sectors.end()) member.sector = sector->second;
        member.tags = std::move(tags_of[member.symbol]);
      }
      cluster.nickname = core::cluster_nickname(members_[i]);
    }
  }

  const std::string& name(int symbol) const { return book_.symbols[static_cast<std::size_t>(symbol)]; }

  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  Context& context_;
  const store::Settings& settings_;
  core::Date day_;
  std::span<const core::Uuid> ids_;
  const RiskBook& book_;
  pg::MemoryBudget budget_;
  std::vector<Selection> selections_;  // what passes the filters, of each portfolio
  Matrix returns_;                     // sessions x symbols of any selection
  std::vector<store::CorrelationCalculation> calculations_;
  std::vector<store::Cluster> clusters_;
  std::vector<std::vector<core::NamedMember>> members_;  // of each cluster
  std::int64_t pairs_ = 0;
  Report report_;
};

}  // namespace

Report calc_correlations(Context& context, core::Date day, std::span<const core::Uuid> portfolio_ids) {
  return CorrelationEngine(context, day, portfolio_ids).run();
}

}  // namespace pb::engine
