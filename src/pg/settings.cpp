#include "pg/settings.hpp"

#include "core/text/json.hpp"
#include "pg/server.hpp"

namespace pb::pg {

namespace {

// The server keeps pointers to these and writes them when a setting changes.
char* schema = nullptr;
char* calendar = nullptr;
char* market_symbol = nullptr;
int settle_delay = 30;
int max_stale_sessions = 5;
int beta_window = 252;
int beta_min_observations = 60;
int limited_history_below = 126;
int factor_window = 252;
int factor_min_observations = 126;
double ridge_alpha = 1.0;
int ridge_alpha_choice = 0;
char* rate_series = nullptr;
double rate_duration = 16.5;
int covariance_window = 252;
double covariance_half_life = 63;
int correlation_window = 126;
int correlation_min_overlap = 60;
double correlation_threshold = 0.7;
double min_position_value = 10000;
double min_portfolio_weight = 0.01;
int position_filter = 0;
char* benchmark = nullptr;
int max_memory_kb = 512 * 1024;
bool progress = true;
int workers = 1;

void define_int(const char* name, const char* description, int* value, int initial, int minimum, int maximum,
                int flags = 0) {
  DefineCustomIntVariable(name, description, nullptr, value, initial, minimum, maximum, PGC_USERSET, flags, nullptr,
                          nullptr, nullptr);
}

void define_real(const char* name, const char* description, double* value, double initial, double minimum,
                 double maximum) {
  DefineCustomRealVariable(name, description, nullptr, value, initial, minimum, maximum, PGC_USERSET, 0, nullptr,
                           nullptr, nullptr);
}

const config_enum_entry alpha_choices[] = {{"fixed", 0, false}, {"gcv", 1, false}, {nullptr, 0, false}};
const config_enum_entry position_filters[] = {
    {"both", 0, false}, {"either", 1, false}, {"value_only", 2, false}, {"weight_only", 3, false}, {nullptr, 0, false}};

void define_enum(const char* name, const char* description, int* value, int initial, const config_enum_entry* entries) {
  DefineCustomEnumVariable(name, description, nullptr, value, initial, entries, PGC_USERSET, 0, nullptr, nullptr,
                           nullptr);
}

void define_string(const char* name, const char* description, char** value, const char* initial) {
  DefineCustomStringVariable(name, description, nullptr, value, initial, PGC_USERSET, 0, nullptr, nullptr, nullptr);
}

}  // namespace

void define_settings() {
  define_string("portfolio_batch.benchmark", "Benchmark that sector weights are compared with.", &benchmark, "SP500");
  define_int("portfolio_batch.beta_min_observations", "Fewest daily returns a beta is estimated from.",
             &beta_min_observations, 60, 10, 10000);
  define_int("portfolio_batch.beta_window", "Daily returns a beta is estimated from.", &beta_window, 252, 20, 10000);
  define_string("portfolio_batch.calendar", "Trading calendar that decides which days are sessions.", &calendar,
                "NYSE");
  define_int("portfolio_batch.correlation_min_overlap", "Fewest common daily returns a correlation is estimated from.",
             &correlation_min_overlap, 60, 10, 10000);
  define_real("portfolio_batch.correlation_threshold", "Correlation from which positions form a cluster.",
              &correlation_threshold, 0.7, -1, 1);
  define_int("portfolio_batch.correlation_window", "Sessions that correlations are estimated over.",
             &correlation_window, 126, 20, 10000);
  define_real("portfolio_batch.covariance_half_life",
              "Sessions after which a return weighs half as much in the covariances of the factors.",
              &covariance_half_life, 63, 1, 10000);
  define_int("portfolio_batch.covariance_window", "Sessions that covariances of the factors are estimated over.",
             &covariance_window, 252, 60, 10000);
  define_int("portfolio_batch.factor_min_observations", "Fewest daily returns a factor model is estimated from.",
             &factor_min_observations, 126, 20, 10000);
  define_int("portfolio_batch.factor_window", "Daily returns a factor model is estimated from.", &factor_window, 252,
             20, 10000);
  define_int("portfolio_batch.limited_history_below",
             "Estimates from fewer daily returns than this are flagged limited_history.", &limited_history_below, 126,
             10, 10000);
  define_string("portfolio_batch.market_symbol", "Symbol whose returns stand for the market.", &market_symbol, "SPY");
  define_int("portfolio_batch.max_memory", "Memory a run may take for its matrices; more is refused, not swapped.",
             &max_memory_kb, 512 * 1024, 1024, MAX_KILOBYTES, GUC_UNIT_KB);
  define_int("portfolio_batch.max_stale_sessions", "Sessions a price may be old and still value a position.",
             &max_stale_sessions, 5, 0, 1000);
  define_real("portfolio_batch.min_portfolio_weight",
              "Share of the gross exposure below which a position is left out of correlations.", &min_portfolio_weight,
              0.01, 0, 1);
  define_real("portfolio_batch.min_position_value", "Value below which a position is left out of correlations.",
              &min_position_value, 10000, 0, 1e14);
  define_enum("portfolio_batch.position_filter",
              "Which filters a position must pass to take part in correlations: both, either, value_only, weight_only.",
              &position_filter, 0, position_filters);
  DefineCustomBoolVariable("portfolio_batch.progress", "Report the progress of runs as notices.", nullptr, &progress,
                           true, PGC_USERSET, 0, nullptr, nullptr, nullptr);
  define_real("portfolio_batch.rate_duration",
              "Duration in years by which the bond fund's returns become changes of yield where no yields are at hand.",
              &rate_duration, 16.5, 0.1, 100);
  define_string("portfolio_batch.rate_series", "Series of interest_rates whose changes rate betas are measured on.",
                &rate_series, "DGS10");
  define_real("portfolio_batch.ridge_alpha", "Penalty of the ridge regression on standardized factors.", &ridge_alpha,
              1.0, 0, 1e9);
  define_enum("portfolio_batch.ridge_alpha_choice",
              "How that penalty is found: fixed, or gcv for generalized cross-validation over all symbols of a date.",
              &ridge_alpha_choice, 0, alpha_choices);
  define_string("portfolio_batch.schema",
                "Schema of the portfolio and analytics tables; empty means the schema of the extension.", &schema, "");
  define_int("portfolio_batch.settle_delay", "Time after a session's close until its prices count as settled.",
             &settle_delay, 30, 0, 1440, GUC_UNIT_MIN);
  define_int("portfolio_batch.workers",
             "Background workers among which daily_batch divides the portfolios of a date; 1 uses none.", &workers, 1,
             1, 1024);
  MarkGUCPrefixReserved("portfolio_batch");
}

Settings current_settings() {
  return {.schema = schema != nullptr ? schema : "",
          .calendar = calendar,
          .market_symbol = market_symbol,
          .settle_delay_minutes = settle_delay,
          .max_stale_sessions = max_stale_sessions,
          .beta_window = beta_window,
          .beta_min_observations = beta_min_observations,
          .limited_history_below = limited_history_below,
          .factor_window = factor_window,
          .factor_min_observations = factor_min_observations,
          .ridge_alpha = ridge_alpha,
          .ridge_alpha_choice = alpha_choices[ridge_alpha_choice].name,
          .rate_series = rate_series,
          .rate_duration = rate_duration,
          .covariance_window = covariance_window,
          .covariance_half_life = covariance_half_life,
          .correlation_window = correlation_window,
          .correlation_min_overlap = correlation_min_overlap,
          .correlation_threshold = correlation_threshold,
          .min_position_value = min_position_value,
          .min_portfolio_weight = min_portfolio_weight,
          .position_filter = position_filters[position_filter].name,
          .benchmark = benchmark,
          .max_memory_bytes = static_cast<std::size_t>(max_memory_kb) * 1024,
          .progress = progress,
          .workers = workers};
}

std::string settings_as_json(const Settings& s) {
  return core::JsonObject()
      .add("calendar", s.calendar)
      .add("market_symbol", s.market_symbol)
      .add("settle_delay", static_cast<std::int64_t>(s.settle_delay_minutes))
      .add("max_stale_sessions", static_cast<std::int64_t>(s.max_stale_sessions))
      .add("beta_window", static_cast<std::int64_t>(s.beta_window))
      .add("beta_min_observations", static_cast<std::int64_t>(s.beta_min_observations))
      .add("limited_history_below", static_cast<std::int64_t>(s.limited_history_below))
      .add("factor_window", static_cast<std::int64_t>(s.factor_window))
      .add("factor_min_observations", static_cast<std::int64_t>(s.factor_min_observations))
      .add("ridge_alpha", s.ridge_alpha)
      .add("ridge_alpha_choice", s.ridge_alpha_choice)
      .add("rate_series", s.rate_series)
      .add("rate_duration", s.rate_duration)
      .add("covariance_window", static_cast<std::int64_t>(s.covariance_window))
      .add("covariance_half_life", s.covariance_half_life)
      .add("correlation_window", static_cast<std::int64_t>(s.correlation_window))
      .add("correlation_min_overlap", static_cast<std::int64_t>(s.correlation_min_overlap))
      .add("correlation_threshold", s.correlation_threshold)
      .add("min_position_value", s.min_position_value)
      .add("min_portfolio_weight", s.min_portfolio_weight)
      .add("position_filter", s.position_filter)
      .add("benchmark", s.benchmark)
      .add("max_memory_kb", static_cast<std::int64_t>(s.max_memory_bytes / 1024))
      .add("workers", static_cast<std::int64_t>(s.workers))
      .str();
}

}  // namespace pb::pg
