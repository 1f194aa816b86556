// Phase 1.5: fetches the fundamentals that are due.
#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"
#include "pg/function.hpp"

namespace pb::collect {

struct FundamentalsRequest {
  std::optional<core::Date> as_of = {};                  // none: the newest closed session
  std::optional<std::vector<std::string>> symbols = {};  // none: those of open positions
  bool force = false;                                    // whatever the state says, but never what nobody has
};

// Sources and providers are asked in their order, chunk by chunk, and what each chunk brought is committed with its
// state, so that a crash keeps it and the next call asks for the rest. Nothing of a transaction is held while a
// provider is waited for. A symbol whose rows cannot be stored fails alone. What is dearest and was asked longest ago
// comes first, for the case that time or quota end before all is asked. The caller has to be a procedure that may
// commit.
void collect_fundamentals(const pg::Call& call, const FundamentalsRequest& request);

// The same for daily_batch: as of the target, or the session before a target that is none, and only where a source of
// fundamentals is switched on.
void collect_fundamentals_for_batch(const pg::Call& call, const std::optional<core::Date>& target);

}  // namespace pb::collect
