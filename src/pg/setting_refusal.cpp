#include "pg/setting_refusal.hpp"

#include "pg/guard.hpp"
#include "pg/subtransaction.hpp"

namespace pb::pg {

std::optional<Failure> refusal_of_setting(const std::string& name, const std::string& value) {
  return isolate([&] {
    pg_call([&] {
      set_config_option(name.c_str(), value.c_str(), PGC_USERSET, PGC_S_TEST, GUC_ACTION_SET, false, ERROR, false);
    });
  });
}

}  // namespace pb::pg
