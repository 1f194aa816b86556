// Reads tables, views and foreign tables that are registered in price_sources.
//
// A source is read with the rights that the call's statements have: those of the caller, or of the owner of the tables
// where the caller is a superuser. So what a view of somebody else runs, a policy hides or a foreign server answers is
// what a SELECT of that role would get. Where these are a superuser's rights, the relation must belong to a superuser:
// its owner could have anything run with them. Names come quoted from the catalogs, values as parameters. Every value
// is read as text and converted here, so that one that is no number or date rejects its row and not the source.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/market/data.hpp"
#include "store/store.hpp"

namespace pb::store {

// A row of a source that could not be read.
struct SourceReject {
  std::string symbol;
  std::string reason;  // such as: close: "12,5" is no number
};

struct SourceAnswer {
  std::vector<market::SymbolAnswer> symbols;  // one for each symbol that was asked for, in their order
  std::int64_t rows = 0;                      // of the source
  std::int64_t rejected = 0;
  std::vector<SourceReject> rejects;  // the first of them
};

// What of a relation is read, and under which of our names; symbol or series comes first.
struct SourceColumn {
  std::string name;
  std::string expression;  // over the relation as s, quoted
  bool is_date = false;    // of a type that the server compares as a day
};
struct SourceRelation {
  std::string name;  // qualified and quoted
  std::vector<SourceColumn> columns;
};

// A relation of prices that is not registered, such as one of this session into which a file was copied: a number of
// pg_class and a mapping as for register_price_source. Errors as for read_source, and 22023 for no relation.
SourceRelation staged_prices(const Store& store, std::int64_t relation, const std::string& mapping_json);

// How many rows it has of each symbol, in order; rows without one under an empty name.
std::vector<std::pair<std::string, std::int64_t>> count_staged(const SourceRelation& relation);

// Its rows of these symbols, as those of a source; what is before a day is rejected.
SourceAnswer read_staged(const Store& store, const SourceRelation& relation, std::span<const std::string> symbols,
                         core::Date first);

// What a source delivers of these symbols (of yields: series): one statement. Prices, actions and yields of the days
// from and to, both included; statements and profiles whatever their day. Names of symbol_aliases whose provider is the
// source count on their days. Two different prices of a symbol and day are both rejected, and so are rows of another
// currency or basis than the first of their symbol. An answer is ok; pending when its newest price is older than the
// last day; no_data; or malformed when every row was rejected.
// Errors: 42704 when there is no such source, 42P01 when its relation is gone, 42501 when it may not be read, 42703
// when it does not fit its mapping any more, 53200 when the rows are more than portfolio_batch.max_memory holds.
SourceAnswer read_source(const Store& store, const std::string& name, market::Kind kind,
                         std::span<const std::string> symbols, core::Date from, core::Date to);

}  // namespace pb::store
