// The providers by the names that provider_priority has.
#pragma once
#include "core/no_postgres.hpp"

#include <memory>
#include <string>

#include "collect/provider/provider.hpp"

namespace pb::collect {

// None for a name that is no provider's.
std::unique_ptr<Provider> make_provider(const std::string& name, const Configuration& configuration);

}  // namespace pb::collect
