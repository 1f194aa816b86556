// How symbols move together as of a day: correlation_matrix, from the prices as they are in the tables.
#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/poll.hpp"
#include "core/stats/correlation.hpp"
#include "core/stats/multiple_testing.hpp"
#include "function/entry.hpp"
#include "pg/interrupts.hpp"
#include "store/calendar_store.hpp"

namespace pb::function {

namespace {

// Of each pair: correlation, overlap, p- and q-value with its order, and a row of the result.
constexpr std::size_t bytes_per_pair = 320;

struct WindowArguments {
  int window;
  int min_overlap;
};

WindowArguments window_arguments(const pg::Call& call, const store::Settings& settings) {
  const WindowArguments arguments{call.int4(2).value_or(settings.correlation_window),
                                  call.int4(3).value_or(settings.correlation_min_overlap)};
  if (arguments.min_overlap < 2 || arguments.window < arguments.min_overlap)
    throw core::Error(core::sqlstate::invalid_parameter, "a correlation needs 2 <= min_overlap <= window_days",
                      "min_overlap is " + std::to_string(arguments.min_overlap) + ", window_days is " +
                          std::to_string(arguments.window) + ".",
                      "Give both, or leave both out.");
  return arguments;
}

std::vector<std::string> symbols_argument(const pg::Call& call, pg::MemoryBudget& budget) {
  auto symbols = call.texts(0);
  if (!symbols) throw core::Error(core::sqlstate::invalid_parameter, "symbols must not be NULL");
  core::polled_sort(symbols->begin(), symbols->end(), std::less<>(), pg::poll);
  symbols->erase(std::unique(symbols->begin(), symbols->end()), symbols->end());
  budget.take(symbols->size(), symbols->size() / 2, bytes_per_pair, "correlation matrix");
  return *std::move(symbols);
}

core::Matrix log_returns(const store::Store& store, const std::vector<std::string>& symbols, core::Date day, int window,
                         pg::MemoryBudget& budget) {
  auto sessions = store::load_sessions_with_lookback(store, day, day, window);
  // The block of returns and its standardized copy, beside the panel.
  budget.take(static_cast<std::size_t>(sessions.size()), 2 * symbols.size(), sizeof(double), "block of returns");
  const auto market = store::load_market(store, std::move(sessions),
                                         {.valued_from = day, .valued_until = day, .symbols = symbols}, budget);
  std::vector<int> columns(symbols.size());
  std::iota(columns.begin(), columns.end(), 0);
  return core::log_return_block(market.panel, columns, market.panel.sessions().index(day).value(), window, pg::poll);
}

}  // namespace

PB_FUNCTION(pb_correlation_matrix) {
  using pg::Type;
  const store::Store store(call);
  const auto [window, min_overlap] = window_arguments(call, store.settings());
  const core::Date day = session_argument(call, 1, store);
  pg::MemoryBudget budget(store.settings().max_memory_bytes);
  const auto symbols = symbols_argument(call, budget);
  core::CorrelationSettings settings;
  settings.min_overlap = min_overlap;
  const auto correlations =
      core::pairwise_correlations(log_returns(store, symbols, day, window, budget), settings, pg::poll);
  const auto p_values = core::correlation_p_values(correlations, pg::poll);
  const auto q_values = core::benjamini_hochberg(p_values, 0, pg::poll);
  pg::RowBuffer rows({{"symbol1", Type::text},
                      {"symbol2", Type::text},
                      {"correlation", Type::float8},
                      {"p_value", Type::float8},
                      {"q_value", Type::float8},
                      {"observations", Type::int4},
                      {"reason", Type::text}});
  rows.reserve(p_values.size());
  for (int i = 0; i < correlations.symbols; ++i) {
    pg::poll();
    for (int j = i + 1; j < correlations.symbols; ++j) {
      const std::size_t pair = core::packed_index(i, j);
      rows.add(symbols[static_cast<std::size_t>(i)]).add(symbols[static_cast<std::size_t>(j)]);
      rows.add(correlations.value(i, j)).add(p_values[pair]).add(q_values[pair]).add(correlations.overlap(i, j));
      rows.add_text_or_null(core::to_word(correlations.reason(i, j)));
    }
  }
  call.return_rows(rows);
}

}  // namespace pb::function
