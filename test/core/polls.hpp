// Polls that count themselves and end what calls them.
#pragma once

#include <gtest/gtest.h>

#include "core/poll.hpp"

namespace pb::test {

// Like the exception by which the server's poll ends a computation, none of the standard ones.
struct Canceled {};

inline long polls = 0;
inline long last_poll = 0;  // which throws; none for 0

inline void counting_poll() {
  if (++polls == last_poll) throw Canceled();
}

// How often a computation polls.
template <class Computation>
long count_polls(Computation&& compute) {
  polls = 0;
  last_poll = 0;
  compute(core::Poll(counting_poll));
  return polls;
}

// A computation polls at least so many times, and ends by a poll that throws: the first, the last, and one between.
template <class Computation>
void expect_to_end_by_poll(long least, Computation&& compute) {
  const long all = count_polls(compute);
  EXPECT_GE(all, least);
  for (const long last : {1L, (all + 1) / 2, all}) {
    polls = 0;
    last_poll = last;
    EXPECT_THROW(compute(core::Poll(counting_poll)), Canceled) << "at poll " << last << " of " << all;
    EXPECT_EQ(polls, last);
  }
}

}  // namespace pb::test
