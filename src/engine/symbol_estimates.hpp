#pragma once
#include "core/no_postgres.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/stats/estimate_bytes.hpp"
#include "core/text/bytes.hpp"
#include "pg/worker_messages.hpp"
#include "store/store.hpp"

namespace pb::engine {

// The topics of the messages by which the workers of a date exchange estimates of symbols.
enum class SymbolTopic : int { market, rate, ridge, spread, volatility };

// Estimates of symbols that several workers may need, each for portfolios of its own.
template <class Estimates>
class SharedEstimates {
 public:
  // Symbols ascend; all holds a blank estimate for each. The model names what else the estimates depend on. Estimates
  // that another worker made from something else have another model, and are ignored.
  SharedEstimates(SymbolTopic topic, std::string model, std::span<const std::string> symbols, Estimates all)
      : topic_(static_cast<int>(topic)),
        model_(std::move(model)),
        symbols_(symbols),
        all_(std::move(all)),
        missing_(symbols.size()) {
    std::iota(missing_.begin(), missing_.end(), 0);
  }

  // Indexes of the symbols that are not estimated yet.
  const std::vector<int>& missing() const noexcept { return missing_; }
  Estimates& all() noexcept { return all_; }

  // Receives the estimates that other workers have sent, and waits for those that are announced up to the timeout.
  void receive(std::chrono::microseconds timeout) {
    for (const std::string& message : pg::receive_messages(topic_, timeout)) {
      core::ByteReader bytes(message);
      if (bytes.text() != model_) continue;
      std::vector<int> indexes(bytes.plain<std::size_t>());
      for (int& index : indexes) index = find(bytes.text());
      Estimates part;
      core::read(bytes, part);
      mark_estimated(part, indexes);
    }
  }

  // Estimates some of the missing symbols, and sends the estimates to the other workers.
  template <class Estimate>
  void compute(const std::vector<int>& indexes, Estimate&& estimate) {
    if (indexes.empty()) return;
    pg::announce_message(topic_);
    const Estimates part = estimate(indexes);
    core::ByteWriter bytes;
    bytes.text(model_);
    bytes.plain(indexes.size());
    for (const int index : indexes) bytes.text(symbols_[static_cast<std::size_t>(index)]);
    core::write(bytes, part);
    pg::send_message(topic_, bytes.bytes());
    mark_estimated(part, indexes);
  }

 private:
  // The index of a symbol that is still to be estimated, else -1.
  int find(std::string_view symbol) const {
    const auto found = std::lower_bound(symbols_.begin(), symbols_.end(), symbol);
    if (found == symbols_.end() || *found != symbol) return -1;
    const auto index = static_cast<int>(found - symbols_.begin());
    return std::binary_search(missing_.begin(), missing_.end(), index) ? index : -1;
  }

  void mark_estimated(const Estimates& part, const std::vector<int>& indexes) {
    core::scatter(part, indexes, all_);
    std::vector<int> estimated(indexes);
    std::sort(estimated.begin(), estimated.end());
    std::erase_if(missing_, [&](int index) { return std::binary_search(estimated.begin(), estimated.end(), index); });
  }

  int topic_;
  std::string model_;
  std::span<const std::string> symbols_;
  Estimates all_;
  std::vector<int> missing_;
};

// Estimates the symbols of a book. estimate(indexes) computes those of the symbols with these indexes, and no estimate
// may depend on another. Adds to `taken` how many came from other workers.
//
// A worker that runs a shard of a date shares symbols with the other workers. It receives what is there, estimates and
// sends the symbols that its shard owns, and receives again. What is still missing then, it estimates itself. It waits
// for announced messages no longer than its own symbols took, because after that time it is as fast to compute them.
// It does not wait for a worker that has announced nothing.
template <class Estimates, class Estimate>
Estimates estimate_symbols(const store::Store& store, std::size_t& taken, SymbolTopic topic, std::string model,
                           std::span<const std::string> symbols, Estimates blank, Estimate&& estimate) {
  SharedEstimates<Estimates> shared(topic, std::move(model), symbols, std::move(blank));
  if (!store.leaves_symbols()) return estimate(shared.missing());
  using clock = std::chrono::steady_clock;
  shared.receive({});
  std::vector<int> own;
  for (const int index : shared.missing())
    if (!store.leaves_symbol(symbols[static_cast<std::size_t>(index)])) own.push_back(index);
  const auto started = clock::now();
  shared.compute(own, estimate);
  shared.receive(std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - started));
  const std::vector<int> rest = shared.missing();
  shared.compute(rest, estimate);
  taken += symbols.size() - own.size() - rest.size();
  return std::move(shared.all());
}

}  // namespace pb::engine
