#pragma once
#include "core/no_postgres.hpp"

#include <optional>
#include <string>

#include "pg/server_error.hpp"

namespace pb::pg {

// Why the server would refuse a value of a setting; nothing when it would take it. Changes no setting.
std::optional<Failure> refusal_of_setting(const std::string& name, const std::string& value);

}  // namespace pb::pg
