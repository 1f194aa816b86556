#include "engine/context.hpp"

#include "engine/input_digest.hpp"
#include "engine/risk_models.hpp"

namespace pb::engine {

using core::Date;

Context::Context(const store::Store& store, std::vector<core::Uuid> portfolio_ids, Date first, Date last, Reach reach)
    : Inputs(store, std::move(portfolio_ids), first, last, reach) {}

Context::~Context() = default;

RiskModels& Context::risk(Date day, std::span<const core::Uuid> portfolio_ids) {
  if (!risk_ || !risk_->is_for(day, portfolio_ids)) risk_ = std::make_unique<RiskModels>(*this, day, portfolio_ids);
  return *risk_;
}

InputDigests& Context::digests() {
  if (!digests_) digests_ = std::make_unique<InputDigests>(*this);
  return *digests_;
}

std::size_t Context::symbols_taken() { return risk_ ? std::exchange(risk_->symbols_taken(), 0) : 0; }

Report run_for_usable(Context& context, Engine engine, Date day, std::span<const core::Uuid> portfolio_ids) {
  std::vector<core::Uuid> usable;
  std::vector<Issue> issues;
  for (const core::Uuid& id : portfolio_ids) {
    const store::Portfolio* portfolio = store::find_portfolio(context.book(), id);
    if (portfolio != nullptr)
      if (auto problem = context.problem(*portfolio, day)) {
        issues.push_back({id, std::move(*problem)});
        continue;
      }
    usable.push_back(id);
  }
  if (issues.empty()) return engine(context, day, portfolio_ids);
  Report report;
  if (!usable.empty()) report = engine(context, day, usable);
  report.failed += static_cast<std::int64_t>(issues.size());
  report.issues.insert(report.issues.end(), issues.begin(), issues.end());
  return report;
}

}  // namespace pb::engine
