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
#include "pg/board.hpp"
#include "store/store.hpp"

namespace pb::engine {

// What the workers of a date tell each other about symbols, a topic of their board each.
enum class SymbolTopic : int { market, rate, ridge, spread, volatility };

// Estimates of symbols that several workers may need, each for portfolios of its own.
template <class Estimates>
class SharedEstimates {
 public:
  // Symbols ascend; all holds a blank estimate for each. The model says what else the estimates rest on: those of
  // another worker that has read something else meanwhile are not for here.
  SharedEstimates(SymbolTopic topic, std::string model, std::span<const std::string> symbols, Estimates all)
      : topic_(static_cast<int>(topic)),
        model_(std::move(model)),
        symbols_(symbols),
        all_(std::move(all)),
        left_(symbols.size()) {
    std::iota(left_.begin(), left_.end(), 0);
  }

  // Places of the symbols that are not estimated yet.
  const std::vector<int>& left() const noexcept { return left_; }
  Estimates& all() noexcept { return all_; }

  // Takes what other workers have put up.
  void take(std::chrono::microseconds patience) {
    for (const std::string& post : pg::collect(topic_, patience)) {
      core::ByteReader bytes(post);
      if (bytes.text() != model_) continue;
      std::vector<int> places(bytes.plain<std::size_t>());
      for (int& place : places) place = find(bytes.text());
      Estimates part;
      core::read(bytes, part);
      settle(part, places);
    }
  }

  // Estimates some of the symbols that are left, and puts them up.
  template <class Estimate>
  void compute(const std::vector<int>& places, Estimate&& estimate) {
    if (places.empty()) return;
    pg::announce(topic_);
    const Estimates part = estimate(places);
    core::ByteWriter bytes;
    bytes.text(model_);
    bytes.plain(places.size());
    for (const int place : places) bytes.text(symbols_[static_cast<std::size_t>(place)]);
    core::write(bytes, part);
    pg::post(topic_, bytes.bytes());
    settle(part, places);
  }

 private:
  // The place of a symbol that is still to be estimated, else -1.
  int find(std::string_view symbol) const {
    const auto found = std::lower_bound(symbols_.begin(), symbols_.end(), symbol);
    if (found == symbols_.end() || *found != symbol) return -1;
    const auto place = static_cast<int>(found - symbols_.begin());
    return std::binary_search(left_.begin(), left_.end(), place) ? place : -1;
  }

  void settle(const Estimates& part, const std::vector<int>& places) {
    core::place(part, places, all_);
    std::vector<int> settled(places);
    std::sort(settled.begin(), settled.end());
    std::erase_if(left_, [&](int place) { return std::binary_search(settled.begin(), settled.end(), place); });
  }

  int topic_;
  std::string model_;
  std::span<const std::string> symbols_;
  Estimates all_;
  std::vector<int> left_;
};

// Estimates the symbols of a book: estimate(places) computes those of the symbols at the places, and none of them may
// depend on another. Where the portfolios are one worker's share of a date, it takes what others have put up, begins
// with the symbols that are its own, and only then turns to those that nobody has estimated meanwhile. For a worker
// that is behind nobody waits, and for one that is at it no longer than one's own took: the rest costs as much.
template <class Estimates, class Estimate>
Estimates estimate_symbols(const store::Store& store, std::size_t& taken, SymbolTopic topic, std::string model,
                           std::span<const std::string> symbols, Estimates blank, Estimate&& estimate) {
  SharedEstimates<Estimates> shared(topic, std::move(model), symbols, std::move(blank));
  if (!store.leaves_symbols()) return estimate(shared.left());
  using clock = std::chrono::steady_clock;
  shared.take({});
  std::vector<int> own;
  for (const int place : shared.left())
    if (!store.leaves_symbol(symbols[static_cast<std::size_t>(place)])) own.push_back(place);
  const auto started = clock::now();
  shared.compute(own, estimate);
  shared.take(std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - started));
  const std::vector<int> rest = shared.left();
  shared.compute(rest, estimate);
  taken += symbols.size() - own.size() - rest.size();
  return std::move(shared.all());
}

}  // namespace pb::engine
