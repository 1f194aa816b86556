// What an engine says of its work.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include "core/text/uuid.hpp"
#include "pg/server_error.hpp"

namespace pb::engine {

// A portfolio for which an engine could not do its work, and why.
struct Issue {
  core::Uuid portfolio_id;
  pg::Failure failure;
};

// What an engine has to log of one portfolio of which it is true alone.
struct Note {
  core::Uuid portfolio_id;
  std::int64_t skipped = 0;
  std::string detail_json;
  const char* status = "success";
};

// What an engine did: portfolios, positions or symbols, as its detail says.
struct Report {
  std::int64_t processed = 0;
  std::int64_t skipped = 0;
  std::int64_t failed = 0;
  std::int64_t rows_written = 0;
  std::string detail;       // one line for people
  std::string logged;       // the same for the log, which tells nobody of what others hold; empty: the detail
  std::string summary;      // the same in a few words, for the line of a phase with many engines; empty: the detail
  std::string detail_json;  // the same for programs; empty: none
  std::vector<Issue> issues;
  std::vector<Note> notes;
};

// "1 portfolio", "2 portfolios".
std::string counted(std::int64_t count, const char* noun);

}  // namespace pb::engine
