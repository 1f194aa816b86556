// How collected prices, actions and yields get into the tables: what is good is never overwritten by less, and what a
// row was before it changed is kept.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/market/data.hpp"
#include "store/store.hpp"

namespace pb::store {

// A price of a symbol as it is stored or is to be.
struct IntakePrice {
  std::string symbol;
  market::Bar bar;
  bool is_split_adjusted = false;
  bool is_final = true;
  std::string source = {};
  bool is_new = false;  // nothing was stored of the session when its writing was planned
};

struct IntakeAction {
  std::string symbol;
  market::Action action;
  std::string source;
};

struct QuarantinedPrice {
  IntakePrice price;
  std::string gate;
  std::string facts_json;
};

// The stored prices of the symbols up to a day, by symbol and date.
std::map<std::string, std::vector<IntakePrice>> load_stored_prices(const Store& store,
                                                                   std::span<const std::string> symbols,
                                                                   core::Date last);

// Splits, stock dividends and cash dividends of the symbols, by symbol and ex-date.
std::map<std::string, std::vector<market::Action>> load_known_actions(const Store& store,
                                                                      std::span<const std::string> symbols);

// The stored row that holds when the new one comes: a provisional price never takes the place of a final one, nor does
// that of another source; what the new one does not say stays. No price is written where nothing changes.
bool takes_the_place(const IntakePrice& fresh, const IntakePrice& stored);

// Why prices are written.
enum class IntakeReason {
  correction,  // nightly: new sessions, and corrections of those before
  split,       // the history on a new basis, by a split; of whichever source the rows were
  restated,    // the same without one
};

// Inserts prices and changes those that differ; former rows go to market_data_revisions. The symbols of a rebased
// history must be whole. Returns the number of rows written.
std::int64_t write_prices(const Store& store, std::vector<IntakePrice> prices, IntakeReason reason);

// Sets suspects aside. One that a person has rejected stays so.
std::int64_t write_quarantine(const Store& store, std::span<const QuarantinedPrice> prices);

// Marks suspects that wait as accepted, where another source has confirmed them.
void confirm_quarantined(const Store& store, std::span<const QuarantinedPrice> prices);

// Inserts actions and changes those that the same source had told differently; what was put in by hand or by another
// source stays.
std::int64_t write_actions(const Store& store, std::span<const IntakeAction> actions);

// Inserts and revises yields; a yield that the source itself does not know stays. The newest vintage counts; that of a
// rate that has not changed stays the first.
std::int64_t write_yields(const Store& store, std::span<const market::Yield> yields, const std::string& source);

// The newest day of each series of yields.
std::map<std::string, core::Date> newest_yields(const Store& store, std::span<const std::string> series);

}  // namespace pb::store
