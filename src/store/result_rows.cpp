#include "store/result_rows.hpp"

namespace pb::store {

pg::Target result_target(const Store& store, const char* table, std::vector<std::string> keys,
                         std::string scope_condition) {
  return {.table = store.table(table),
          .keys = std::move(keys),
          .replaced_scope = std::move(scope_condition),
          .stamped = {"run_id"},
          .also_on_change = "created_at = excluded.created_at",
          .rewrite = store.stamp().rewrite};
}

Scope of_portfolios(std::span<const core::Uuid> portfolio_ids, core::Date day) {
  Scope scope{.condition = "t.portfolio_id = ANY ($2) AND t.calculation_date = $3",
              .args{pg::Type::uuid_array, pg::Type::date}};
  scope.args.add(portfolio_ids).add(day);
  return scope;
}

}  // namespace pb::store
