#include "pg/session.hpp"

#include "pg/datum.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "tcop/tcopprot.h"
}

namespace pb::pg {

std::int64_t clock_usecs() { return GetCurrentTimestamp() + epoch_offset_usecs; }

void notice(const std::string& message, const std::string& detail) {
  pg_call([&] {
    if (detail.empty())
      ereport(NOTICE, (errmsg("%s", message.c_str())));
    else
      ereport(NOTICE, (errmsg("%s", message.c_str()), errdetail("%s", detail.c_str())));
  });
}

void show_activity(const std::string& text) {
  pg_call([&] { pgstat_report_activity(STATE_RUNNING, text.c_str()); });
}

void restore_activity() noexcept { pgstat_report_activity(STATE_RUNNING, debug_query_string); }

}  // namespace pb::pg
