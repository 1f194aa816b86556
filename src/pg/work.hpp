// What the statements of a call run under: our own search_path and settings instead of the caller's, and the owner of
// the tables instead of a superuser.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <string>

namespace pb::pg {

// Names and literals in the statements of the extension would otherwise be read under the caller's settings: whoever
// may create an operator in a schema of the caller's search_path could have it run with the caller's rights. While a
// Work is alive, search_path is "pg_catalog, pg_temp" and the settings that change how text is read or written have
// their defaults; its end, by whatever way, restores the caller's. Works can be nested. None may be alive when the
// transaction ends.
class Work {
 public:
  Work();
  // A superuser works as the owner of the table, where that is no superuser, in a security-restricted operation: what
  // the owner has attached to the tables (triggers, defaults, checks, policies, views) never gets a superuser's rights.
  // Anybody else works as himself. Where there is no such table, nothing changes hands.
  Work(const std::string& schema, const std::string& table);
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work();

 private:
  void become_owner(const std::string& schema, const std::string& table);

  int nest_level_ = 0;
  int exceptions_;  // that were on their way when it began
  bool switched_ = false;
  unsigned user_ = 0;  // whom to become again
  int security_context_ = 0;
  const Work* outer_ = nullptr;  // the one that switched before

  friend struct Identity;
};

// Who called, whatever user the works that are alive have switched to.
struct Identity {
  unsigned user;
  int security_context;

  static Identity of_caller();
};

}  // namespace pb::pg
