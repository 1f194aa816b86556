#include "pg/datum.hpp"

#include <cmath>

namespace pb::pg {

Oid type_oid(Type type) {
  switch (type) {
    case Type::boolean:
      return BOOLOID;
    case Type::int4:
      return INT4OID;
    case Type::int8:
      return INT8OID;
    case Type::float8:
      return FLOAT8OID;
    case Type::money:
      return NUMERICOID;
    case Type::date:
      return DATEOID;
    case Type::timestamptz:
      return TIMESTAMPTZOID;
    case Type::interval:
      return INTERVALOID;
    case Type::time:
      return TIMEOID;
    case Type::text:
      return TEXTOID;
    case Type::jsonb:
      return JSONBOID;
    case Type::uuid:
      return UUIDOID;
    case Type::float8_array:
    case Type::float8_matrix:
      return FLOAT8ARRAYOID;
    case Type::numeric_array:
      return get_array_type(NUMERICOID);
    case Type::int4_array:
      return INT4ARRAYOID;
    case Type::int8_array:
      return get_array_type(INT8OID);
    case Type::date_array:
      return get_array_type(DATEOID);
    case Type::text_array:
      return TEXTARRAYOID;
    case Type::uuid_array:
      return get_array_type(UUIDOID);
  }
  return InvalidOid;
}

TupleDesc make_descriptor(const RowBuffer& rows) {
  const auto& columns = rows.columns();
  TupleDesc descriptor = CreateTemplateTupleDesc(static_cast<int>(columns.size()));
  for (std::size_t i = 0; i < columns.size(); ++i)
    TupleDescInitEntry(descriptor, static_cast<AttrNumber>(i + 1), columns[i].name.c_str(), type_oid(columns[i].type),
                       -1, 0);
  return descriptor;
}

// An array whose elements are yet to be written: what comes before them is 0 but for the sizes.
static ArrayType* new_array(Size overhead, Size length, Oid element, std::span<const int> sizes) {
  const Size size = overhead + length;
  if (!AllocSizeIsValid(size))
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("array of %zu bytes exceeds 1 GB", size)));
  auto* array = static_cast<ArrayType*>(palloc(size));
  std::memset(array, 0, overhead);
  SET_VARSIZE(array, size);
  array->ndim = static_cast<int>(sizes.size());
  array->elemtype = element;
  for (int i = 0; i < array->ndim; ++i) {
    ARR_DIMS(array)[i] = sizes[static_cast<std::size_t>(i)];
    ARR_LBOUND(array)[i] = 1;
  }
  return array;
}

// An array without NULLs of one or more dimensions; without elements it has none.
static Datum shaped_array_datum(const char* data, std::uint64_t length, Oid element, std::span<const int> sizes) {
  if (length == 0) return PointerGetDatum(construct_empty_array(element));
  ArrayType* array = new_array(ARR_OVERHEAD_NONULLS(static_cast<int>(sizes.size())), length, element, sizes);
  std::memcpy(ARR_DATA_PTR(array), data, length);
  return PointerGetDatum(array);
}

static Datum fixed_array_datum(const char* data, std::uint64_t length, Oid element, int width) {
  const int count = static_cast<int>(length / static_cast<std::uint64_t>(width));
  return shaped_array_datum(data, length, element, {&count, 1});
}

static Datum matrix_datum(const char* data, std::uint64_t length) {
  int sizes[2];
  std::memcpy(sizes, data, sizeof sizes);
  return shaped_array_datum(data + sizeof sizes, length - sizeof sizes, FLOAT8OID, sizes);
}

// Elements that are handled between two looks for an interrupt.
static constexpr std::size_t elements_at_once = 1 << 20;

static std::size_t count_finite(const double* values, std::size_t count) {
  std::size_t finite = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % elements_at_once == 0) CHECK_FOR_INTERRUPTS();
    finite += std::isfinite(values[i]) ? 1 : 0;
  }
  return finite;
}

