#include "pg/module.hpp"
#include "store/settings.hpp"

namespace pb::pg {

void on_load() { store::share_settings(); }

}  // namespace pb::pg
