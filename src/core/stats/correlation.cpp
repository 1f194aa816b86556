#include "core/stats/correlation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <string>

#include "core/error.hpp"
#include "core/limits.hpp"
#include "core/stats/distributions.hpp"

namespace pb::core {

namespace {

// Overlaps that hold less than this share of a series' variation are computed afresh.
constexpr double least_share = 1.0 / 16;

// Symbols stand side by side in panels of this width, so that every step of a product serves all of a panel.
constexpr int width = 4;
using Lanes = Eigen::Array<double, width, 1>;
using Tile = Eigen::Array<double, width, width>;

constexpr int max_sessions = std::numeric_limits<std::uint16_t>::max();
// Panels of one strip: their series stay in the cache while all others pass by.
constexpr int strip_panels = 16;

// Moves a series to mean 0 and unit length, in place; false when it is constant. The second pass over the mean takes
// out the rounding of the first. Scaling by a power of two is exact and keeps squares from over- or underflowing.
bool standardize(Eigen::Ref<Vector> x, double constant_variance) {
  const double largest = x.size() > 0 ? x.cwiseAbs().maxCoeff() : 0;
  if (!(largest > 0)) return false;
  const int exponent = std::clamp(std::ilogb(largest), -1000, 1000);
  x *= std::scalbn(1.0, -exponent);
  const auto n = static_cast<double>(x.size());
  const double mean = x.mean();
  x.array() -= mean;
  x.array() -= x.mean();
  const double variation = x.squaredNorm();
  const double rounding = 8 * epsilon * mean;
  if (variation <= n * rounding * rounding) return false;
  if (std::scalbn(variation / n, 2 * exponent) < constant_variance) return false;
  x /= std::sqrt(variation);
  return true;
}

double clamp(double correlation) { return std::clamp(correlation, -1.0, 1.0); }

// What is known of one symbol's series.
struct Series {
  int observations = 0;
  int pattern = 0;      // equal for symbols with returns on the same sessions
  bool varies = false;  // else its standardized returns are all 0
  bool lists_missing = false;
  std::size_t list_begin = 0;  // the sessions without a return, or those with one, whichever are fewer
  std::size_t list_end = 0;
};

// Sums over a symbol's sessions, of each series in a panel.
struct MaskedSums {
  Lanes sum;
  Lanes squares;
  Lanes count;
};

// The standardized returns of a block in panels, 0 where missing.
class StandardizedBlock {
 public:
  StandardizedBlock(const Eigen::Ref<const Matrix>& returns, const CorrelationSettings& settings, Poll poll);

  int panels() const { return static_cast<int>(values_.cols()); }
  const Series& series(int symbol) const { return series_[static_cast<std::size_t>(symbol)]; }
  // Pattern that all series of a panel share, or -1.
  int panel_pattern(int panel) const { return panel_patterns_[static_cast<std::size_t>(panel)]; }
  bool one_pattern() const { return one_pattern_; }

  // tile(j, i) = product of series j of the panel of columns with series i of the panel of rows, summed in the order of
  // the sessions, so that it does not depend on where in the block the two stand.
  Tile products(int rows, int columns) const;
  // Sums of the panel's series, their squares and their returns over the sessions on which the symbol has a return.
  MaskedSums masked_sums(int panel, int symbol) const;

 private:
  void add_series(const Eigen::Ref<const Matrix>& returns, int symbol, const CorrelationSettings& settings);
  void list_sessions(Series& series, const Eigen::Ref<const Vector>& returns);

