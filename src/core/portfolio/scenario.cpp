#include "core/portfolio/scenario.hpp"

#include <algorithm>
#include <cmath>

#include "core/error.hpp"

namespace pb::core {

namespace {

std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

[[noreturn]] void refuse(const Scenario& scenario, const std::string& what, std::string hint) {
  throw Error(sqlstate::invalid_parameter, "scenario " + in_quotes(scenario.id) + " " + what, {}, std::move(hint));
}

std::string names_of(std::span<const RiskFactor> factors) {
  std::string names;
  for (const RiskFactor& factor : factors) names += (names.empty() ? "" : ", ") + factor.name;
  return names;
}

}  // namespace

ShockUnit shock_unit(std::string_view word) {
  for (const ShockUnit unit : {ShockUnit::simple_return, ShockUnit::yield_change})
    if (word == to_word(unit)) return unit;
  throw Error(sqlstate::invalid_parameter, "unknown unit of a shock: " + in_quotes(word), {},
              "A shock is a return or a yield_change.");
}

const char* to_word(ShockUnit unit) { return unit == ShockUnit::simple_return ? "return" : "yield_change"; }

ShockBasis shock_basis(std::string_view word) {
  for (const ShockBasis basis : {ShockBasis::relative, ShockBasis::absolute})
    if (word == to_word(basis)) return basis;
  throw Error(sqlstate::invalid_parameter, "unknown basis of a shock: " + in_quotes(word), {},
              "A shock of a style is absolute, the return of its fund, or relative, beside the market's part.");
}

const char* to_word(ShockBasis basis) { return basis == ShockBasis::relative ? "relative" : "absolute"; }

std::vector<int> resolve_shocks(const Scenario& scenario, std::span<const RiskFactor> factors) {
  if (scenario.shocks.empty()) refuse(scenario, "has no shocks", "Name at least one factor and its move.");
  std::vector<int> resolved;
  resolved.reserve(scenario.shocks.size());
  for (const Shock& shock : scenario.shocks) {
    const auto found = std::find_if(factors.begin(), factors.end(),
                                    [&](const RiskFactor& factor) { return factor.name == shock.factor; });
    if (found == factors.end())
      refuse(scenario, "shocks an unknown factor: " + in_quotes(shock.factor),
             "The factors are " + names_of(factors) + ".");
    const int index = static_cast<int>(found - factors.begin());
    if (std::find(resolved.begin(), resolved.end(), index) != resolved.end())
      refuse(scenario, "shocks a factor twice: " + in_quotes(shock.factor), "Give each factor one move.");
    if (!std::isfinite(shock.size))
      refuse(scenario, "has a shock that is not finite: " + in_quotes(shock.factor),
             "Give the move as a decimal number.");
    if (shock.unit != found->unit)
      refuse(scenario,
             "shocks " + in_quotes(shock.factor) + " by a " + to_word(shock.unit) + ", but the factor moves by a " +
                 to_word(found->unit),
             "Correct the unit of the shock.");
    resolved.push_back(index);
  }
  return resolved;
}

}  // namespace pb::core
