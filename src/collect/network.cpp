#include "collect/network.hpp"

#include <algorithm>
#include <map>

#include "collect/http/keys.hpp"
#include "core/error.hpp"
#include "pg/session.hpp"
#include "pg/time_zone.hpp"
#include "pg/wait.hpp"

namespace pb::collect {

namespace {

// What goes into a header must not end it.
const std::string& header_text(const std::string& value, const char* setting) {
  const bool is_printable =
      std::all_of(value.begin(), value.end(), [](unsigned char c) { return c >= 32 && c != 127; });
  if (is_printable) return value;
  throw core::Error(core::sqlstate::invalid_parameter,
                    std::string("portfolio_batch.") + setting + " must not contain control characters");
}

std::string text_of(const std::map<std::string, std::string>& texts, const std::string& provider) {
  const auto found = texts.find(provider);
  return found == texts.end() ? std::string() : found->second;
}

}  // namespace

Configuration configuration_of(const store::Settings& settings, const std::string& provider) {
  Configuration configuration;
  configuration.address =
      text_of(http::parse_addresses(settings.provider_addresses, settings.allow_insecure_loopback), provider);
  if (!settings.provider_keys_file.empty())
    configuration.key = text_of(http::read_keys(settings.provider_keys_file), provider);
  configuration.user_agent = header_text(settings.user_agent, "user_agent");
  configuration.contact = header_text(settings.contact, "contact");
  configuration.now = pg::clock_usecs() / 1'000'000;
  configuration.local_date = pg::local_date;
  configuration.start_of_day = pg::start_of_day;
  return configuration;
}

http::NetworkSettings network_of(const store::Settings& settings) {
  http::NetworkSettings network;
  network.ca_file = settings.provider_ca_file;
  network.allow_insecure_loopback = settings.allow_insecure_loopback;
  return network;
}

http::Surroundings surroundings() { return {pg::wait_for, pg::clock_usecs}; }

}  // namespace pb::collect
