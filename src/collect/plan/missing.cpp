#include "collect/plan/missing.hpp"

#include <algorithm>

namespace pb::collect {

namespace {

bool contains(const std::optional<Span>& span, core::Date day) {
  return span && span->first <= day && day <= span->last;
}

}  // namespace

Missing find_missing(const core::Sessions& sessions, const HistoryFacts& facts, int overlap) {
  Missing missing;
  const int end = sessions.count_through(facts.wanted.last);
  auto stored = facts.stored.begin();
  for (int i = 0; i < end; ++i) {
    const core::Date day = sessions[i];
    if (day < facts.wanted.first) continue;
    while (stored != facts.stored.end() && stored->date < day) ++stored;
    const bool has_price = stored != facts.stored.end() && stored->date == day;
    if (has_price && stored->is_final) continue;
    if (!has_price && i + 1 < sessions.size() && contains(facts.answered, day)) continue;
    missing.sessions.push_back(day);
  }
  if (missing.sessions.empty()) return missing;
  // The sessions with a price before the newest missing one, which are asked for again.
  const auto before = std::lower_bound(facts.stored.begin(), facts.stored.end(), missing.sessions.back(),
                                       [](const StoredDate& s, core::Date day) { return s.date < day; });
  const auto again = std::min<std::ptrdiff_t>(overlap, before - facts.stored.begin());
  missing.asked = {missing.sessions.front(), facts.wanted.last};
  if (again > 0) missing.asked.first = std::min(missing.asked.first, (before - again)->date);
  return missing;
}

Span whole_history(const HistoryFacts& facts) {
  Span whole = facts.wanted;
  if (!facts.stored.empty()) {
    whole.first = std::min(whole.first, facts.stored.front().date);
    whole.last = std::max(whole.last, facts.stored.back().date);
  }
  return whole;
}

}  // namespace pb::collect
