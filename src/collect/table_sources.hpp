// Tables, views and foreign tables as sources: they are read like a provider is asked.
#pragma once
#include "core/no_postgres.hpp"

#include <string>
#include <vector>

#include "collect/provider_session.hpp"
#include "store/store.hpp"

namespace pb::collect {

// One reply for each wish, from the relation of the source. Within a transaction.
std::vector<ProviderSession::Reply> ask_table(const store::Store& store, const std::string& source, Kind kind,
                                              const std::vector<ProviderSession::Wish>& wishes);

}  // namespace pb::collect
