// Each setting is declared once, in the table below: its name, the member of Settings that takes its value, its
// default, range or allowed values, unit and text. From it follow its definition in the server (which pg_settings and
// so batch_settings() show), the value in current_settings() and the record of a run.
#include "pg/settings.hpp"

#include <cstring>
#include <iterator>
#include <variant>

#include "core/text/json.hpp"
#include "pg/server.hpp"

namespace pb::pg {

namespace {

constexpr const char* prefix = "portfolio_batch.";

struct Whole {
  int Settings::*member;
  int initial, minimum, maximum;
  int unit = 0;  // one of the server's GUC_UNIT_…
};

// An amount of memory: in kB in the server and in the record of a run, in bytes in Settings.
struct Memory {
  std::size_t Settings::*member;
  int initial_kb, minimum_kb;
};

struct Real {
  double Settings::*member;
  double initial, minimum, maximum;
};

struct Switch {
  bool Settings::*member;
  bool initial;
};

struct Text {
  std::string Settings::*member;
  const char* initial;
};

struct Choice {
  std::string Settings::*member;
  const config_enum_entry* allowed;  // the first is the default
};

struct Declaration {
  const char* name;
  std::variant<Whole, Memory, Real, Switch, Text, Choice> kind;
  const char* text;
  bool is_recorded = true;  // with each run
};

constexpr config_enum_entry alpha_choices[] = {{"fixed", 0, false}, {"gcv", 1, false}, {nullptr, 0, false}};
constexpr config_enum_entry position_filters[] = {
    {"both", 0, false}, {"either", 1, false}, {"value_only", 2, false}, {"weight_only", 3, false}, {nullptr, 0, false}};

const Declaration declarations[] = {
    {"portfolio_batch.benchmark", Text{&Settings::benchmark, "SP500"},
     "Benchmark that sector weights are compared with."},
    {"portfolio_batch.beta_min_observations", Whole{&Settings::beta_min_observations, 60, 10, 10000},
     "Fewest daily returns a beta is estimated from."},
    {"portfolio_batch.beta_window", Whole{&Settings::beta_window, 252, 20, 10000},
     "Daily returns a beta is estimated from."},
    {"portfolio_batch.calendar", Text{&Settings::calendar, "NYSE"},
     "Trading calendar that decides which days are sessions."},
    {"portfolio_batch.correlation_min_overlap", Whole{&Settings::correlation_min_overlap, 60, 10, 10000},
     "Fewest common daily returns a correlation is estimated from."},
    {"portfolio_batch.correlation_threshold", Real{&Settings::correlation_threshold, 0.7, -1, 1},
     "Correlation from which positions form a cluster."},
    {"portfolio_batch.correlation_window", Whole{&Settings::correlation_window, 126, 20, 10000},
     "Sessions that correlations are estimated over."},
    {"portfolio_batch.covariance_half_life", Real{&Settings::covariance_half_life, 63, 1, 10000},
     "Sessions after which a return weighs half as much in the covariances of the factors."},
    {"portfolio_batch.covariance_window", Whole{&Settings::covariance_window, 252, 60, 10000},
     "Sessions that covariances of the factors are estimated over."},
    {"portfolio_batch.factor_min_observations", Whole{&Settings::factor_min_observations, 126, 20, 10000},
     "Fewest daily returns a factor model is estimated from."},
    {"portfolio_batch.factor_window", Whole{&Settings::factor_window, 252, 20, 10000},
     "Daily returns a factor model is estimated from."},
    {"portfolio_batch.limited_history_below", Whole{&Settings::limited_history_below, 126, 10, 10000},
     "Estimates from fewer daily returns than this are flagged limited_history."},
    {"portfolio_batch.market_symbol", Text{&Settings::market_symbol, "SPY"},
     "Symbol whose returns stand for the market."},
    {"portfolio_batch.max_memory", Memory{&Settings::max_memory_bytes, 512 * 1024, 1024},
     "Memory a run may take for its matrices; more is refused, not swapped."},
    {"portfolio_batch.max_stale_sessions", Whole{&Settings::max_stale_sessions, 5, 0, 1000},
     "Sessions a price may be old and still value a position."},
    {"portfolio_batch.min_coverage", Real{&Settings::min_coverage, 0.5, 0, 1},
     "Share of the symbols expected to have a price below which a session waits and is not published."},
    {"portfolio_batch.min_portfolio_weight", Real{&Settings::min_portfolio_weight, 0.01, 0, 1},
     "Share of the gross exposure below which a position is left out of correlations."},
    {"portfolio_batch.min_position_value", Real{&Settings::min_position_value, 10000, 0, 1e14},
     "Value below which a position is left out of correlations."},
    {"portfolio_batch.position_filter", Choice{&Settings::position_filter, position_filters},
     "Which filters a position must pass to take part in correlations: both, either, value_only, weight_only."},
    {"portfolio_batch.progress", Switch{&Settings::progress, true}, "Report the progress of runs as notices.", false},
    {"portfolio_batch.rate_duration", Real{&Settings::rate_duration, 16.5, 0.1, 100},
     "Duration in years by which the bond fund's returns become changes of yield where no yields are at hand."},
    {"portfolio_batch.rate_series", Text{&Settings::rate_series, "DGS10"},
     "Series of interest_rates whose changes rate betas are measured on."},
    {"portfolio_batch.ridge_alpha", Real{&Settings::ridge_alpha, 1.0, 0, 1e9},
     "Penalty of the ridge regression on standardized factors."},
    {"portfolio_batch.ridge_alpha_choice", Choice{&Settings::ridge_alpha_choice, alpha_choices},
     "How that penalty is found: fixed, or gcv for generalized cross-validation over all symbols of a date."},
    {"portfolio_batch.schema", Text{&Settings::schema, ""},
     "Schema of the portfolio and analytics tables; empty means the schema of the extension.", false},
    {"portfolio_batch.settle_delay", Whole{&Settings::settle_delay_minutes, 30, 0, 1440, GUC_UNIT_MIN},
     "Time after a session's close until its prices count as settled."},
    {"portfolio_batch.workers", Whole{&Settings::workers, 1, 1, 1024},
     "Background workers among which daily_batch divides the portfolios of a date; 1 uses none."}};

constexpr std::size_t count = std::size(declarations);

// The server keeps pointers to these and writes them when a setting changes; one for each declaration.
union Value {
  int whole;
  double real;
  bool is_on;
  char* text;
};
Value values[count] = {};

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
// Which C++20 need not be told, but clang 14 does.
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

void define(const Declaration& d, Value& value) {
  const auto define_int = [&](int initial, int minimum, int maximum, int unit) {
    DefineCustomIntVariable(d.name, d.text, nullptr, &value.whole, initial, minimum, maximum, PGC_USERSET, unit,
                            nullptr, nullptr, nullptr);
  };
  std::visit(Overloaded{[&](const Whole& k) { define_int(k.initial, k.minimum, k.maximum, k.unit); },
                        [&](const Memory& k) { define_int(k.initial_kb, k.minimum_kb, MAX_KILOBYTES, GUC_UNIT_KB); },
                        [&](const Real& k) {
                          DefineCustomRealVariable(d.name, d.text, nullptr, &value.real, k.initial, k.minimum,
                                                   k.maximum, PGC_USERSET, 0, nullptr, nullptr, nullptr);
                        },
                        [&](const Switch& k) {
                          DefineCustomBoolVariable(d.name, d.text, nullptr, &value.is_on, k.initial, PGC_USERSET, 0,
                                                   nullptr, nullptr, nullptr);
                        },
                        [&](const Text& k) {
                          DefineCustomStringVariable(d.name, d.text, nullptr, &value.text, k.initial, PGC_USERSET, 0,
                                                     nullptr, nullptr, nullptr);
                        },
                        [&](const Choice& k) {
                          DefineCustomEnumVariable(d.name, d.text, nullptr, &value.whole, k.allowed[0].val, k.allowed,
                                                   PGC_USERSET, 0, nullptr, nullptr, nullptr);
                        }},
             d.kind);
}

void take(const Declaration& d, const Value& value, Settings& settings) {
  std::visit(Overloaded{[&](const Whole& k) { settings.*k.member = value.whole; },
                        [&](const Memory& k) { settings.*k.member = static_cast<std::size_t>(value.whole) * 1024; },
                        [&](const Real& k) { settings.*k.member = value.real; },
                        [&](const Switch& k) { settings.*k.member = value.is_on; },
                        [&](const Text& k) { settings.*k.member = value.text != nullptr ? value.text : ""; },
                        [&](const Choice& k) { settings.*k.member = k.allowed[value.whole].name; }},
             d.kind);
}

void record(const Declaration& d, const Settings& settings, core::JsonObject& json) {
  const std::string name = d.name + std::strlen(prefix);
  std::visit(
      Overloaded{[&](const Whole& k) { json.add(name, std::int64_t{settings.*k.member}); },
                 [&](const Memory& k) { json.add(name + "_kb", static_cast<std::int64_t>(settings.*k.member / 1024)); },
                 [&](const Switch& k) { json.raw(name, settings.*k.member ? "true" : "false"); },
                 [&](const auto& k) { json.add(name, settings.*k.member); }},
      d.kind);
}

}  // namespace

void define_settings() {
  for (std::size_t i = 0; i < count; ++i) define(declarations[i], values[i]);
  MarkGUCPrefixReserved("portfolio_batch");
}

Settings current_settings() {
  Settings settings{};
  for (std::size_t i = 0; i < count; ++i) take(declarations[i], values[i], settings);
  return settings;
}

std::string settings_as_json(const Settings& settings) {
  core::JsonObject json;
  for (const Declaration& declaration : declarations)
    if (declaration.is_recorded) record(declaration, settings, json);
  return json.str();
}

}  // namespace pb::pg
