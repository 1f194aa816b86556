// Where the tables are, and with whose rights the helpers run.
#include "store/store.hpp"

namespace pb::function {

PB_FUNCTION(pb_analytics_schema) { call.return_name(store::analytics_schema(call)); }

// tables_schema(installed_as): the same for the functions of the extension, which name each other by the schema that it
// was installed in.
PB_FUNCTION(pb_tables_schema) {
  store::require_schema_of_installation(call, call.text(0).value());
  call.return_name(store::analytics_schema(call));
}

// What stands before a function of the helpers' schema whose name ends with _as_caller or _as_owner: it runs as
// pg::Work says, with the caller's rights, or with the owner's where the caller is a superuser.
PB_FUNCTION(pb_as_caller) {
  call.begin_work();
  call.return_result_of(store::helper_schema, "_as_caller");
}

PB_FUNCTION(pb_as_owner) {
  store::begin_work_as_owner(call, store::analytics_schema(call));
  call.return_result_of(store::helper_schema, "_as_owner");
}

}  // namespace pb::function
