#pragma once
#include "core/no_postgres.hpp"

#include <initializer_list>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "pg/function.hpp"
#include "pg/settings.hpp"
#include "pg/writer.hpp"

namespace pb::store {

// The schema of the functions of the extension that only the extension calls.
inline constexpr const char* helper_schema = "_portfolio_batch";

// Where the tables are and how the run is set up. Only this room knows table and column names.
class Store {
 public:
  // Finds the schema of the tables: the setting, or the schema of the extension. From then on to its end the call runs
  // as pg::Work says. Throws 42P01 with the way out when the tables are not there.
  explicit Store(const pg::Call& call);

  // The same store, writing for a run.
  Store for_run(const pg::Stamp& stamp) const {
    Store store = *this;
    store.stamp_ = stamp;
    return store;
  }
  // The same store, for a run that writes each date of the span at most once.
  Store for_span(pg::WriteSpan span) const {
    Store store = *this;
    store.stamp_.span = std::make_shared<pg::WriteSpan>(std::move(span));
    return store;
  }
  const pg::Stamp& stamp() const noexcept { return stamp_; }

  // The same store under other settings, for what one call asks for.
  Store with_settings(const pg::Settings& settings) const {
    Store store = *this;
    store.settings_ = settings;
    return store;
  }

  // The same store, for some of a date's portfolios beside other sessions that run the others. It leaves the rows of
  // these symbols' models alone: another session writes them.
  Store for_shard(const std::vector<std::string>& symbols) const {
    Store store = *this;
    store.left_symbols_ = std::make_shared<const std::set<std::string>>(symbols.begin(), symbols.end());
    return store;
  }
  bool is_shard() const noexcept { return left_symbols_ != nullptr; }
  bool leaves_symbols() const noexcept { return left_symbols_ != nullptr && !left_symbols_->empty(); }
  bool leaves_symbol(const std::string& symbol) const {
    return left_symbols_ != nullptr && left_symbols_->contains(symbol);
  }

  const pg::Settings& settings() const noexcept { return settings_; }
  const std::string& schema() const noexcept { return schema_; }

  // Throws 42P01 with the way out unless these tables or views are there.
  void require(std::initializer_list<const char*> names) const;

  // Qualified and quoted name of one of our tables or views.
  std::string table(const char* name) const { return quoted_schema_ + "." + name; }
  // The same of one of the extension's helpers.
  std::string function(const char* name) const { return std::string(helper_schema) + "." + name; }

 private:
  pg::Settings settings_;
  pg::Stamp stamp_;
  std::string schema_;
  std::string quoted_schema_;
  std::shared_ptr<const std::set<std::string>> left_symbols_;
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
