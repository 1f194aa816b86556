#include "fuzz_providers.hpp"

#include "collect/provider/symbols.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto option = pb::collect::option_in(bytes);
  if (option && pb::collect::option_in(option->padded()) != option) std::abort();
  if (option) option->underlying();
  for (const char* provider : {"yahoo", "fmp", "polygon", "tiingo"}) {
    const auto name = pb::collect::provider_symbol(provider, bytes);
    if (name && name->find_first_of("/?#&% \\") != std::string::npos) std::abort();
  }
  return 0;
}
