#pragma once
#include "core/no_postgres.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "core/calendar/date.hpp"

namespace pb::core {

// The sessions of a calendar over some span, ascending; the only notion of time between days that engines use.
class Sessions {
 public:
  Sessions() = default;
  explicit Sessions(std::vector<Date> dates) : dates_(std::move(dates)) {}

  const std::vector<Date>& dates() const& noexcept { return dates_; }
  std::vector<Date> dates() && noexcept { return std::move(dates_); }
  int size() const noexcept { return static_cast<int>(dates_.size()); }
  bool empty() const noexcept { return dates_.empty(); }
  Date operator[](int index) const { return dates_[static_cast<std::size_t>(index)]; }

  // How many sessions lie on or before the day.
  int count_through(Date day) const {
    return static_cast<int>(std::upper_bound(dates_.begin(), dates_.end(), day) - dates_.begin());
  }

  // Position of a day that is a session.
  std::optional<int> index(Date day) const {
    const int through = count_through(day);
    if (through == 0 || (*this)[through - 1] != day) return std::nullopt;
    return through - 1;
  }

  // How many sessions a price of the one day has missed on the other: 0 on the same session.
  int age(Date priced, Date day) const { return std::max(0, count_through(day) - count_through(priced)); }

 private:
  std::vector<Date> dates_;
};

}  // namespace pb::core
