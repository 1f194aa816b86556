// The providers of a collection: made when they are first asked, with what is remembered of them between collections.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collect/http/dispatcher.hpp"
#include "collect/provider/provider.hpp"
#include "pg/wait.hpp"
#include "store/store.hpp"

namespace pb::collect {

class ProviderSession {
 public:
  // Reads settings and keys; the store need not live on.
  explicit ProviderSession(const store::Store& store);
  ~ProviderSession();

  // Reads a provider's limits, state and aliases, before it is first asked. Within a transaction.
  void prepare(const store::Store& store, const std::string& name, core::Date day);

  // Whether it can be asked this of the symbol. A provider without the key that it needs serves nothing.
  bool serves(const std::string& name, Kind kind, const std::string& symbol) const;
  // Why a provider serves nothing; empty: it does.
  const std::string& refusal(const std::string& name) const;

  // A symbol and what is asked of it.
  struct Wish {
    std::string symbol;
    core::Date first, last;
  };
  struct Reply {
    SymbolAnswer answer;
    int http_status = 0;
    int requests = 0;
    double seconds = 0;
    core::Date first, last;
  };
  // Asks, outside of any transaction work, and returns one reply for each wish.
  std::vector<Reply> ask(const std::string& name, Kind kind, const std::vector<Wish>& wishes, std::int64_t deadline);

  // Keeps the quota and the breaker of the providers that were asked. Within a transaction.
  void save(const store::Store& store);

 private:
  struct Known;
  std::map<std::string, std::unique_ptr<Known>> known_;
  store::Settings settings_;
  std::optional<pg::ReservedDescriptor> descriptor_;  // the one that the dispatcher waits on
  std::unique_ptr<http::Dispatcher> dispatcher_;

  Known& known(const std::string& name) const;
};

}  // namespace pb::collect