Datum float8_array_datum(const double* values, std::size_t count) {
  if (count == 0) return PointerGetDatum(construct_empty_array(FLOAT8OID));
  const std::size_t finite = count_finite(values, count);
  const int elements = static_cast<int>(count);
  const Size overhead = finite == count ? ARR_OVERHEAD_NONULLS(1) : ARR_OVERHEAD_WITHNULLS(1, elements);
  ArrayType* array = new_array(overhead, finite * sizeof(double), FLOAT8OID, {&elements, 1});
  array->dataoffset = finite == count ? 0 : static_cast<std::int32_t>(overhead);
  bits8* present = ARR_NULLBITMAP(array);
  char* next = ARR_DATA_PTR(array);
  for (std::size_t i = 0; i < count; ++i) {
    if (i % elements_at_once == 0) CHECK_FOR_INTERRUPTS();
    if (!std::isfinite(values[i])) continue;
    if (present != nullptr) present[i / 8] = static_cast<bits8>(present[i / 8] | (1 << (i % 8)));
    std::memcpy(next, &values[i], sizeof(double));
    next += sizeof(double);
  }
  return PointerGetDatum(array);
}

// An array whose elements are made one by one; one that is made of nothing is NULL.
struct Elements {
  Datum* values;
  bool* nulls;
  int count;
};

static Elements new_elements(std::uint64_t count) {
  return {static_cast<Datum*>(palloc0(sizeof(Datum) * (count + 1))),
          static_cast<bool*>(palloc0(sizeof(bool) * (count + 1))), static_cast<int>(count)};
}

static Datum array_of(const Elements& elements, Oid type) {
  if (elements.count == 0) return PointerGetDatum(construct_empty_array(type));
  int16 length = 0;
  bool by_value = false;
  char alignment = 0;
  get_typlenbyvalalign(type, &length, &by_value, &alignment);
  int sizes[] = {elements.count};
  int first[] = {1};
  return PointerGetDatum(
      construct_md_array(elements.values, elements.nulls, 1, sizes, first, type, length, by_value, alignment));
}

static Datum numeric_array_datum(const double* values, std::size_t count) {
  const Elements elements = new_elements(count);
  for (std::size_t i = 0; i < count; ++i) {
    elements.nulls[i] = !std::isfinite(values[i]);
    if (!elements.nulls[i]) elements.values[i] = DirectFunctionCall1(float8_numeric, Float8GetDatum(values[i]));
  }
  return array_of(elements, NUMERICOID);
}

static Datum int8_array_datum(const std::int64_t* values, std::size_t count) {
  const Elements elements = new_elements(count);
  for (std::size_t i = 0; i < count; ++i) {
    elements.nulls[i] = values[i] == null_int8;
    elements.values[i] = Int64GetDatum(values[i]);
  }
  return array_of(elements, INT8OID);
}

static Datum date_array_datum(const std::int32_t* days, std::size_t count) {
  const Elements elements = new_elements(count);
  for (std::size_t i = 0; i < count; ++i) {
    elements.nulls[i] = days[i] == null_int4;
    elements.values[i] = DateADTGetDatum(elements.nulls[i] ? 0 : days[i] - epoch_offset_days);
  }
  return array_of(elements, DATEOID);
}

static std::uint32_t text_length(const char* data, std::uint64_t at) {
  std::uint32_t length = 0;
  std::memcpy(&length, data + at, sizeof length);
  return length;
}

static Datum text_array_datum(const char* data, std::uint64_t size) {
  std::uint64_t count = 0;
  for (std::uint64_t at = 0; at < size; ++count) {
    const std::uint32_t length = text_length(data, at);
    at += sizeof length + (length == null_length ? 0 : length);
  }
  const Elements elements = new_elements(count);
  std::uint64_t at = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint32_t length = text_length(data, at);
    at += sizeof length;
    elements.nulls[i] = length == null_length;
    if (elements.nulls[i]) continue;
    elements.values[i] = PointerGetDatum(cstring_to_text_with_len(data + at, static_cast<int>(length)));
    at += length;
  }
  return array_of(elements, TEXTOID);
}

