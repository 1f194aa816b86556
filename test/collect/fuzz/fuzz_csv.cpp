#include "fuzz_providers.hpp"

#include "collect/provider/csv.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // Small limits, so that a search reaches them.
  pb::collect::Csv csv(bytes, {.max_bytes = 8192, .max_rows = 64, .max_columns = 16, .max_field_bytes = 256});
  std::size_t rows = 0, line = 0;
  while (csv.next()) {
    if (++rows > 64 || csv.line() <= line) std::abort();
    line = csv.line();
    for (std::size_t i = 0; i < csv.header().size(); ++i)
      if (csv.field(i).size() > 256) std::abort();
    if (!csv.field(std::nullopt).empty()) std::abort();
  }
  if (csv.header().size() > 16 || csv.problems().size() > csv.problem_count()) std::abort();
  for (const std::string& name : csv.header())
    if (csv.failure().empty() && !csv.column(name)) std::abort();
  return 0;
}
