// What a check before a run has to ask of the operating system.
#include <filesystem>
#include <system_error>

#include "pg/function.hpp"

namespace pb::function {

// free_temporary_space(tablespace): bytes that may still be written on its disk. The server runs in its data directory,
// where "base" is the default tablespace and the others are links.
PB_FUNCTION(pb_free_temporary_space) {
  constexpr std::int64_t default_tablespace = 1663;
  const std::int64_t tablespace = call.int8(0).value();
  const std::filesystem::path folder =
      tablespace == default_tablespace ? "base" : "pg_tblspc/" + std::to_string(tablespace);
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  if (error) return call.return_null();
  call.return_int8(static_cast<std::int64_t>(space.available));
}

}  // namespace pb::function
