#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/calendar/date.hpp"
#include "core/text/uuid.hpp"

namespace pb::core {

// A fixed 64-bit hash of what something was computed from, the same on every machine: XXH64 (Collet 2012) with seed 0
// over these bytes. Integers and dates (days since 1970-01-01): 8 bytes, the lowest first. Numbers: the 8 bytes of
// their IEEE 754 form, lowest first, every NaN as 0x7ff8000000000000 and -0 as 0. Texts: their length as an integer,
// then their bytes. Ids: 16 bytes.
class Digest {
 public:
  Digest& add(std::int64_t value);
  Digest& add(std::int32_t value) { return add(std::int64_t{value}); }
  Digest& add(bool value) { return add(std::int64_t{value}); }
  Digest& add(double value);
  Digest& add(Date day) { return add(std::int64_t{day.time_since_epoch().count()}); }
  Digest& add(const Uuid& id);
  Digest& add(std::string_view text);
  Digest& add(const std::string& text) { return add(std::string_view(text)); }
  Digest& add(const char* text) { return add(std::string_view(text)); }
  Digest& add(std::span<const double> values);
  // An optional value: whether it is there, and the value.
  template <class T>
  Digest& add_optional(const T& value) {
    add(value.has_value());
    return value ? add(*value) : *this;
  }

  std::int64_t value() const;

 private:
  std::string bytes_;
};

}  // namespace pb::core
