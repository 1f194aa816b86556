#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pg/function.hpp"
#include "store/settings.hpp"

namespace pb::store {

// The run that writes. It and the time are stamped on every row that changes but are no change themselves, so that an
// unchanged rerun writes nothing; unless it is to rewrite, which stamps every row.
struct Stamp {
  std::optional<std::int64_t> run_id = {};
  bool rewrite = false;
};

// The schema of the functions of the extension that only the extension calls.
inline constexpr const char* helper_schema = "_portfolio_batch";

// Where the tables are and how the run is set up. Only this room knows table and column names.
class Store {
 public:
  // Finds the schema of the tables: the setting, or the schema of the extension. From then on to its end the call runs
  // as pg::Work says. Throws 42P01 with the way out when the tables are not there.
  explicit Store(const pg::Call& call);

  // The same store, writing for a run.
  Store for_run(const Stamp& stamp) const {
    Store store = *this;
    store.stamp_ = stamp;
    return store;
  }
  const Stamp& stamp() const noexcept { return stamp_; }

  // The same store under other settings, for what one call asks for.
  Store with_settings(const Settings& settings) const {
    Store store = *this;
    store.settings_ = settings;
    return store;
  }

  // The same store, for some of a date's portfolios beside other sessions that run the others. It leaves the rows of
  // these symbols alone, and unless it is the first shard those of the date as such: another session writes them.
  Store for_shard(const std::vector<std::string>& symbols, bool is_first) const {
    Store store = *this;
    store.left_symbols_ = std::make_shared<const std::set<std::string>>(symbols.begin(), symbols.end());
    store.writes_date_rows_ = is_first;
    return store;
  }
  bool writes_date_rows() const noexcept { return writes_date_rows_; }
  bool is_shard() const noexcept { return left_symbols_ != nullptr; }
  bool leaves_symbols() const noexcept { return left_symbols_ != nullptr && !left_symbols_->empty(); }
  bool leaves_symbol(const std::string& symbol) const {
    return left_symbols_ != nullptr && left_symbols_->contains(symbol);
  }

  const Settings& settings() const noexcept { return settings_; }
  const std::string& schema() const noexcept { return schema_; }

  // Throws 42P01 with the way out unless these tables or views are there.
  void require(std::initializer_list<const char*> names) const;

  // Qualified and quoted name of one of our tables or views.
  std::string table(const char* name) const { return quoted_schema_ + "." + name; }
  // The same of one of the extension's helpers.
  std::string function(const char* name) const { return std::string(helper_schema) + "." + name; }

 private:
  Settings settings_;
  Stamp stamp_;
  std::string schema_;
  std::string quoted_schema_;
  std::shared_ptr<const std::set<std::string>> left_symbols_;
  bool writes_date_rows_ = true;
};

// The schema in which the tables are or would be, whether they exist or not. Throws 22023 for a temporary schema:
// whoever may create temporary tables could put any rows there.
std::string analytics_schema(const pg::Call& call);

// From here to the end of the call its statements run as pg::Work says: as the owner of the tables in the schema where
// the caller is a superuser and the owner is none. Where the owner is a superuser too, the call keeps his rights: then
// none of the tables may be in the hands of another role, which could attach to it what it likes, even where it only
// could put its table in the place of ours because it owns the schema. Throws 42501 that names such a table.
void begin_work_as_owner(const pg::Call& call, const std::string& schema);

// Throws 55000 where the extension's schema has another name, quoted where it must be, than when it was created.
void require_schema_of_installation(const pg::Call& call, const std::string& installed_as);

}  // namespace pb::store
