#include "fuzz_providers.hpp"

using pb::collect::Kind;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  fuzz::ask(
      pb::collect::make_fmp,
      {Kind::prices, Kind::corporate_actions, Kind::profiles, Kind::statements, Kind::estimates, Kind::earnings_dates},
      "ZZTA", bytes);
  fuzz::ask(pb::collect::make_fmp, {Kind::yields}, "DGS10", bytes);
  return 0;
}
