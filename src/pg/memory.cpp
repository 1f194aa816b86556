#include "pg/memory.hpp"

#include "core/error.hpp"

namespace pb::pg {

void MemoryBudget::take(std::size_t rows, std::size_t columns, std::size_t element_size, const std::string& what) {
  std::size_t cells = 0;
  std::size_t bytes = 0;
  std::size_t total = 0;
  const bool overflow = __builtin_mul_overflow(rows, columns, &cells) ||
                        __builtin_mul_overflow(cells, element_size, &bytes) ||
                        __builtin_add_overflow(taken_, bytes, &total);
  if (overflow || total > limit_) {
    const auto megabytes = [](std::size_t value) { return std::to_string((value + 1048575) / 1048576) + " MB"; };
    throw core::Error(core::sqlstate::out_of_memory, what + " exceeds portfolio_batch.max_memory",
                      std::to_string(rows) + " x " + std::to_string(columns) + " cells need " +
                          (overflow ? "more than the address space" : megabytes(bytes)) + " beside " +
                          megabytes(taken_) + " already taken; the limit is " + megabytes(limit_) + ".",
                      "Raise portfolio_batch.max_memory, or process fewer portfolios or dates at once.");
  }
  taken_ = total;
}

}  // namespace pb::pg
