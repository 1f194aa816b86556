#include "core/text/digest.hpp"

#include <bit>
#include <cmath>
#include <limits>

// The analyzer takes the assertion of the functions, that a null pointer comes without bytes, for a case that occurs.
#ifndef __clang_analyzer__
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

namespace pb::core {

namespace {

// One store of eight bytes where the machine has the lowest first, as compilers see.
void put(char* bytes, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
}

void append(std::string& bytes, std::uint64_t value) {
  char little[8];
  put(little, value);
  bytes.append(little, sizeof little);
}

std::uint64_t bits_of(double value) {
  if (std::isnan(value)) return 0x7ff8000000000000;
  return value == 0 ? 0 : std::bit_cast<std::uint64_t>(value);
}

}  // namespace

Digest& Digest::add(std::int64_t value) {
  append(bytes_, static_cast<std::uint64_t>(value));
  return *this;
}

Digest& Digest::add(double value) {
  append(bytes_, bits_of(value));
  return *this;
}

Digest& Digest::add(const Uuid& id) {
  bytes_.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
  return *this;
}

Digest& Digest::add(std::string_view text) {
  add(static_cast<std::int64_t>(text.size()));
  bytes_.append(text);
  return *this;
}

Digest& Digest::add(std::span<const double> values) {
  add(static_cast<std::int64_t>(values.size()));
  // Written in place: prices are most of what is hashed, and an append for each took half as long again.
  const std::size_t end = bytes_.size();
  bytes_.resize(end + values.size() * sizeof(double));
  char* next = bytes_.data() + end;
  for (const double value : values) {
    put(next, bits_of(value));
    next += sizeof(double);
  }
  return *this;
}

std::int64_t Digest::value() const { return static_cast<std::int64_t>(XXH64(bytes_.data(), bytes_.size(), 0)); }

}  // namespace pb::core
