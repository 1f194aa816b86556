#include "core/stats/estimate_bytes.hpp"

#include <map>
#include <string>

namespace pb::core {

namespace {

void write_sample(ByteWriter& out, const Sample& sample) {
  out.plain(sample.observations);
  out.optional(sample.window_start);
  out.optional(sample.window_end);
  out.plain(sample.quality_flag);
  out.plain(sample.reason);
}

void read_sample(ByteReader& in, Sample& sample) {
  sample.observations = in.plain<int>();
  sample.window_start = in.optional<Date>();
  sample.window_end = in.optional<Date>();
  sample.quality_flag = in.plain<Quality>();
  sample.reason = in.plain<Reason>();
}

constexpr auto regression_vectors = {&RegressionFit::coefficients, &RegressionFit::std_errors, &RegressionFit::t_stats,
                                     &RegressionFit::p_values};
constexpr auto regression_counts = {&RegressionFit::observations, &RegressionFit::residual_df};
constexpr auto regression_numbers = {&RegressionFit::r_squared, &RegressionFit::adj_r_squared,
                                     &RegressionFit::residual_sd, &RegressionFit::condition_number};

void write_one(ByteWriter& out, const BetaFit& fit) {
  write_sample(out, fit);
  out.plain(fit.jensen.alpha);
  out.plain(fit.jensen.std_error);
  out.plain(fit.jensen.reason);
  out.plain(fit.fit.has_value());
  if (!fit.fit) return;
  for (const auto member : regression_vectors) out.matrix((*fit.fit).*member);
  for (const auto member : regression_counts) out.plain((*fit.fit).*member);
  for (const auto member : regression_numbers) out.plain((*fit.fit).*member);
}

void read_one(ByteReader& in, BetaFit& fit) {
  read_sample(in, fit);
  fit.jensen.alpha = in.plain<double>();
  fit.jensen.std_error = in.plain<double>();
  fit.jensen.reason = in.plain<Reason>();
  if (!in.plain<bool>()) return;
  RegressionFit& numbers = fit.fit.emplace();
  for (const auto member : regression_vectors) numbers.*member = in.matrix();
  for (const auto member : regression_counts) numbers.*member = in.plain<int>();
  for (const auto member : regression_numbers) numbers.*member = in.plain<double>();
}

constexpr auto ridge_matrices = {&RidgeFits::coefficients, &RidgeFits::std_errors, &RidgeFits::t_stats,
                                 &RidgeFits::p_values};
constexpr auto ridge_vectors = {&RidgeFits::r_squared, &RidgeFits::adj_r_squared, &RidgeFits::residual_sd,
                                &RidgeFits::alpha, &RidgeFits::effective_df};

void write_design(ByteWriter& out, const FactorDesign& design) {
  out.plain(design.observations);
  out.plain(design.condition_number);
  out.plain(design.max_vif);
  out.matrix(design.variance_inflation);
  out.matrix(design.market_slopes);
}

void read_design(ByteReader& in, FactorDesign& design) {
  design.observations = in.plain<int>();
  design.condition_number = in.plain<double>();
  design.max_vif = in.plain<double>();
  design.variance_inflation = in.matrix();
  design.market_slopes = in.matrix();
}

template <class T, class WriteValue>
void write_estimate(ByteWriter& out, const Estimate<T>& estimate, WriteValue&& write_value) {
  out.plain(estimate.reason());
  if (estimate.has_value()) write_value(*estimate);
}

template <class T, class ReadValue>
void read_estimate(ByteReader& in, Estimate<T>& estimate, ReadValue&& read_value) {
  const auto reason = in.plain<Reason>();
  estimate = reason == Reason::none ? Estimate<T>(read_value()) : Estimate<T>::missing(reason);
}

void write_one(ByteWriter& out, const Volatility& volatility) {
  const auto realized = [&](const RealizedVolatility& value) { out.plain(value); };
  out.plain(volatility.observations);
  out.plain(volatility.newest_age);
  out.plain(volatility.kurtosis);
  out.plain(volatility.quality_flag);
  write_estimate(out, volatility.realized_short, realized);
  write_estimate(out, volatility.realized_long, realized);
  write_estimate(out, volatility.forecast, [&](const VolatilityForecast& forecast) {
    out.plain(forecast.value);
    out.plain(forecast.method);
    out.optional(forecast.har);
  });
  write_estimate(out, volatility.trend, [&](const VolatilityTrend& trend) {
    out.plain(trend.direction);
    out.plain(trend.strength);
  });
  write_estimate(out, volatility.percentile, [&](double percentile) { out.plain(percentile); });
}

void read_one(ByteReader& in, Volatility& volatility) {
  const auto realized = [&] { return in.plain<RealizedVolatility>(); };
  volatility.observations = in.plain<int>();
  volatility.newest_age = in.plain<int>();
  volatility.kurtosis = in.plain<double>();
  volatility.quality_flag = in.plain<Quality>();
  read_estimate(in, volatility.realized_short, realized);
  read_estimate(in, volatility.realized_long, realized);
  read_estimate(in, volatility.forecast, [&] {
    const auto value = in.plain<double>();
    const auto method = in.plain<ForecastMethod>();
    return VolatilityForecast{value, method, in.optional<HarFit>()};
  });
  read_estimate(in, volatility.trend, [&] {
    const auto direction = in.plain<TrendDirection>();
    return VolatilityTrend{direction, in.plain<double>()};
  });
  read_estimate(in, volatility.percentile, [&] { return in.plain<double>(); });
}

template <class T>
void write_all(ByteWriter& out, const std::vector<T>& values) {
  out.plain(values.size());
  for (const T& value : values) write_one(out, value);
}

template <class T>
void read_all(ByteReader& in, std::vector<T>& values) {
  values.clear();
  for (auto left = in.plain<std::size_t>(); left > 0; --left) read_one(in, values.emplace_back());
}

template <class T>
void place_all(const std::vector<T>& part, std::span<const int> indexes, std::vector<T>& all) {
  for (std::size_t i = 0; i < indexes.size(); ++i)
    if (indexes[i] >= 0) all[static_cast<std::size_t>(indexes[i])] = part[i];
}

}  // namespace

void write(ByteWriter& out, const std::vector<BetaFit>& fits) { write_all(out, fits); }
void write(ByteWriter& out, const std::vector<Volatility>& volatilities) { write_all(out, volatilities); }
void read(ByteReader& in, std::vector<BetaFit>& fits) { read_all(in, fits); }
void read(ByteReader& in, std::vector<Volatility>& volatilities) { read_all(in, volatilities); }

void write(ByteWriter& out, const FactorFits& fits) {
  for (const auto member : ridge_matrices) out.matrix(fits.fits.*member);
  for (const auto member : ridge_vectors) out.matrix(fits.fits.*member);
  out.plain(fits.samples.size());
  for (const FactorSample& sample : fits.samples) {
    write_sample(out, sample);
    out.plain(sample.design);
  }
  out.plain(fits.designs.size());
  for (const FactorDesign& design : fits.designs) write_design(out, design);
}

void read(ByteReader& in, FactorFits& fits) {
  fits = {};
  for (const auto member : ridge_matrices) fits.fits.*member = in.matrix();
  for (const auto member : ridge_vectors) fits.fits.*member = in.matrix();
  for (auto left = in.plain<std::size_t>(); left > 0; --left) {
    read_sample(in, fits.samples.emplace_back());
    fits.samples.back().design = in.plain<int>();
  }
  for (auto left = in.plain<std::size_t>(); left > 0; --left) read_design(in, fits.designs.emplace_back());
}

void scatter(const std::vector<BetaFit>& part, std::span<const int> indexes, std::vector<BetaFit>& all) {
  place_all(part, indexes, all);
}

void scatter(const std::vector<Volatility>& part, std::span<const int> indexes, std::vector<Volatility>& all) {
  place_all(part, indexes, all);
}

void scatter(const FactorFits& part, std::span<const int> indexes, FactorFits& all) {
  std::map<int, int> designs;  // of the part, where they are used, to their indexes among all
  for (std::size_t i = 0; i < indexes.size(); ++i) {
    if (indexes[i] < 0) continue;
    copy_column(part.fits, static_cast<Eigen::Index>(i), all.fits, indexes[i]);
    FactorSample& sample = all.samples[static_cast<std::size_t>(indexes[i])] = part.samples[i];
    if (sample.design < 0) continue;
    const auto [known, is_new] = designs.try_emplace(sample.design, static_cast<int>(all.designs.size()));
    if (is_new) all.designs.push_back(part.designs[static_cast<std::size_t>(sample.design)]);
    sample.design = known->second;
  }
}

}  // namespace pb::core
