// An unchanged rerun computes again what is stored, and has nothing to write. To find that out, the stored rows go by
// once, straight from the scan, and each is looked up among the new ones.
#include "pg/stored_rows.hpp"

#include <bit>
#include <functional>

#include "pg/datum.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "utils/datum.h"
}

namespace pb::pg {

namespace {

// A value as a RowBuffer keeps it: bits, or bytes.
struct Plain {
  std::uint64_t bits = 0;
  const char* bytes = nullptr;
  std::size_t length = 0;
};

bool is_bytes(Type type) { return type == Type::text || type == Type::uuid; }

// Other types are compared as the server would store them.
bool is_plain(Type type) {
  switch (type) {
    case Type::boolean:
    case Type::int4:
    case Type::int8:
    case Type::float8:
    case Type::date:
      return true;
    default:
      return is_bytes(type);
  }
}

Plain plain_cell(const RowBuffer& rows, const RowBuffer::Cell& cell, Type type) {
  if (is_bytes(type)) return {.bytes = rows.bytes_at(cell), .length = cell.length};
  return {.bits = cell.bits};
}

Plain plain_datum(Datum value, Type type) {
  switch (type) {
    case Type::boolean:
      return {.bits = DatumGetBool(value) ? 1U : 0U};
    case Type::int4:
      return {.bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(DatumGetInt32(value)))};
    case Type::date:
      return {.bits =
                  static_cast<std::uint64_t>(static_cast<std::int64_t>(DatumGetDateADT(value)) + epoch_offset_days)};
    case Type::uuid:
      return {.bytes = reinterpret_cast<const char*>(DatumGetUUIDP(value)->data), .length = UUID_LEN};
    case Type::text: {
      const struct varlena* text = PG_DETOAST_DATUM_PACKED(value);
      return {.bytes = VARDATA_ANY(text), .length = static_cast<std::size_t>(VARSIZE_ANY_EXHDR(text))};
    }
    default:
      return {.bits = static_cast<std::uint64_t>(value)};
  }
}

bool equal(const Plain& a, const Plain& b) {
  return a.bits == b.bits && a.length == b.length && (a.length == 0 || std::memcmp(a.bytes, b.bytes, a.length) == 0);
}

// 2^64 divided by the golden ratio spreads the dates and numbers of keys.
std::uint64_t add_to_hash(std::uint64_t hash, const Plain& value) {
  const std::uint64_t own = value.bytes == nullptr ? value.bits * 0x9e3779b97f4a7c15U
                                                   : std::hash<std::string_view>{}({value.bytes, value.length});
  return (std::rotl(hash, 23) ^ own) * 0x9e3779b97f4a7c15U;
}

// The new rows by their keys, with open addressing: the number of a row, from 1 on; 0 is a free place.
class KeyIndex {
 public:
  KeyIndex(const RowBuffer& rows, const std::vector<std::string>& keys)
      : rows_(rows), places_(std::bit_ceil(2 * rows.size() + 1), 0) {
    for (const std::string& key : keys)
      for (std::size_t i = 0; i < rows.columns().size(); ++i)
        if (rows.columns()[i].name == key && is_plain(rows.columns()[i].type)) columns_.push_back(i);
    complete_ = columns_.size() == keys.size();
    for (std::size_t row = 0; complete_ && row < rows.size(); ++row) {
      std::uint64_t hash = 0;
      for (const std::size_t column : columns_) hash = add_to_hash(hash, cell(row, column));
      std::size_t place = first_place(hash);
      while (places_[place] != 0) place = (place + 1) & (places_.size() - 1);
      places_[place] = static_cast<std::uint32_t>(row + 1);
    }
  }

  // Whether rows can be found by their keys.
  bool complete() const { return complete_; }

  // The row with the key of a stored one, or -1. A key with a NULL in it, which a table without a primary key may hold,
  // is that of no row.
  std::ptrdiff_t find(const Datum* values, const bool* nulls) const {
    for (const std::size_t column : columns_)
      if (nulls[column]) return -1;
    std::uint64_t hash = 0;
    for (const std::size_t column : columns_)
      hash = add_to_hash(hash, plain_datum(values[column], rows_.columns()[column].type));
    for (std::size_t place = first_place(hash); places_[place] != 0; place = (place + 1) & (places_.size() - 1))
      if (has_key(places_[place] - 1, values)) return static_cast<std::ptrdiff_t>(places_[place]) - 1;
    return -1;
  }

