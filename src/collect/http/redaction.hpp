// Takes keys out of texts that people read.
#pragma once
#include "core/no_postgres.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collect/http/message.hpp"

namespace pb::collect::http {

// The text with "***" for values of apikey, api_key, api_token, token, crumb and the like, of the headers
// Authorization and Cookie, and for the secrets themselves, as they are and percent-encoded.
std::string redacted(std::string_view text, std::span<const std::string> secrets = {});

// Whether a parameter or header of this name carries a secret.
bool is_secret_name(std::string_view name);

// What of a request must not be told: values of secret headers and of secret parameters.
std::vector<std::string> secrets_of(const Request& request);

}  // namespace pb::collect::http
