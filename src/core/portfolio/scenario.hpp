#pragma once
#include "core/no_postgres.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pb::core {

// What a shock of a factor is.
enum class ShockUnit {
  simple_return,  // a decimal return: -0.10 is -10 %
  yield_change,   // a decimal change of a yield: 0.01 is +100 basis points
};

// 'return' or 'yield_change', the words of a scenario's definition. Throws 22023 for any other.
ShockUnit shock_unit(std::string_view word);
const char* to_word(ShockUnit unit);

// A factor that scenarios can move.
struct RiskFactor {
  std::string name;
  ShockUnit unit;
};

struct Shock {
  std::string factor;
  double size;
  ShockUnit unit;
};

// A stress scenario: the moves that it prescribes.
struct Scenario {
  std::string id;
  std::vector<Shock> shocks;
};

// The factor of each shock, by its position among the factors and in the order of the shocks. Throws 22023, and names
// scenario and factor, when there is no shock, when a factor is unknown or shocked twice, when a shock is not finite
// or in a unit that its factor does not have.
std::vector<int> resolve_shocks(const Scenario& scenario, std::span<const RiskFactor> factors);

}  // namespace pb::core