  Eigen::Index sessions_;
  Matrix values_;                        // (session, lane) x panel
  std::vector<std::uint64_t> presence_;  // panel, session: 16 bits for each lane, 1 where it has a return
  std::vector<Series> series_;
  std::vector<std::uint16_t> lists_;
  std::vector<MaskedSums> panel_sums_;  // over the series' own sessions
  std::vector<int> panel_patterns_;
  bool one_pattern_ = true;
  std::map<std::vector<bool>, int> patterns_;
  Vector scratch_;
};

StandardizedBlock::StandardizedBlock(const Eigen::Ref<const Matrix>& returns, const CorrelationSettings& settings,
                                     Poll poll)
    : sessions_(returns.rows()), scratch_(returns.rows()) {
  const int symbols = static_cast<int>(returns.cols());
  const int panel_count = (symbols + width - 1) / width;
  values_ = Matrix::Zero(sessions_ * width, panel_count);
  presence_.resize(static_cast<std::size_t>(sessions_ * panel_count));
  series_.resize(static_cast<std::size_t>(panel_count * width));
  panel_sums_.resize(static_cast<std::size_t>(panel_count), {Lanes::Zero(), Lanes::Zero(), Lanes::Zero()});
  panel_patterns_.resize(static_cast<std::size_t>(panel_count));
  for (int symbol = 0; symbol < symbols; ++symbol) {
    poll();
    add_series(returns, symbol, settings);
  }
}

void StandardizedBlock::list_sessions(Series& series, const Eigen::Ref<const Vector>& returns) {
  series.lists_missing = Eigen::Index{2} * series.observations >= sessions_;
  series.list_begin = lists_.size();
  for (Eigen::Index t = 0; t < sessions_; ++t)
    if (std::isfinite(returns(t)) != series.lists_missing) lists_.push_back(static_cast<std::uint16_t>(t));
  series.list_end = lists_.size();
}

void StandardizedBlock::add_series(const Eigen::Ref<const Matrix>& returns, int symbol,
                                   const CorrelationSettings& settings) {
  const auto own = returns.col(symbol);
  const auto panel = static_cast<std::size_t>(symbol / width);
  const int lane = symbol % width;
  Series& series = series_[static_cast<std::size_t>(symbol)];
  std::vector<bool> pattern(static_cast<std::size_t>(sessions_));
  for (Eigen::Index t = 0; t < sessions_; ++t)
    if (std::isfinite(own(t))) {
      scratch_(series.observations++) = own(t);
      pattern[static_cast<std::size_t>(t)] = true;
      presence_[panel * static_cast<std::size_t>(sessions_) + static_cast<std::size_t>(t)] += std::uint64_t{1}
                                                                                              << (16 * lane);
    }
  list_sessions(series, own);
  series.pattern = patterns_.try_emplace(std::move(pattern), static_cast<int>(patterns_.size())).first->second;
  one_pattern_ = patterns_.size() == 1;
  int& shared = panel_patterns_[panel];
  shared = lane == 0 || shared == series.pattern ? series.pattern : -1;

  MaskedSums& sums = panel_sums_[panel];
  sums.count(lane) = series.observations;
  series.varies = standardize(scratch_.head(series.observations), settings.constant_variance);
  if (!series.varies) return;
  int next = 0;
  for (Eigen::Index t = 0; t < sessions_; ++t) {
    if (!std::isfinite(own(t))) continue;
    const double value = scratch_(next++);
    values_(t * width + lane, static_cast<Eigen::Index>(panel)) = value;
    sums.sum(lane) += value;
    sums.squares(lane) += value * value;
  }
}

Tile StandardizedBlock::products(int rows, int columns) const {
  const double* row = values_.col(rows).data();
  const double* column = values_.col(columns).data();
  Lanes a = Lanes::Zero();
  Lanes b = Lanes::Zero();
  Lanes c = Lanes::Zero();
  Lanes d = Lanes::Zero();
  for (Eigen::Index t = 0; t < sessions_; ++t, row += width, column += width) {
    const Lanes side = Eigen::Map<const Lanes>(column);
    a += side * row[0];
    b += side * row[1];
    c += side * row[2];
    d += side * row[3];
  }
  Tile tile;
  tile.col(0) = a;
  tile.col(1) = b;
  tile.col(2) = c;
  tile.col(3) = d;
  return tile;
}

MaskedSums StandardizedBlock::masked_sums(int panel, int symbol) const {
  const Series& mask = series(symbol);
  const double* values = values_.col(panel).data();
  const std::uint64_t* presence =
      presence_.data() + static_cast<std::size_t>(panel) * static_cast<std::size_t>(sessions_);
  Lanes sum = Lanes::Zero();
  Lanes squares = Lanes::Zero();
  std::uint64_t counts = 0;
  for (std::size_t at = mask.list_begin; at < mask.list_end; ++at) {
    const std::size_t t = lists_[at];
    const Lanes step = Eigen::Map<const Lanes>(values + t * width);
    sum += step;
    squares += step * step;
    counts += presence[t];
  }
  Lanes count;
  for (int lane = 0; lane < width; ++lane) count(lane) = static_cast<double>(counts >> (16 * lane) & 0xFFFF);
  if (!mask.lists_missing) return {sum, squares, count};
  const MaskedSums& own = panel_sums_[static_cast<std::size_t>(panel)];
  return {own.sum - sum, own.squares - squares, own.count - count};
}

// Correlates a block pair by pair of panels.
class Correlator {
 public:
  Correlator(const Eigen::Ref<const Matrix>& returns, const CorrelationSettings& settings, Poll poll)
      : returns_(returns),
        settings_(settings),
        poll_(poll),
        block_(returns, settings, poll),
        x_(returns.rows()),
        y_(returns.rows()) {}

