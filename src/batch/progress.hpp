#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <string>

#include "core/calendar/date.hpp"

namespace pb::batch {

// How far a run is: its dates.
struct Progress {
  std::int64_t done = 0;
  std::int64_t total = 1;
};

// "2026-07-01 (3 of 20)": a date of a run, for notices.
std::string describe(core::Date day, const Progress& progress);

// What a session does for a run, as it shows it in pg_stat_activity, where there is one line of text and nothing else.
// _portfolio_batch.activity_field reads it; docs/operations.md describes it for everybody else who does.
struct ActivityLine {
  std::int64_t run_id = 0;
  core::Date session = {};
  Progress progress = {};
  std::int64_t waiting = 0;  // dates of portfolios that wait for prices, of the transaction at hand
  std::int64_t shard = 0;    // of the portfolios; 0: none
  std::int64_t shards = 0;
  std::string phase = {};  // its key; empty: between phases
  std::string doing = {};  // for people; without double quotes
};

// Pairs key=value, what monitoring needs most first: the server cuts the line off at track_activity_query_size. The
// last pair alone is quoted, so that every other value is followed by a space unless it was cut off.
std::string text_of(const ActivityLine& line);

}  // namespace pb::batch
