// Each setting is declared once, in the tables below: its name, the member of Settings that takes its value, its
// default, range or allowed words, unit and text. From it follow its definition in the server (which pg_settings and so
// batch_settings() show), the value in current_settings() and the record of a run.
#include "store/settings.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "core/text/json.hpp"
#include "pg/settings.hpp"

namespace pb::store {

namespace {

using pg::Choice;
using pg::FreeText;
using pg::Memory;
using pg::RealNumber;
using pg::Switch;
using pg::WholeNumber;
using S = Settings;

constexpr const char* prefix = "portfolio_batch";

using Member = std::variant<int S::*, std::size_t S::*, double S::*, bool S::*, std::string S::*>;

struct Declaration {
  pg::Setting setting;
  Member member;
  bool is_recorded = true;  // with each run
};

std::vector<Declaration> of_tables() {
  return {{{"portfolio_batch.schema", FreeText{""},
            "Schema of the portfolio and analytics tables; empty means the schema of the extension."},
           &S::schema,
           false}};
}

std::vector<Declaration> of_runs() {
  return {{{"portfolio_batch.calendar", FreeText{"NYSE"}, "Trading calendar that decides which days are sessions."},
           &S::calendar},
          {{"portfolio_batch.settle_delay", WholeNumber{30, 0, 1440, true},
            "Time after a session's close until its prices count as settled."},
           &S::settle_delay_minutes},
          {{"portfolio_batch.min_coverage", RealNumber{0.5, 0, 1},
            "Share of the symbols expected to have a price below which a session waits and is not published."},
           &S::min_coverage},
          {{"portfolio_batch.max_memory", Memory{512 * 1024, 1024},
            "Memory a run may take for its matrices; more is refused, not swapped."},
           &S::max_memory_bytes},
          {{"portfolio_batch.progress", Switch{true}, "Report the progress of runs as notices."}, &S::progress, false},
          {{"portfolio_batch.workers", WholeNumber{1, 1, 1024},
            "Background workers among which daily_batch divides the portfolios of a date; 1 uses none."},
           &S::workers}};
}

std::vector<Declaration> of_valuation() {
  return {{{"portfolio_batch.market_symbol", FreeText{"SPY"}, "Symbol whose returns stand for the market."},
           &S::market_symbol},
          {{"portfolio_batch.max_stale_sessions", WholeNumber{5, 0, 1000},
            "Sessions a price may be old and still value a position, and the newest return of an estimate before it is "
            "flagged stale."},
           &S::max_stale_sessions},
          {{"portfolio_batch.benchmark", FreeText{"SP500"}, "Benchmark that sector weights are compared with."},
           &S::benchmark}};
}

std::vector<Declaration> of_betas() {
  return {{{"portfolio_batch.beta_window", WholeNumber{252, 20, 10000}, "Daily returns a beta is estimated from."},
           &S::beta_window},
          {{"portfolio_batch.beta_min_observations", WholeNumber{60, 10, 10000},
            "Fewest daily returns a beta is estimated from."},
           &S::beta_min_observations},
          {{"portfolio_batch.limited_history_below", WholeNumber{126, 10, 10000},
            "Estimates from fewer daily returns than this are flagged limited_history."},
           &S::limited_history_below},
          {{"portfolio_batch.rate_series", FreeText{"DGS10"},
            "Series of interest_rates whose changes rate betas are measured on."},
           &S::rate_series},
          {{"portfolio_batch.risk_free_series", FreeText{"DGS3MO"},
            "Series of interest_rates that Jensen's alpha takes for the yield of a riskless investment."},
           &S::risk_free_series},
          {{"portfolio_batch.rate_duration", RealNumber{16.5, 0.1, 100},
            "Duration in years by which the bond fund's returns become changes of yield where no yields are at hand."},
           &S::rate_duration}};
}

std::vector<Declaration> of_factors() {
  return {{{"portfolio_batch.factor_window", WholeNumber{252, 20, 10000},
            "Daily returns a factor model is estimated from."},
           &S::factor_window},
          {{"portfolio_batch.factor_min_observations", WholeNumber{126, 20, 10000},
            "Fewest daily returns a factor model is estimated from."},
           &S::factor_min_observations},
          // Out of sample a penalty of 0.4 for each observation explains more than least squares does, and gives betas
          // that change less: docs/methods.md has the figures, bench/ridge_out_of_sample.py repeats them.
          {{"portfolio_batch.ridge_alpha_per_observation", RealNumber{0.4, 0, 1e9},
            "Penalty of the ridge regression on standardized factors for each daily return of the window."},
           &S::ridge_alpha_per_observation},
          {{"portfolio_batch.ridge_alpha_choice", Choice{{"fixed", "gcv"}},
            "How that penalty is found: fixed, or gcv for generalized cross-validation of each symbol by itself."},
           &S::ridge_alpha_choice},
          {{"portfolio_batch.covariance_window", WholeNumber{252, 60, 10000},
            "Sessions that covariances of the factors are estimated over."},
           &S::covariance_window},
          {{"portfolio_batch.covariance_half_life", RealNumber{63, 1, 10000},
            "Sessions after which a return weighs half as much in the covariances of the factors."},
           &S::covariance_half_life},
          {{"portfolio_batch.stress_covariance", Choice{{"long_run", "day"}},
            "Covariances by which stress tests expect moves: long_run, of all prices at hand, or day, of the newest."},
           &S::stress_covariance}};
}

std::vector<Declaration> of_correlations() {
  return {{{"portfolio_batch.correlation_window", WholeNumber{126, 20, 10000},
            "Sessions that correlations are estimated over."},
           &S::correlation_window},
          {{"portfolio_batch.correlation_min_overlap", WholeNumber{60, 10, 10000},
            "Fewest common daily returns a correlation is estimated from."},
           &S::correlation_min_overlap},
          {{"portfolio_batch.correlation_threshold", RealNumber{0.7, -1, 1},
            "Correlation from which positions form a cluster."},
           &S::correlation_threshold},
          {{"portfolio_batch.min_position_value", RealNumber{10000, 0, 1e14},
            "Value below which a position is left out of correlations."},
           &S::min_position_value},
          {{"portfolio_batch.min_portfolio_weight", RealNumber{0.01, 0, 1},
            "Share of the gross exposure below which a position is left out of correlations."},
           &S::min_portfolio_weight},
          {{"portfolio_batch.position_filter", Choice{{"both", "either", "value_only", "weight_only"}},
            "Which filters a position must pass to take part in correlations: both, either, value_only, weight_only."},
           &S::position_filter}};
}

std::vector<Declaration> of_collection() {
  using pg::Access;
  return {{{"portfolio_batch.collect_deadline", WholeNumber{20, 1, 1440, true},
            "Time after which a collection asks for nothing more."},
           &S::collect_deadline_minutes,
           false},
          {{"portfolio_batch.collect_chunk", WholeNumber{50, 1, 1000},
            "Symbols whose prices are asked for and committed together."},
           &S::collect_chunk,
           false},
          {{"portfolio_batch.collect_overlap", WholeNumber{10, 0, 1000},
            "Sessions with a price that are asked for once more each night, to find corrections and splits."},
           &S::collect_overlap,
           false},
          {{"portfolio_batch.user_agent", FreeText{""},
            "User agent that providers are shown; empty means the name and version of the extension.",
            Access::set_by_superuser},
           &S::user_agent,
           false},
          {{"portfolio_batch.contact", FreeText{""}, "Address of a person, which some providers ask for."},
           &S::contact,
           false},
          {{"portfolio_batch.provider_keys_file", FreeText{""},
            "File with the keys of providers, which the user of the server owns and nobody else can read.",
            Access::superuser_only},
           &S::provider_keys_file,
           false},
          {{"portfolio_batch.provider_addresses", FreeText{""},
            "Addresses of providers in place of their own, such as polygon=https://api.massive.com, by commas.",
            Access::set_by_superuser},
           &S::provider_addresses,
           false},
          {{"portfolio_batch.provider_ca_file", FreeText{""},
            "File with the certificate authorities that are trusted; empty means those of the system.",
            Access::superuser_only},
           &S::provider_ca_file,
           false},
          {{"portfolio_batch.allow_insecure_loopback", Switch{false},
            "Whether a provider may be asked without TLS at an address of this computer, for tests.",
            Access::set_by_superuser},
           &S::allow_insecure_loopback,
           false}};
}

// All of them by name, the order in which a run records them.
const std::vector<Declaration>& declarations() {
  static const std::vector<Declaration> all = [] {
    std::vector<Declaration> joined;
    for (const auto& part :
         {of_tables(), of_runs(), of_valuation(), of_betas(), of_factors(), of_correlations(), of_collection()})
      joined.insert(joined.end(), part.begin(), part.end());
    std::sort(joined.begin(), joined.end(), [](const Declaration& a, const Declaration& b) {
      return std::string_view(a.setting.name) < b.setting.name;
    });
    return joined;
  }();
  return all;
}

std::vector<pg::Setting> all_settings() {
  std::vector<pg::Setting> settings;
  for (const Declaration& declaration : declarations()) settings.push_back(declaration.setting);
  return settings;
}

// Its name in the record of a run: bytes of memory are recorded in kB.
std::string recorded_name(const Declaration& d) {
  const bool is_memory = std::holds_alternative<Memory>(d.setting.kind);
  return d.setting.name + std::strlen(prefix) + 1 + std::string(is_memory ? "_kb" : "");
}

template <class Value>
void record(const std::string& name, const Value& value, core::JsonObject& json) {
  if constexpr (std::is_same_v<Value, bool>)
    json.raw(name, value ? "true" : "false");
  else if constexpr (std::is_same_v<Value, std::size_t>)
    json.add(name, static_cast<std::int64_t>(value / 1024));
  else if constexpr (std::is_same_v<Value, int>)
    json.add(name, std::int64_t{value});
  else
    json.add(name, value);
}

template <class Number>
std::optional<Number> number(const std::string& text, Number least, Number greatest) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  const bool is_allowed = read.ec == std::errc() && read.ptr == end && value >= least && value <= greatest;
  return is_allowed ? std::optional(value) : std::nullopt;
}

// The value of a text as a record has it; none where the setting does not allow it.
using Recorded = std::optional<pg::SettingValue>;
Recorded recorded(const WholeNumber& kind, const std::string& text) { return number(text, kind.minimum, kind.maximum); }
Recorded recorded(const Memory& kind, const std::string& text) {
  const auto kb = number(text, kind.minimum_kb, std::numeric_limits<int>::max());
  return kb ? Recorded(static_cast<std::size_t>(*kb) * 1024) : std::nullopt;
}
Recorded recorded(const RealNumber& kind, const std::string& text) { return number(text, kind.minimum, kind.maximum); }
Recorded recorded(const Switch&, const std::string& text) { return text == "true"; }
Recorded recorded(const FreeText&, const std::string& text) { return text; }
Recorded recorded(const Choice& kind, const std::string& text) {
  const bool is_allowed = std::any_of(kind.words.begin(), kind.words.end(), [&](const char* w) { return text == w; });
  return is_allowed ? Recorded(text) : std::nullopt;
}

void set(Settings& settings, const Declaration& declaration, const pg::SettingValue& value) {
  std::visit([&]<class Value>(Value S::*member) { settings.*member = std::get<Value>(value); }, declaration.member);
}

}  // namespace

void define_settings() { pg::define_settings(all_settings(), prefix); }

void share_settings() { pg::share_settings(all_settings(), prefix, "$libdir/portfolio_batch"); }

Settings current_settings() {
  Settings settings{};
  for (std::size_t i = 0; i < declarations().size(); ++i) set(settings, declarations()[i], pg::setting_value(i));
  return settings;
}

std::string settings_as_json(const Settings& settings) {
  core::JsonObject json;
  for (const Declaration& declaration : declarations())
    if (declaration.is_recorded)
      std::visit([&](auto member) { record(recorded_name(declaration), settings.*member, json); }, declaration.member);
  return json.str();
}

Settings settings_from_record(const SettingTexts& record, Settings others) {
  for (const Declaration& d : declarations()) {
    const auto found = record.find(recorded_name(d));
    if (found == record.end() || !d.is_recorded) continue;
    const auto value = std::visit([&](const auto& kind) { return recorded(kind, found->second); }, d.setting.kind);
    if (value) set(others, d, *value);
  }
  return others;
}

}  // namespace pb::store
