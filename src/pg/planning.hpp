#pragma once
#include "core/no_postgres.hpp"

namespace pb::pg {

// How often a statement is planned. A plan for these very values is the best, and knows how large its tables are by
// now; for a few rows, planning takes longer than the statement itself. One that is planned seldom has a plan for any
// values, made anew at its first, second, fourth, eighth … execution, so that no table has outgrown it by far.
enum class Planning { each_time, seldom };

}  // namespace pb::pg
