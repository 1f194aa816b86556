#include "pg/settings.hpp"

#include "core/json.hpp"
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
int max_memory_kb = 512 * 1024;
bool progress = true;

void define_int(const char* name, const char* description, int* value, int initial, int minimum, int maximum,
                int flags = 0) {
  DefineCustomIntVariable(name, description, nullptr, value, initial, minimum, maximum, PGC_USERSET, flags, nullptr,
                          nullptr, nullptr);
}

void define_string(const char* name, const char* description, char** value, const char* initial) {
  DefineCustomStringVariable(name, description, nullptr, value, initial, PGC_USERSET, 0, nullptr, nullptr, nullptr);
}

}  // namespace

void define_settings() {
  define_int("portfolio_batch.beta_min_observations", "Fewest daily returns a beta is estimated from.",
             &beta_min_observations, 60, 10, 10000);
  define_int("portfolio_batch.beta_window", "Daily returns a beta is estimated from.", &beta_window, 252, 20, 10000);
  define_string("portfolio_batch.calendar", "Trading calendar that decides which days are sessions.", &calendar,
                "NYSE");
  define_int("portfolio_batch.limited_history_below",
             "Estimates from fewer daily returns than this are flagged limited_history.", &limited_history_below, 126,
             10, 10000);
  define_string("portfolio_batch.market_symbol", "Symbol whose returns stand for the market.", &market_symbol, "SPY");
  define_int("portfolio_batch.max_memory", "Memory a run may take for its matrices; more is refused, not swapped.",
             &max_memory_kb, 512 * 1024, 1024, MAX_KILOBYTES, GUC_UNIT_KB);
  define_int("portfolio_batch.max_stale_sessions", "Sessions a price may be old and still value a position.",
             &max_stale_sessions, 5, 0, 1000);
  DefineCustomBoolVariable("portfolio_batch.progress", "Report the progress of runs as notices.", nullptr, &progress,
                           true, PGC_USERSET, 0, nullptr, nullptr, nullptr);
  define_string("portfolio_batch.schema",
                "Schema of the portfolio and analytics tables; empty means the schema of the extension.", &schema, "");
  define_int("portfolio_batch.settle_delay", "Time after a session's close until its prices count as settled.",
             &settle_delay, 30, 0, 1440, GUC_UNIT_MIN);
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
          .max_memory_bytes = static_cast<std::size_t>(max_memory_kb) * 1024,
          .progress = progress};
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
      .add("max_memory_kb", static_cast<std::int64_t>(s.max_memory_bytes / 1024))
      .str();
}

}  // namespace pb::pg