 private:
  Plain cell(std::size_t row, std::size_t column) const {
    return plain_cell(rows_, rows_.cell(row, column), rows_.columns()[column].type);
  }

  std::size_t first_place(std::uint64_t hash) const {
    return static_cast<std::size_t>(hash >> 20) & (places_.size() - 1);
  }

  bool has_key(std::size_t row, const Datum* values) const {
    for (const std::size_t column : columns_)
      if (!equal(cell(row, column), plain_datum(values[column], rows_.columns()[column].type))) return false;
    return true;
  }

  const RowBuffer& rows_;
  std::vector<std::size_t> columns_;
  std::vector<std::uint32_t> places_;
  bool complete_ = false;
};

// Receives the stored rows. The base struct must stand first: the server passes pointers to it.
struct Comparison {
  DestReceiver base;
  const RowBuffer* rows;
  const KeyIndex* index;
  TupleDesc descriptor;
  MemoryContext values;
  std::size_t same;
  bool differs;
};

void check_types(DestReceiver* self, int, TupleDesc descriptor) {
  auto* comparison = reinterpret_cast<Comparison*>(self);
  comparison->descriptor = descriptor;
  for (int i = 0; i < descriptor->natts; ++i)
    if (TupleDescAttr(descriptor, i)->atttypid !=
        type_oid(comparison->rows->columns()[static_cast<std::size_t>(i)].type))
      comparison->differs = true;
}

bool is_stored(const RowBuffer& rows, std::size_t row, std::size_t column, Datum stored,
               const FormData_pg_attribute* attribute) {
  const RowBuffer::Cell& cell = rows.cell(row, column);
  const Type type = rows.columns()[column].type;
  if (is_plain(type)) return equal(plain_cell(rows, cell, type), plain_datum(stored, type));
  Datum computed = cell_datum(rows, cell, type);
  if (type == Type::money && attribute->atttypmod != -1)
    computed = DirectFunctionCall2(numeric, computed, Int32GetDatum(attribute->atttypmod));
  return datum_image_eq(stored, computed, attribute->attbyval, attribute->attlen);
}

bool is_same(const Comparison& comparison, const TupleTableSlot* slot) {
  const RowBuffer& rows = *comparison.rows;
  const std::ptrdiff_t row = comparison.index->find(slot->tts_values, slot->tts_isnull);
  if (row < 0) return false;
  for (std::size_t column = 0; column < rows.columns().size(); ++column) {
    const bool is_null = rows.cell(static_cast<std::size_t>(row), column).is_null;
    if (is_null != slot->tts_isnull[column]) return false;
    if (!is_null && !is_stored(rows, static_cast<std::size_t>(row), column, slot->tts_values[column],
                               TupleDescAttr(comparison.descriptor, static_cast<int>(column))))
      return false;
  }
  return true;
}

// The scan ends with the first row that is not as it would be.
bool compare_row(TupleTableSlot* slot, DestReceiver* self) {
  auto* comparison = reinterpret_cast<Comparison*>(self);
  if (comparison->differs) return false;
  slot_getallattrs(slot);
  MemoryContext outer = MemoryContextSwitchTo(comparison->values);
  comparison->differs = !is_same(*comparison, slot);
  MemoryContextSwitchTo(outer);
  MemoryContextReset(comparison->values);
  if (!comparison->differs) ++comparison->same;
  return !comparison->differs;
}

void do_nothing(DestReceiver*) {}

}  // namespace

bool holds_exactly(const Target& target, const RowBuffer& rows, const Args& scope) {
  const KeyIndex index(rows, target.keys);
  if (!index.complete()) return false;
  std::string sql;
  for (const ColumnDef& column : rows.columns()) sql += (sql.empty() ? "SELECT t." : ", t.") + column.name;
  sql += " FROM " + target.table + " AS t WHERE " + target.replaced_scope;
  const ScratchContext values("portfolio_batch comparison");
  Comparison comparison{.base = {.receiveSlot = compare_row,
                                 .rStartup = check_types,
                                 .rShutdown = do_nothing,
                                 .rDestroy = do_nothing,
                                 .mydest = DestNone},
                        .rows = &rows,
                        .index = &index,
                        .descriptor = nullptr,
                        .values = values.get(),
                        .same = 0,
                        .differs = false};
  execute_into(sql, scope, &comparison.base);
  return !comparison.differs && comparison.same == rows.size();
}

}  // namespace pb::pg
