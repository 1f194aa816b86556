#pragma once
#include "core/no_postgres.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/poll.hpp"
#include "core/portfolio/money.hpp"
#include "core/text/uuid.hpp"
#include "pg/interrupts.hpp"

namespace pb::pg {

// The column types that travel between C++ and the server.
enum class Type : std::uint8_t {
  boolean,
  int4,
  int8,
  float8,
  money,  // core::Money <-> numeric
  date,
  timestamptz,  // microseconds since the Unix epoch
  interval,     // microseconds
  time,         // microseconds after midnight
  text,
  jsonb,  // as text
  uuid,
  float8_array,
  float8_matrix,  // Float8Matrix
  numeric_array,  // Numerics
  int4_array,
  int8_array,
  date_array,
  text_array,
  uuid_array,
};

// Days between the Unix epoch, where C++ counts from, and 2000-01-01, where the server counts from.
inline constexpr int epoch_offset_days = 10957;
inline constexpr std::int64_t epoch_offset_usecs = epoch_offset_days * std::int64_t{86'400'000'000};

// A time as microseconds since the Unix epoch.
struct Timestamp {
  std::int64_t microseconds = 0;
};

// Numbers that become a numeric[], with the 15 digits that a double holds; NULL where not finite.
struct Numerics {
  std::vector<double> values;
};

// A JSON document that becomes a jsonb. Empty: NULL.
struct Json {
  std::string text;
};

// A float8[][] on its way from or to SQL, row by row.
struct Float8Matrix {
  int rows = 0;
  int columns = 0;
  std::vector<double> values;
};

struct ColumnDef {
  std::string name;
  Type type;
};

// Rows of plain typed values on the C++ heap: what an engine produces before it is written or returned. A number that
// is not finite becomes NULL, also within an array, because neither NaN nor infinity may reach a table.
class RowBuffer {
 public:
  explicit RowBuffer(std::vector<ColumnDef> columns) : columns_(std::move(columns)) {}

  const std::vector<ColumnDef>& columns() const noexcept { return columns_; }
  // One more column, while there is at most one row, which is then to be given its value.
  void add_column(ColumnDef column) { columns_.push_back(std::move(column)); }
  std::size_t size() const noexcept { return columns_.empty() ? 0 : cells_.size() / columns_.size(); }
  bool empty() const noexcept { return cells_.empty(); }
  std::size_t bytes() const noexcept { return cells_.capacity() * sizeof(Cell) + arena_.capacity(); }
  // Forgets the rows after the first so many.
  void truncate(std::size_t rows) { cells_.resize(rows * columns_.size()); }
  void reserve(std::size_t rows) { cells_.reserve(rows * columns_.size()); }

  RowBuffer& null() { return put({.is_null = true}); }
  RowBuffer& add(bool value) { return fixed(static_cast<std::uint64_t>(value)); }
  RowBuffer& add(std::int32_t value) { return fixed(static_cast<std::uint64_t>(static_cast<std::int64_t>(value))); }
  RowBuffer& add(std::int64_t value) { return fixed(static_cast<std::uint64_t>(value)); }
  RowBuffer& add(double value) {
    if (!std::isfinite(value)) return null();
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    return fixed(bits);
  }
  RowBuffer& add(core::Money value) { return fixed(static_cast<std::uint64_t>(value.units)); }
  RowBuffer& add(core::Date value) {
    return fixed(static_cast<std::uint64_t>(static_cast<std::int64_t>(value.time_since_epoch().count())));
  }
  RowBuffer& add(Timestamp value) { return add(value.microseconds); }
  RowBuffer& add(const core::Uuid& value) { return blob(value.bytes.data(), value.bytes.size()); }
  RowBuffer& add(std::string_view value) { return blob(value.data(), value.size()); }
  RowBuffer& add(const char* value) { return value == nullptr ? null() : add(std::string_view(value)); }
  RowBuffer& add(const std::string& value) { return add(std::string_view(value)); }
  RowBuffer& add(std::span<const double> values) { return blob(values.data(), values.size_bytes()); }
  RowBuffer& add(const Float8Matrix& matrix);
  RowBuffer& add(const Numerics& numbers) { return add(std::span<const double>(numbers.values)); }
  RowBuffer& add(const Json& json) { return add_text_or_null(json.text); }
  RowBuffer& add(std::span<const std::int32_t> values) { return blob(values.data(), values.size_bytes()); }
  RowBuffer& add(std::span<const std::int64_t> values) { return blob(values.data(), values.size_bytes()); }
  // Elements without a value become NULL.
  RowBuffer& add(std::span<const std::optional<core::Money>> values);
  RowBuffer& add(std::span<const std::optional<core::Date>> values);
  RowBuffer& add(std::span<const std::optional<std::string>> values);
  RowBuffer& add(std::span<const core::Uuid> values) { return blob(values.data(), values.size_bytes()); }
  RowBuffer& add(std::span<const std::string> values);

  template <class T>
  RowBuffer& add(const std::optional<T>& value) {
    return value.has_value() ? add(*value) : null();
  }

  // The text, or NULL when it is empty: the form of reasons and messages.
  RowBuffer& add_text_or_null(std::string_view value) { return value.empty() ? null() : add(value); }

  struct Cell {
    std::uint64_t bits = 0;  // the value itself, or its offset in the arena
    std::uint64_t length = 0;
    bool is_null = false;
  };
  const Cell& cell(std::size_t row, std::size_t column) const { return cells_[row * columns_.size() + column]; }
  const char* bytes_at(const Cell& cell) const { return arena_.data() + cell.bits; }
  // The same rows with some of their columns only, in the order in which they are named.
  RowBuffer with_columns(std::span<const std::string> names) const;

 private:
  RowBuffer& put(const Cell& cell) {
    cells_.push_back(cell);
    return *this;
  }
  RowBuffer& fixed(std::uint64_t bits) { return put({.bits = bits}); }
  // Arrays of doubles are read in place later, so each value starts on an 8-byte boundary.
  void align() { arena_.resize((arena_.size() + 7) & ~static_cast<std::size_t>(7)); }
  RowBuffer& blob(const void* data, std::size_t length) {
    align();
    const std::size_t offset = arena_.size();
    arena_.resize(offset + length);
    if (length > 0) std::memcpy(arena_.data() + offset, data, length);
    return put({.bits = offset, .length = length});
  }

  std::vector<ColumnDef> columns_;
  std::vector<Cell> cells_;
  std::vector<char> arena_;
};

inline RowBuffer RowBuffer::with_columns(std::span<const std::string> names) const {
  std::vector<std::size_t> places;
  std::vector<ColumnDef> columns;
  for (const std::string& name : names)
    for (std::size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].name == name) {
        places.push_back(i);
        columns.push_back(columns_[i]);
      }
  RowBuffer chosen(std::move(columns));
  chosen.reserve(size());
  for (std::size_t row = 0; row < size(); ++row)
    for (const std::size_t place : places) {
      const Cell& from = cell(row, place);
      if (from.length > 0)
        chosen.blob(bytes_at(from), from.length);
      else
        chosen.put(from);
    }
  return chosen;
}

// A matrix is stored as its number of rows and columns, 32 bits each, and its elements.
inline RowBuffer& RowBuffer::add(const Float8Matrix& matrix) {
  const std::int32_t sizes[] = {matrix.rows, matrix.columns};
  const auto* values = reinterpret_cast<const char*>(matrix.values.data());
  const auto length = static_cast<std::ptrdiff_t>(matrix.values.size() * sizeof(double));
  align();
  const std::size_t offset = arena_.size();
  arena_.reserve(offset + sizeof sizes + static_cast<std::size_t>(length));
  const auto* first_size = reinterpret_cast<const char*>(sizes);
  arena_.insert(arena_.end(), first_size, first_size + sizeof sizes);
  core::in_steps(length, 1, poll, [&](std::ptrdiff_t first, std::ptrdiff_t count) {
    arena_.insert(arena_.end(), values + first, values + first + count);
  });
  return put({.bits = offset, .length = arena_.size() - offset});
}

// What stands for NULL in an array of integers, of dates, and for the length of a text.
inline constexpr std::int64_t null_int8 = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int32_t null_int4 = std::numeric_limits<std::int32_t>::min();
inline constexpr std::uint32_t null_length = std::numeric_limits<std::uint32_t>::max();

inline RowBuffer& RowBuffer::add(std::span<const std::optional<core::Money>> values) {
  std::vector<std::int64_t> units;
  units.reserve(values.size());
  for (const auto& value : values) units.push_back(value ? value->units : null_int8);
  return add(std::span<const std::int64_t>(units));
}

inline RowBuffer& RowBuffer::add(std::span<const std::optional<core::Date>> values) {
  std::vector<std::int32_t> days;
  days.reserve(values.size());
  for (const auto& value : values)
    days.push_back(value ? static_cast<std::int32_t>(value->time_since_epoch().count()) : null_int4);
  return add(std::span<const std::int32_t>(days));
}

// Text arrays are stored as length-prefixed strings one after the other.
inline void append_packed(std::string& packed, const std::string& text) {
  const auto length = static_cast<std::uint32_t>(text.size());
  packed.append(reinterpret_cast<const char*>(&length), sizeof length);
  packed.append(text);
}

inline RowBuffer& RowBuffer::add(std::span<const std::string> values) {
  std::string packed;
  for (const std::string& value : values) append_packed(packed, value);
  return blob(packed.data(), packed.size());
}

inline RowBuffer& RowBuffer::add(std::span<const std::optional<std::string>> values) {
  std::string packed;
  for (const auto& value : values)
    if (value)
      append_packed(packed, *value);
    else
      packed.append(reinterpret_cast<const char*>(&null_length), sizeof null_length);
  return blob(packed.data(), packed.size());
}

}  // namespace pb::pg
