#include "collect/fundamentals_accept.hpp"

#include <algorithm>
#include <tuple>

namespace pb::collect {

using market::Kind;
using market::Outcome;

namespace {

// The newest complete period and the one that follows it.
void note_periods(const store::Store& store, const std::string& symbol, market::FundamentalState& state) {
  const auto ends = store::complete_periods(store, symbol, state.provider);
  if (ends.empty()) return;
  const bool is_newer = !state.last_period_end || ends.back() > *state.last_period_end;
  state.last_period_end = ends.back();
  state.expected_period_end = expected_period_end(ends);
  state.attempts_since_due = is_newer ? 0 : state.attempts_since_due + 1;
}

// The period whose statements are awaited.
std::optional<core::Date> awaited_period(const store::FundamentalSymbol& symbol) {
  const auto found = symbol.states.find(Kind::statements);
  return found == symbol.states.end() ? std::nullopt : found->second.expected_period_end;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : "; ") + text;
  return all;
}

}  // namespace

Accepted accept_answer(const store::Store& store, const store::FundamentalSymbol& symbol, Kind kind,
                       const std::string& provider, const market::SymbolAnswer& answer, core::Date as_of,
                       market::FundamentalState& state) {
  Accepted accepted;
  const auto count = [](const auto& rows) { return static_cast<std::int64_t>(rows.size()); };
  const std::string& name = symbol.symbol;
  std::int64_t left_out = 0;
  switch (kind) {
    case Kind::statements:
      accepted.rows_received = count(answer.statements);
      left_out = store::count_in_other_currency(store, name, provider, answer.statements);
      accepted.rows_written = store::write_statements(store, name, provider, answer.statements);
      break;
    case Kind::profiles:
      accepted.rows_received = answer.profile && !answer.profile->columns.empty() ? 1 : 0;
      if (accepted.rows_received > 0)
        accepted.rows_written = store::write_profile(store, name, provider, *answer.profile);
      break;
    case Kind::estimates:
      accepted.rows_received = count(answer.estimates);
      accepted.rows_written = store::write_estimates(store, name, provider, answer.estimates);
      break;
    default:
      accepted.rows_received = count(answer.earnings_dates);
      state.earnings = earnings_to_keep(answer.earnings_dates, state.earnings, awaited_period(symbol), as_of);
      break;
  }
  if (accepted.rows_received == 0) return accepted;
  accepted.outcome = Outcome::ok;
  // The periods of a former series say nothing of those of a new one.
  if (state.provider != provider) state.last_period_end = state.expected_period_end = std::nullopt;
  state.provider = provider;
  if (kind == Kind::statements) {
    note_periods(store, name, state);
    auto doubts = store::statement_doubts(store, name, provider);
    if (left_out > 0) doubts.push_back(std::to_string(left_out) + " in another currency than before are left out");
    accepted.message = joined(doubts);
  }
  return accepted;
}

}  // namespace pb::collect
