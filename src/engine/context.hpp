// What an engine is called with: the inputs that all engines share, and what is estimated from them.
#pragma once
#include "core/no_postgres.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "engine/inputs.hpp"
#include "engine/report.hpp"

namespace pb::engine {

class InputDigests;
class RiskModels;

// The inputs of some portfolios and dates with the estimates of one of the days.
class Context : public Inputs {
 public:
  Context(const store::Store& store, std::vector<core::Uuid> portfolio_ids, core::Date first, core::Date last,
          Reach reach = Reach::estimates);
  ~Context();

  // Risk positions and estimates of a day, made once for all engines of the day. A reference is good until another
  // day or other portfolios are asked for.
  RiskModels& risk(core::Date day, std::span<const core::Uuid> portfolio_ids);

  // Digests of what the results of the dates are computed from.
  InputDigests& digests();

  // How many estimates of symbols came from other workers since it was last asked.
  std::size_t symbols_taken();

 private:
  std::unique_ptr<InputDigests> digests_;
  std::unique_ptr<RiskModels> risk_;
};

using Engine = Report (*)(Context&, core::Date, std::span<const core::Uuid>);

// Runs an engine for the portfolios all of whose rows can be used. The others are issues of its report, and the engine
// does not see them.
Report run_for_usable(Context& context, Engine engine, core::Date day, std::span<const core::Uuid> portfolio_ids);

}  // namespace pb::engine
