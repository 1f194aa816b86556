#include "engine/report.hpp"

namespace pb::engine {

std::string counted(std::int64_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace pb::engine
