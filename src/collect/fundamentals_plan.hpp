// Which fundamentals of which symbols are due: the policy of src/collect/plan over what the tables know.
#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <string>
#include <vector>

#include "collect/plan/fundamentals.hpp"
#include "store/fundamentals_store.hpp"
#include "store/store.hpp"

namespace pb::collect {

// The kinds in the order in which they are asked for: a profile says whether a symbol is a company at all, and an
// earnings date when statements are due.
inline constexpr market::Kind fundamental_kinds[] = {market::Kind::profiles, market::Kind::earnings_dates,
                                                     market::Kind::statements, market::Kind::estimates};

// The moment for which it is decided: the session, or the newest closed one, and the time, which for a day to come is
// its end.
Moment fundamental_moment(const store::Store& store, const std::optional<core::Date>& as_of);

// The sessions that decisions of the moment need.
core::Sessions fundamental_sessions(const store::Store& store, const Moment& moment);

// The decision on one kind of a symbol.
DueDecision decide_symbol(const store::FundamentalSymbol& symbol, market::Kind kind, const Moment& moment,
                          const core::Sessions& sessions);

}  // namespace pb::collect
