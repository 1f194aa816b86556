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

// Which return of a style a shock is.
enum class ShockBasis {
  relative,  // beside the market's part: the fund's return less its beta times the market's
  absolute,  // the return of its fund
};

// 'relative' or 'absolute', the words of a scenario's definition. Throws 22023 for any other.
ShockBasis shock_basis(std::string_view word);
const char* to_word(ShockBasis basis);

// A factor that scenarios can move. A style is the return of a fund less a part of the market's: fund - removed x
// market.
struct RiskFactor {
  std::string name;
  ShockUnit unit;
  double fund_beta = 0;  // of the fund's return to the market; 0 for what is no style
  double removed = 0;    // fund_beta where factors are orthogonal to the market, else 0
};

struct Shock {
  std::string factor;
  double size;
  ShockUnit unit;
  ShockBasis basis = ShockBasis::relative;  // of a style; of other factors it says nothing
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