  Correlations run();

 private:
  // Correlations and overlaps of the pairs (column j, row i) of two panels.
  struct Pairs {
    Tile correlations;
    Tile overlaps;
  };

  // A pair whose sums were restricted to its overlap.
  struct RestrictedPair {
    double product;      // of the two series, which is the correlation if they have the same sessions
    double correlation;  // with the means of the overlap taken out
    double share;        // of its variation that the overlap leaves to either series, the smaller
    double overlap;
  };

  bool usable(int symbol) const {
    return block_.series(symbol).varies && block_.series(symbol).observations >= settings_.min_overlap;
  }
  Reason reason(int symbol) const;
  Pairs same_sessions(int rows, int columns) const;
  Pairs restricted_to_overlaps(int rows, int columns);
  double restricted(int row, int column, const RestrictedPair& pair);
  double standardized_afresh(int i, int j);
  void store(const Pairs& pairs, int rows, int columns);

  const Eigen::Ref<const Matrix>& returns_;
  const CorrelationSettings& settings_;
  Poll poll_;
  StandardizedBlock block_;
  Correlations result_;
  Vector x_;
  Vector y_;
};

Reason Correlator::reason(int symbol) const {
  if (usable(symbol)) return Reason::none;
  const int observations = block_.series(symbol).observations;
  if (observations == 0) return Reason::no_prices;
  return observations < settings_.min_overlap ? Reason::insufficient_data : Reason::constant_series;
}

Correlator::Pairs Correlator::same_sessions(int rows, int columns) const {
  Pairs pairs{block_.products(rows, columns).min(1.0).max(-1.0),
              Tile::Constant(block_.series(rows * width).observations)};
  for (int lane = 0; lane < width; ++lane) {
    if (!usable(rows * width + lane)) pairs.correlations.col(lane).setConstant(nan);
    if (!usable(columns * width + lane)) pairs.correlations.row(lane).setConstant(nan);
  }
  return pairs;
}

// The pair's correlation over its overlap alone.
double Correlator::standardized_afresh(int i, int j) {
  Eigen::Index n = 0;
  for (Eigen::Index t = 0; t < returns_.rows(); ++t) {
    if (!std::isfinite(returns_(t, i)) || !std::isfinite(returns_(t, j))) continue;
    x_(n) = returns_(t, i);
    y_(n++) = returns_(t, j);
  }
  if (!standardize(x_.head(n), settings_.constant_variance)) return nan;
  if (!standardize(y_.head(n), settings_.constant_variance)) return nan;
  return clamp(x_.head(n).dot(y_.head(n)));
}

double Correlator::restricted(int row, int column, const RestrictedPair& pair) {
  if (pair.overlap < settings_.min_overlap || !usable(row) || !usable(column)) return nan;
  if (block_.series(row).pattern == block_.series(column).pattern) return clamp(pair.product);
  return pair.share >= least_share ? clamp(pair.correlation) : standardized_afresh(row, column);
}

Correlator::Pairs Correlator::restricted_to_overlaps(int rows, int columns) {
  const Tile products = block_.products(rows, columns);
  Tile row_sums;
  Tile row_squares;
  for (int j = 0; j < width; ++j) {
    const MaskedSums sums = block_.masked_sums(rows, columns * width + j);
    row_sums.row(j) = sums.sum;
    row_squares.row(j) = sums.squares;
  }
  Pairs pairs;
  for (int i = 0; i < width; ++i) {
    const int row = rows * width + i;
    const MaskedSums sums = block_.masked_sums(columns, row);
    const Lanes row_variation = row_squares.col(i) - row_sums.col(i).square() / sums.count;
    const Lanes column_variation = sums.squares - sums.sum.square() / sums.count;
    const Lanes covariation = products.col(i) - row_sums.col(i) * sums.sum / sums.count;
    const Lanes correlation = covariation / (row_variation * column_variation).sqrt();
    const Lanes share = row_variation.min(column_variation);
    pairs.overlaps.col(i) = sums.count;
    for (int j = 0; j < width && columns * width + j < row; ++j)
      pairs.correlations(j, i) =
          restricted(row, columns * width + j, {products(j, i), correlation(j), share(j), sums.count(j)});
  }
  return pairs;
}

void Correlator::store(const Pairs& pairs, int rows, int columns) {
  const int first = columns * width;
  for (int i = 0; i < width; ++i) {
    const int row = rows * width + i;
    if (row >= result_.symbols) return;
    const std::size_t at = packed_row(row) + static_cast<std::size_t>(first);
    const int count = std::min(width, row - first);
    for (int j = 0; j < count; ++j) result_.values[at + static_cast<std::size_t>(j)] = pairs.correlations(j, i);
    if (block_.one_pattern()) continue;
    for (int j = 0; j < count; ++j)
      result_.overlaps[at + static_cast<std::size_t>(j)] = static_cast<int>(pairs.overlaps(j, i));
  }
}

Correlations Correlator::run() {
  result_.symbols = static_cast<int>(returns_.cols());
  result_.min_overlap = settings_.min_overlap;
  for (int symbol = 0; symbol < result_.symbols; ++symbol) result_.reasons.push_back(reason(symbol));
  result_.values.resize(packed_size(result_.symbols));
  if (result_.values.empty()) return std::move(result_);
  result_.overlaps.assign(block_.one_pattern() ? 1 : result_.values.size(), block_.series(0).observations);
  for (int strip = 0; strip < block_.panels(); strip += strip_panels) {
    const int strip_end = std::min(strip + strip_panels, block_.panels());
    for (int columns = 0; columns < strip_end; ++columns) {
      for (int rows = std::max(strip, columns); rows < strip_end; ++rows) {
        poll_();
        const int pattern = block_.panel_pattern(rows);
        const bool same = pattern >= 0 && pattern == block_.panel_pattern(columns);
        store(same ? same_sessions(rows, columns) : restricted_to_overlaps(rows, columns), rows, columns);
      }
    }
  }
  const int first = result_.overlaps[0];
  if (std::all_of(result_.overlaps.begin(), result_.overlaps.end(), [first](int n) { return n == first; }))
    result_.overlaps.assign(1, first);
  return std::move(result_);
}

void require_possible(const CorrelationSettings& settings, Eigen::Index sessions) {
  if (settings.min_overlap < 2)
    throw Error(sqlstate::invalid_parameter, "a correlation needs at least two common returns",
                "min_overlap is " + std::to_string(settings.min_overlap) + ".");
  if (sessions > max_sessions)
    throw Error(sqlstate::invalid_parameter, "too many sessions for a block of correlations",
                std::to_string(sessions) + " sessions, where " + std::to_string(max_sessions) + " are possible.");
}

}  // namespace

Matrix log_returns(const Eigen::Ref<const Matrix>& simple) {
  return simple.unaryExpr([](double r) { return r > -1 && std::isfinite(r) ? std::log1p(r) : nan; });
}

Matrix log_return_block(const PricePanel& panel, std::span<const int> columns, int session, int window, Poll poll) {
  if (window < 1 || session < 0 || session >= panel.sessions().size())
    throw Error(sqlstate::invalid_parameter, "the window of returns is not in the panel",
                std::to_string(window) + " sessions up to session " + std::to_string(session) + " of " +
                    std::to_string(panel.sessions().size()) + ".");
  const int rows = std::min(window, session + 1);
  Matrix block(rows, static_cast<Eigen::Index>(columns.size()));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    poll();
    block.col(static_cast<Eigen::Index>(i)) = log_returns(panel.returns(columns[i]).segment(session + 1 - rows, rows));
  }
  return block;
}

Reason Correlations::reason(int i, int j) const {
  if (!std::isnan(value(i, j))) return Reason::none;
  for (const int symbol : {i, j})
    if (const Reason own = reasons[static_cast<std::size_t>(symbol)]; own != Reason::none) return own;
  return overlap(i, j) < min_overlap ? Reason::insufficient_data : Reason::constant_series;
}

Correlations pairwise_correlations(const Eigen::Ref<const Matrix>& returns, const CorrelationSettings& settings,
                                   Poll poll) {
  require_possible(settings, returns.rows());
  return Correlator(returns, settings, poll).run();
}

std::vector<double> correlation_p_values(const Correlations& correlations, Poll poll) {
  std::vector<double> p_values(correlations.values.size());
  const bool shared = correlations.overlaps.size() == 1;
  for (std::size_t pair = 0; pair < p_values.size(); ++pair) {
    if (pair % 4096 == 0) poll();
    p_values[pair] = correlation_p_value(correlations.values[pair], correlations.overlaps[shared ? 0 : pair]);
  }
  return p_values;
}

}  // namespace pb::core
