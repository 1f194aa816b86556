#include "fuzz_providers.hpp"

using pb::collect::Kind;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  fuzz::ask(pb::collect::make_yahoo, {Kind::statements}, "ZZTA", bytes);
  return 0;
}
