#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <string>

namespace pb::pg {

// Counts the memory of large matrices before it is taken: the server does not see what C++ allocates, so a run that
// would exceed portfolio_batch.max_memory is refused with a clean error instead of driving the machine into swap.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t limit_bytes) noexcept : limit_(limit_bytes) {}

  // Accounts for rows x columns elements of the given size; throws 53200 when the budget does not hold them.
  void take(std::size_t rows, std::size_t columns, std::size_t element_size, const std::string& what);

  std::size_t taken() const noexcept { return taken_; }

 private:
  std::size_t limit_;
  std::size_t taken_ = 0;
};

}  // namespace pb::pg
