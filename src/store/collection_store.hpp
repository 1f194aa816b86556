// What the collector plans by, and what it remembers: sources and providers in their order, what the engines want of
// the market, what is stored, and how each collection and answer ended.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/market/data.hpp"
#include "pg/server_error.hpp"
#include "store/store.hpp"

namespace pb::store {

// A source of one kind of data in its place of the order: a table source, or a provider that is asked over the network.
struct OrderedSource {
  std::string name;
  bool is_provider = false;
};

// Those that are switched on, in the order in which they are asked.
std::vector<OrderedSource> load_order(const Store& store, market::Kind kind);

// Whether daily_batch collects before it computes: a table source or a provider is switched on, and the caller may.
bool collects_for_batch(const Store& store);

// The newest collection of market data for a session, as it ended.
struct NewestCollection {
  std::int64_t collection_id = 0;
  std::string status;
  std::int32_t symbols_requested = 0, symbols_fetched = 0, symbols_with_data = 0;
  std::string detail_json;
};
std::optional<NewestCollection> newest_collection(const Store& store, core::Date target);

// A symbol with the days on which positions or models want its price; the windows of the engines come on top.
struct WantedSeries {
  std::string symbol;
  bool is_option = false;
  core::Date since, until;
  bool is_of_models = false;  // of factors and the market, wanted as long as anything else is
  bool has_class = true;      // a position says that it is public; models and what shares became are
  std::string currency = {};  // of all that want it; empty: they have several, or nobody says
};

// Symbols of positions of active portfolios that trade (no private assets), what their shares became, underlyings of
// options, factors and the market, up to the day; in alphabetical order.
std::vector<WantedSeries> load_wanted_series(const Store& store, core::Date day);

// The currency of the portfolios that hold a symbol or an option on it, where all have the same: amounts are never
// converted, so prices have to be in it.
std::map<std::string, std::string> load_currencies(const Store& store);

// Names of symbols at a source on a day, where the rules do not find them.
std::map<std::string, std::string> load_aliases(const Store& store, const std::string& provider, core::Date day);

// Limits of an account as provider_limits has them; what is not set is the provider's own.
struct StoredLimits {
  std::optional<double> requests_per_second, burst;
  std::optional<int> concurrent;
  std::optional<std::int64_t> requests_per_day;
};
StoredLimits load_limits(const Store& store, const std::string& provider);

// As in provider_state.
struct StoredProviderState {
  std::optional<core::Date> quota_day = {};
  std::int64_t requests_sent = 0;
  std::int32_t failures_in_a_row = 0;
  std::int32_t times_opened = 0;
  std::optional<std::int64_t> closed_until = {};  // microseconds since the Unix epoch
  std::string reason = {};
};
StoredProviderState load_provider_state(const Store& store, const std::string& provider);
void save_provider_state(const Store& store, const std::string& provider, const StoredProviderState& state);

// The span that was asked for lately and answered, also where the answer was that there is nothing, by symbol.
std::map<std::string, std::pair<core::Date, core::Date>> load_answered(const Store& store, market::Kind kind,
                                                                       std::span<const std::string> symbols);

// One row of collection_results.
struct CollectionResult {
  std::string symbol;
  market::Kind kind;
  std::string provider;
  market::Outcome outcome = market::Outcome::ok;
  int http_status = 0;  // 0: none
  int requests = 0;
  std::int64_t rows_received = 0, rows_written = 0, rows_quarantined = 0;
  std::optional<double> seconds = {};
  std::string message = {};
  std::optional<core::Date> asked_first = {}, asked_last = {};
};
void write_collection_results(const Store& store, std::int64_t collection_id,
                              std::span<const CollectionResult> results);

// Opens the record of a collection. None where another session is collecting the same kind. Records of sessions that
// no longer run are marked lost first. kind: market_data, fundamentals or import.
std::optional<std::int64_t> begin_collection(const Store& store, const std::string& kind, core::Date target);

struct CollectionEnd {
  std::string status;  // success, partial, failed, cancelled
  int symbols_requested = 0, symbols_fetched = 0, symbols_with_data = 0, symbols_wanted = 0;
  std::int64_t rows_written = 0;
  std::string detail_json = {};
  std::string error = {};
};
void finish_collection(const Store& store, std::int64_t collection_id, const CollectionEnd& end);

// The symbols among these that have a usable price of the day.
std::vector<std::string> symbols_with_price(const Store& store, std::span<const std::string> symbols, core::Date day);

// The newest session that has settled, and when it closed, in seconds since the Unix epoch.
std::int64_t close_of_session(const Store& store, core::Date day);

// Throws 25006 on a standby.
void require_primary(const Store& store);

}  // namespace pb::store
