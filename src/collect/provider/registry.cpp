#include "collect/provider/registry.hpp"

#include <utility>

namespace pb::collect {

std::unique_ptr<Provider> make_provider(const std::string& name, const Configuration& configuration) {
  using Make = std::unique_ptr<Provider> (*)(const Configuration&);
  static constexpr std::pair<const char*, Make> providers[] = {
      {"yahoo", make_yahoo}, {"fmp", make_fmp},           {"polygon", make_polygon}, {"tiingo", make_tiingo},
      {"fred", make_fred},   {"treasury", make_treasury}, {"edgar", make_edgar}};
  for (const auto& [known, make] : providers)
    if (name == known) return make(configuration);
  return nullptr;
}

}  // namespace pb::collect