Datum cell_datum(const RowBuffer& rows, const RowBuffer::Cell& cell, Type type) {
  switch (type) {
    case Type::boolean:
      return BoolGetDatum(cell.bits != 0);
    case Type::int4:
      return Int32GetDatum(static_cast<std::int32_t>(cell.bits));
    case Type::int8:
      return Int64GetDatum(static_cast<std::int64_t>(cell.bits));
    case Type::float8:
      return static_cast<Datum>(cell.bits);
    case Type::money:
      return NumericGetDatum(int64_div_fast_to_numeric(static_cast<std::int64_t>(cell.bits), 4));
    case Type::date:
      return DateADTGetDatum(static_cast<DateADT>(cell.bits) - epoch_offset_days);
    case Type::timestamptz:
      return TimestampTzGetDatum(static_cast<std::int64_t>(cell.bits) - epoch_offset_usecs);
    case Type::interval: {
      auto* interval = static_cast<Interval*>(palloc0(sizeof(Interval)));
      interval->time = static_cast<std::int64_t>(cell.bits);
      return IntervalPGetDatum(interval);
    }
    case Type::time:
      return TimeADTGetDatum(static_cast<TimeADT>(cell.bits));
    case Type::text:
      return PointerGetDatum(cstring_to_text_with_len(rows.bytes_at(cell), static_cast<int>(cell.length)));
    case Type::jsonb:
      return DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(rows.bytes_at(cell), cell.length)));
    case Type::uuid: {
      auto* id = static_cast<pg_uuid_t*>(palloc(sizeof(pg_uuid_t)));
      std::memcpy(id->data, rows.bytes_at(cell), UUID_LEN);
      return UUIDPGetDatum(id);
    }
    case Type::float8_array:
      // Aligned by RowBuffer.
      return float8_array_datum(reinterpret_cast<const double*>(rows.bytes_at(cell)), cell.length / sizeof(double));
    case Type::float8_matrix:
      return matrix_datum(rows.bytes_at(cell), cell.length);
    case Type::numeric_array:
      return numeric_array_datum(reinterpret_cast<const double*>(rows.bytes_at(cell)), cell.length / sizeof(double));
    case Type::int8_array:
      return int8_array_datum(reinterpret_cast<const std::int64_t*>(rows.bytes_at(cell)),
                              cell.length / sizeof(std::int64_t));
    case Type::date_array:
      return date_array_datum(reinterpret_cast<const std::int32_t*>(rows.bytes_at(cell)),
                              cell.length / sizeof(std::int32_t));
    case Type::int4_array:
      return fixed_array_datum(rows.bytes_at(cell), cell.length, INT4OID, 4);
    case Type::uuid_array:
      return fixed_array_datum(rows.bytes_at(cell), cell.length, UUIDOID, UUID_LEN);
    case Type::text_array:
      return text_array_datum(rows.bytes_at(cell), cell.length);
  }
  return static_cast<Datum>(0);
}

void put_rows(Tuplestorestate* store, TupleDesc descriptor, const RowBuffer& rows) {
  const std::size_t columns = rows.columns().size();
  auto* values = static_cast<Datum*>(palloc(sizeof(Datum) * columns));
  auto* nulls = static_cast<bool*>(palloc(sizeof(bool) * columns));
  MemoryContext row_context =
      AllocSetContextCreate(CurrentMemoryContext, "portfolio_batch rows", ALLOCSET_DEFAULT_SIZES);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    CHECK_FOR_INTERRUPTS();
    MemoryContext outer = MemoryContextSwitchTo(row_context);
    for (std::size_t column = 0; column < columns; ++column) {
      const RowBuffer::Cell& cell = rows.cell(row, column);
      nulls[column] = cell.is_null;
      values[column] = cell.is_null ? static_cast<Datum>(0) : cell_datum(rows, cell, rows.columns()[column].type);
    }
    MemoryContextSwitchTo(outer);
    CHECK_FOR_INTERRUPTS();
    tuplestore_putvalues(store, descriptor, values, nulls);
    MemoryContextReset(row_context);
  }
  MemoryContextDelete(row_context);
}

ParamListInfo make_params(const Args& args) {
  const RowBuffer& row = args.row();
  const int count = static_cast<int>(row.columns().size());
  if (count == 0) return nullptr;
  ParamListInfo params = makeParamList(count);
  for (int i = 0; i < count; ++i) {
    const RowBuffer::Cell& cell = row.cell(0, static_cast<std::size_t>(i));
    const Type type = row.columns()[static_cast<std::size_t>(i)].type;
    ParamExternData& param = params->params[i];
    param.ptype = type_oid(type);
    param.pflags = PARAM_FLAG_CONST;
    param.isnull = cell.is_null;
    param.value = cell.is_null ? static_cast<Datum>(0) : cell_datum(row, cell, type);
  }
  return params;
}

}  // namespace pb::pg
