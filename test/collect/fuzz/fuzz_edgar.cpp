#include "fuzz_providers.hpp"

#include "collect/provider/edgar.hpp"

using pb::collect::Kind;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // By its key, as without it an answer must name the company before facts are asked for.
  fuzz::ask(pb::collect::make_edgar, {Kind::statements}, "CIK0000001234", bytes);
  const auto facts = pb::collect::edgar::read_facts(bytes);
  if (!facts) return 0;
  for (const auto& statement : pb::collect::edgar::statements_of(*facts))
    if (statement.frequency != 'q' && statement.frequency != 'a') std::abort();
  return 0;
}
