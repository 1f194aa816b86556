#pragma once
#include "core/no_postgres.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/calendar/sessions.hpp"
#include "core/poll.hpp"
#include "core/reason.hpp"
#include "core/stats/linear_algebra.hpp"

namespace pb::core {

// How much history an estimate uses. Windows count observations: sessions on which everything the estimate needs has
// a return.
struct WindowSettings {
  int window;
  int min_observations;
  int limited_below;  // fewer observations than this are flagged
};

// What an estimate was made of. Where there is no estimate, the reason says why.
struct Sample {
  int observations = 0;
  std::optional<Date> window_start;
  std::optional<Date> window_end;
  Quality quality_flag = Quality::insufficient_data;
  Reason reason = Reason::none;

  // Records why there is no estimate in spite of enough observations.
  void refuse(Reason why) {
    quality_flag = Quality::insufficient_data;
    reason = why;
  }
};

// How many sessions back a window of observations is searched for: half as many again as it holds, whatever else is
// in the panel, so that no symbol's estimate depends on the company it is computed in.
int search_span(int window);

// Whether a series has no variation to speak of: a variance that is that of equal numbers seen through rounding.
bool is_constant(const Eigen::Ref<const Vector>& values);

// Sessions up to and including the given one on which the test holds, ascending: the newest `window` of them within
// the search span. The first session of a panel has no return and is never among them.
template <class Test>
std::vector<int> newest_sessions(int session, int window, Test&& usable) {
  std::vector<int> chosen;
  chosen.reserve(static_cast<std::size_t>(std::max(0, window)));
  const int oldest = std::max(1, session - search_span(window) + 1);
  for (int t = session; t >= oldest && static_cast<int>(chosen.size()) < window; --t)
    if (usable(t)) chosen.push_back(t);
  std::reverse(chosen.begin(), chosen.end());
  return chosen;
}

// Counts and dates the observations, and refuses or flags them when they are few.
Sample describe_sample(const std::vector<int>& days, const Sessions& sessions, const WindowSettings& settings);

// Symbols whose windows are made of the same sessions, so that they share one design and its factorization.
struct ObservationGroup {
  std::vector<int> days;     // ascending
  std::vector<int> members;  // positions in the list of columns, ascending
};

// Groups columns of returns (sessions x symbols, NaN where missing) by the newest sessions on which both they and the
// regressors are there. Groups come in the order of their first member, so that results do not depend on chance.
std::vector<ObservationGroup> group_by_observations(const Eigen::Ref<const Matrix>& returns,
                                                    std::span<const int> columns,
                                                    const std::vector<bool>& regressors_exist, int session, int window,
                                                    Poll poll = no_poll);

}  // namespace pb::core
