#include "pg/function.hpp"
#include "pg/rows.hpp"
#include "pg/setting_refusal.hpp"

namespace pb::function {

// setting_refusal(name, value): why a session would refuse a value that ALTER DATABASE or ALTER ROLE gives a setting,
// with what the server says of the values it takes; no row where it would not.
PB_FUNCTION(pb_setting_refusal) {
  pg::RowBuffer rows({{"reason", pg::Type::text}});
  if (const auto refusal = pg::refusal_of_setting(call.text(0).value(), call.text(1).value())) {
    const std::string& more = refusal->detail.empty() ? refusal->hint : refusal->detail;
    rows.add(more.empty() ? refusal->message : refusal->message + " (" + more + ")");
  }
  call.return_rows(rows);
}

}  // namespace pb::function
