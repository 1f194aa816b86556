// What is stored of what a portfolio's date was computed from.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/text/uuid.hpp"
#include "store/store.hpp"

namespace pb::store {

// A symbol of a date, what it is to the portfolio ("held", "factor" or both), and the digest of the prices that its
// estimates were made from. Of private lots, options, and lots that were closed on the date no digest is stored.
struct LineageSymbol {
  std::string role;
  std::optional<std::int64_t> digest;
};

struct Lineage {
  core::Uuid portfolio_id;
  core::Date day;
  std::string portfolio_name;
  std::optional<std::int64_t> digest;  // of everything; none where it is not known
  std::vector<std::int64_t> parts;     // digests of the parts in their order
  std::optional<std::int64_t> run_id;
  std::string computed_at;   // UTC
  std::string code_version;  // empty where the run has no record any more
  SettingTexts settings;     // as the run recorded them
  std::map<std::string, LineageSymbol> symbols;
};

// What is stored of a portfolio's date. Throws 22023 where it has no snapshot of the date.
Lineage load_lineage(const Store& store, const core::Uuid& portfolio_id, core::Date day);

// What settings_as_json() writes, as texts.
SettingTexts texts_of(const std::string& json);

// The usable prices of a symbol within a span.
struct PriceSpan {
  core::Date first;
  core::Date last;
  std::int64_t prices;
  std::optional<std::int64_t> newest_fetched_at;  // microseconds since the Unix epoch
};

// Those of the symbols that have any, from one day to another.
std::map<std::string, PriceSpan> load_price_spans(const Store& store, std::span<const std::string> symbols,
                                                  core::Date from, core::Date to);

}  // namespace pb::store
