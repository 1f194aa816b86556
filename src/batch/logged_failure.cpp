#include "batch/logged_failure.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/report.hpp"
#include "pg/session.hpp"
#include "pg/subtransaction.hpp"
#include "store/name_store.hpp"

namespace pb::batch {

using core::Uuid;

namespace {

bool continues_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

// Whether a name stands in a text as such, and not as a part of a longer word.
bool has_word(std::string_view text, std::string_view name) {
  for (std::size_t at = text.find(name); at != text.npos; at = text.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    const bool begins = at == 0 || !continues_word(text[at - 1]) || !continues_word(name.front());
    if (begins && (end == text.size() || !continues_word(text[end]) || !continues_word(name.back()))) return true;
  }
  return false;
}

using Holders = std::map<std::string, std::set<Uuid>>;  // by name

// Who has each of the names that the text tells; nothing where that cannot be found out.
std::optional<Holders> holders_of_names(const store::Store& store, std::span<const Uuid> portfolio_ids,
                                        const std::string& text) {
  Holders holders;
  const auto unknown = pg::isolate([&] {
    for (const store::PortfolioName& found : store::names_within(store, portfolio_ids, text))
      if (has_word(text, found.name)) holders[found.name].insert(found.portfolio_id);
  });
  if (unknown) return std::nullopt;
  return holders;
}

bool has_any(std::string_view text, const Holders& holders) {
  return std::any_of(holders.begin(), holders.end(), [&](const auto& entry) { return has_word(text, entry.first); });
}

// Those who have every name.
std::set<Uuid> holders_of_all(const Holders& holders) {
  std::set<Uuid> all = holders.begin()->second;
  for (const auto& entry : holders) std::erase_if(all, [&](const Uuid& id) { return !entry.second.contains(id); });
  return all;
}

// Of a table, a column or a right that is missing the server names just these.
bool names_objects_only(const std::string& sqlstate) {
  return sqlstate == "42P01" || sqlstate == "42703" || sqlstate == "42501";
}

}  // namespace

LoggedFailure::LoggedFailure(const store::Store& store, const std::string& job, std::span<const Uuid> portfolio_ids,
                             const pg::Failure& failure)
    : failure_(failure), for_everybody_(failure) {
  const auto holders =
      holders_of_names(store, portfolio_ids, failure.message + "\n" + failure.detail + "\n" + failure.hint);
  const bool unknown = !holders && !names_objects_only(failure.sqlstate);
  const auto withheld = [&](const std::string& text) { return unknown || (holders && has_any(text, *holders)); };
  if (withheld(failure.message))
    for_everybody_.message = job + " failed for " +
                             engine::counted(static_cast<std::int64_t>(portfolio_ids.size()), "portfolio") + " (" +
                             failure.sqlstate + ")";
  // The detail of a violated constraint shows a row, with values that may be anybody's.
  if (withheld(failure.detail) || failure.sqlstate.starts_with("23")) for_everybody_.detail.clear();
  if (withheld(failure.hint)) for_everybody_.hint.clear();
  if (holders && !holders->empty()) named_ = holders_of_all(*holders);
  // What may stand in no row is told to whoever runs the batch.
  if (named_.empty() && (unknown || (holders && !holders->empty())))
    pg::notice("portfolio_batch: " + job + " failed: " + failure.message, failure.detail);
}

}  // namespace pb::batch
