#include "pg/row_array.hpp"

#include "pg/compat.hpp"
#include "pg/datum.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "parser/parse_coerce.h"
#include "utils/typcache.h"
}

namespace pb::pg {

namespace {

// numeric(20,4) as the server writes it down.
constexpr std::int32_t money_modifier = ((20 << 16) | 4) + static_cast<std::int32_t>(VARHDRSZ);

// How the values of one column of the rows become those of a column of the table.
struct Conversion {
  int attribute;  // from 0 on
  bool as_text;   // by way of their text
  FmgrInfo output;
  FmgrInfo input;
  Oid input_parameter;
  std::int32_t type_modifier;
};

Conversion conversion_to(TupleDesc descriptor, const ColumnDef& column) {
  Conversion conversion{};
  while (conversion.attribute < descriptor->natts) {
    const FormData_pg_attribute* attribute = TupleDescAttr(descriptor, conversion.attribute);
    if (!attribute->attisdropped && column.name == NameStr(attribute->attname)) break;
    ++conversion.attribute;
  }
  if (conversion.attribute == descriptor->natts)
    ereport(ERROR,
            (errcode(ERRCODE_UNDEFINED_COLUMN),
             errmsg("column \"%s\" of %s does not exist", column.name.c_str(), format_type_be(descriptor->tdtypeid)),
             errhint("create_analytics_tables(add_missing_columns => true) adds what is missing.")));
  const FormData_pg_attribute* attribute = TupleDescAttr(descriptor, conversion.attribute);
  const Oid source = type_oid(column.type);
  // The conversion of the text keeps to a precision that the column has. Money has four decimals already.
  const bool has_modifier =
      attribute->atttypmod >= 0 && !(column.type == Type::money && attribute->atttypmod == money_modifier);
  conversion.as_text = has_modifier || !IsBinaryCoercible(source, attribute->atttypid);
  if (!conversion.as_text) return conversion;
  Oid function = InvalidOid;
  bool is_varlena = false;
  getTypeOutputInfo(source, &function, &is_varlena);
  fmgr_info(function, &conversion.output);
  getTypeInputInfo(attribute->atttypid, &function, &conversion.input_parameter);
  fmgr_info(function, &conversion.input);
  conversion.type_modifier = attribute->atttypmod;
  return conversion;
}

Datum converted(Datum value, Conversion& conversion) {
  char* text = OutputFunctionCall(&conversion.output, value);
  return InputFunctionCall(&conversion.input, text, conversion.input_parameter, conversion.type_modifier);
}

}  // namespace

Oid row_type(const char* table) {
  const RangeVar* name = makeRangeVarFromNameList(parts_of_qualified_name(table));
  return get_rel_type_id(RangeVarGetRelid(name, NoLock, false));
}

Datum row_array(const RowBuffer& rows, std::size_t first, std::size_t count, Oid type) {
  TupleDesc descriptor = lookup_rowtype_tupdesc_copy(type, -1);
  const std::size_t columns = rows.columns().size();
  auto* conversions = static_cast<Conversion*>(palloc0(sizeof(Conversion) * columns));
  for (std::size_t i = 0; i < columns; ++i) conversions[i] = conversion_to(descriptor, rows.columns()[i]);

  const auto attributes = static_cast<std::size_t>(descriptor->natts);
  auto* values = static_cast<Datum*>(palloc0(sizeof(Datum) * attributes));
  auto* nulls = static_cast<bool*>(palloc(sizeof(bool) * attributes));
  std::memset(nulls, true, attributes);
  auto* elements = static_cast<Datum*>(palloc(sizeof(Datum) * (count + 1)));
  MemoryContext outer = CurrentMemoryContext;
  MemoryContext row_context = AllocSetContextCreate(outer, "portfolio_batch rows", ALLOCSET_DEFAULT_SIZES);
  for (std::size_t row = 0; row < count; ++row) {
    CHECK_FOR_INTERRUPTS();
    MemoryContextSwitchTo(row_context);
    for (std::size_t i = 0; i < columns; ++i) {
      const RowBuffer::Cell& cell = rows.cell(first + row, i);
      const int at = conversions[i].attribute;
      nulls[at] = cell.is_null;
      if (cell.is_null) continue;
      values[at] = cell_datum(rows, cell, rows.columns()[i].type);
      if (conversions[i].as_text) values[at] = converted(values[at], conversions[i]);
    }
    HeapTuple tuple = heap_form_tuple(descriptor, values, nulls);
    MemoryContextSwitchTo(outer);
    elements[row] = heap_copy_tuple_as_datum(tuple, descriptor);
    MemoryContextReset(row_context);
  }
  MemoryContextDelete(row_context);
  return PointerGetDatum(construct_array(elements, static_cast<int>(count), type, -1, false, TYPALIGN_DOUBLE));
}

}  // namespace pb::pg
