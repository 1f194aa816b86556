#include "store/result_rows.hpp"

#include <algorithm>

namespace pb::store {

pg::Target result_target(const Store& store, const char* table, std::vector<std::string> keys, const Scope& scope) {
  return {.table = store.table(table),
          .keys = std::move(keys),
          .scope = scope.condition,
          .replaces_scope = scope.is_replaced && !scope.condition.empty(),
          .stamped = {"run_id"},
          .also_on_change = "created_at = excluded.created_at",
          .rewrite = store.stamp().rewrite};
}

std::optional<std::vector<std::optional<std::string>>> words_or_null(std::span<const core::Reason> reasons) {
  if (std::all_of(reasons.begin(), reasons.end(), [](core::Reason reason) { return reason == core::Reason::none; }))
    return std::nullopt;
  std::vector<std::optional<std::string>> words;
  for (const core::Reason reason : reasons)
    words.push_back(reason == core::Reason::none ? std::nullopt : std::optional<std::string>(to_word(reason)));
  return words;
}

Scope of_portfolios(std::span<const core::Uuid> portfolio_ids, core::Date day) {
  Scope scope{.condition = "t.portfolio_id = ANY ($2) AND t.calculation_date = $3",
              .args{pg::Type::uuid_array, pg::Type::date}};
  scope.args.add(portfolio_ids).add(day);
  return scope;
}

Scope on_day(core::Date day) {
  Scope scope{.condition = "t.calculation_date = $2", .args{pg::Type::date}, .is_replaced = false};
  scope.args.add(day);
  return scope;
}

}  // namespace pb::store
