#pragma once
#include "core/no_postgres.hpp"

#include <algorithm>
#include <cstddef>

namespace pb::core {

// What a long loop calls every few thousand steps. Inside the server it serves interrupts and throws when the
// statement was canceled; elsewhere it does nothing.
using Poll = void (*)();

inline void no_poll() {}

// The arithmetic operations that may pass between two polls. They take few hundredths of a second, also where the
// memory is slower than the processor.
inline constexpr std::ptrdiff_t work_between_polls = std::ptrdiff_t{1} << 21;

// Calls with (first, count) for consecutive ranges of the items, as many at a time as the work of each allows, and
// polls before each call. Few items make a single range.
template <class Call>
void in_steps(std::ptrdiff_t items, std::ptrdiff_t work, Poll poll, Call&& call) {
  const std::ptrdiff_t most = std::max<std::ptrdiff_t>(1, work_between_polls / std::max<std::ptrdiff_t>(1, work));
  for (std::ptrdiff_t first = 0; first < items; first += most) {
    poll();
    call(first, std::min(most, items - first));
  }
}

// std::sort with a poll every so many comparisons. A poll that throws leaves the elements in no particular order.
template <class Iterator, class Less>
void polled_sort(Iterator first, Iterator last, Less less, Poll poll) {
  std::size_t comparisons = 0;
  std::sort(first, last, [&](const auto& a, const auto& b) {
    if (++comparisons % 65536 == 0) poll();
    return less(a, b);
  });
}

}  // namespace pb::core
