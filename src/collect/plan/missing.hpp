// Which sessions of a symbol are to be asked for. Pure: what is stored is handed in.
#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <span>
#include <vector>

#include "core/calendar/sessions.hpp"

namespace pb::collect {

// A session with a stored price.
struct StoredDate {
  core::Date date;
  bool is_final = true;
};

struct Span {
  core::Date first, last;
};

// What is known of a symbol.
struct HistoryFacts {
  Span wanted;                              // the sessions whose prices the engines need
  std::span<const StoredDate> stored = {};  // ascending
  // What was asked for lately and answered: a session without a price in there has none, and is not asked for again.
  std::optional<Span> answered = {};
};

struct Missing {
  // Sessions without a final price that are asked for, ascending. Empty: there is nothing to ask.
  std::vector<core::Date> sessions = {};
  // What is asked for: from the first missing session, or from so many sessions with a price before the newest of them
  // that corrections and splits show.
  Span asked = {};
};

// Sessions without a price, and those with a provisional one; the newest wanted session is asked for whatever was
// answered, since its price may come late.
Missing find_missing(const core::Sessions& sessions, const HistoryFacts& facts, int overlap);

// What is asked for where all of the history is fetched again: from the first stored or wanted session.
Span whole_history(const HistoryFacts& facts);

}  // namespace pb::collect
