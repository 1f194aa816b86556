#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <map>
#include <string>

#include "core/calendar/date.hpp"

namespace pb::batch {

// What the client of a run is told of its sessions as notices: a line of progress at most every second, and a summary
// at the end. One object for the run, which note_session() finds; a run without one, such as that of a worker, tells
// nothing.
class RunNotices {
 public:
  explicit RunNotices(bool wanted);
  RunNotices(const RunNotices&) = delete;
  RunNotices& operator=(const RunNotices&) = delete;
  ~RunNotices();

  // Nothing where no session was run.
  void summarize(std::int64_t run_id) const;

 private:
  friend void note_session(core::Date day, const std::string& place, const std::string& status, std::int64_t workers);

  bool wanted_;
  std::int64_t started_, last_told_;
  std::map<core::Date, std::string> statuses_;
  std::int64_t workers_ = 0;
  RunNotices* outer_;
};

// A session is done. place: which it is of how many. A session that is run again replaces what it was.
void note_session(core::Date day, const std::string& place, const std::string& status, std::int64_t workers = 0);

}  // namespace pb::batch
