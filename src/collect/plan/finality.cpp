#include "collect/plan/finality.hpp"

namespace pb::collect {

bool is_final(core::Date day, const SettledSession& newest, std::optional<std::int64_t> market_time) {
  if (day != newest.day) return day < newest.day;
  return !market_time || *market_time >= newest.close;
}

}  // namespace pb::collect
