// What providers and the HTTP engine need of the session: settings, keys, time and waiting.
#pragma once
#include "core/no_postgres.hpp"

#include <string>

#include "collect/http/dispatcher.hpp"
#include "collect/provider/provider.hpp"
#include "store/settings.hpp"

namespace pb::collect {

// Throws 22023 for a setting that cannot be used, such as a user agent with a line break.
Configuration configuration_of(const store::Settings& settings, const std::string& provider);

http::NetworkSettings network_of(const store::Settings& settings);

http::Surroundings surroundings();

}  // namespace pb::collect
