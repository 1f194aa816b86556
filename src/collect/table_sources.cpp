#include "collect/table_sources.hpp"

#include <map>

#include "pg/session.hpp"
#include "store/source_store.hpp"

namespace pb::collect {

std::vector<ProviderSession::Reply> ask_table(const store::Store& store, const std::string& source, Kind kind,
                                              const std::vector<ProviderSession::Wish>& wishes) {
  std::map<std::pair<core::Date, core::Date>, std::vector<std::string>> by_span;
  for (const ProviderSession::Wish& wish : wishes) by_span[{wish.first, wish.last}].push_back(wish.symbol);
  std::vector<ProviderSession::Reply> replies;
  for (const auto& [span, symbols] : by_span) {
    const std::int64_t started = pg::clock_usecs();
    store::SourceAnswer answer = store::read_source(store, source, kind, symbols, span.first, span.second);
    const double seconds = static_cast<double>(pg::clock_usecs() - started) / 1e6;
    for (SymbolAnswer& of_symbol : answer.symbols)
      replies.push_back({.answer = std::move(of_symbol), .seconds = seconds, .first = span.first, .last = span.second});
  }
  return replies;
}

}  // namespace pb::collect
