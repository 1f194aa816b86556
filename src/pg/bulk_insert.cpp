#include "pg/bulk_insert.hpp"

#include <algorithm>
#include <span>

#include "pg/datum.hpp"
#include "pg/guard.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/acl.h"
#include "utils/datum.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/rls.h"
}

namespace pb::pg {

namespace {

constexpr int batch_rows = 1000;
constexpr Size batch_bytes = 512 * 1024;  // of converted values; a batch ends at whichever comes first

// Where a column of the table takes its values from. Plain data: it lives in a server memory context.
struct Source {
  int column = -1;               // of the rows; -1: none
  ExprState* initial = nullptr;  // else the default, evaluated for each row
  bool constant = true;          // else this value
  bool constant_is_null = true;
  Datum value = 0;
  bool has_typmod = false;  // the declared scale of a numeric
};

struct Insertion {
  Relation relation;
  EState* estate;
  ResultRelInfo* result;
  BulkInsertState bulk;
  Source* sources;
  TupleTableSlot** slots;
  MemoryContext values;  // of the rows of a batch
  CommandId command;
};

// Whether somebody may be watching or diverting statements. Citus keeps the rows of a distributed table elsewhere, and
// what is appended to its empty shell is lost to every query; audits hook into the check of permissions.
bool statements_matter() { return ExecutorCheckPerms_hook != nullptr || OidIsValid(get_extension_oid("citus", true)); }

// Whether an INSERT by this user would do nothing but add rows to the heap and the indexes.
bool is_plain(Relation relation) {
  const Form_pg_class form = relation->rd_rel;
  if (form->relkind != RELKIND_RELATION || form->relispartition || XactReadOnly || statements_matter()) return false;
  if (relation->rd_tableam != GetHeapamTableAmRoutine()) return false;
  if (relation->trigdesc != nullptr || relation->rd_rules != nullptr) return false;
  const TupleConstr* constraints = RelationGetDescr(relation)->constr;
  if (constraints != nullptr && constraints->has_generated_stored) return false;
  return check_enable_rls(RelationGetRelid(relation), InvalidOid, true) != RLS_ENABLED &&
         pg_class_aclcheck(RelationGetRelid(relation), GetUserId(), ACL_INSERT) == ACLCHECK_OK;
}

int find_column(const RowBuffer& rows, const char* name) {
  for (std::size_t i = 0; i < rows.columns().size(); ++i)
    if (rows.columns()[i].name == name) return static_cast<int>(i);
  return -1;
}

// A default that gives the same for every row is computed once.
void prepare_default(Relation relation, EState* estate, const FormData_pg_attribute* attribute, Source& source) {
  Node* expression = build_column_default(relation, attribute->attnum);
  if (expression == nullptr) return;
  const bool varies = contain_volatile_functions(expression);
  ExprState* state = ExecInitExpr(expression_planner(reinterpret_cast<Expr*>(expression)), nullptr);
  if (varies) {
    source.constant = false;
    source.initial = state;
  } else {
    // Evaluated in the context of the query, so that it lasts.
    source.value = ExecEvalExprSwitchContext(state, GetPerTupleExprContext(estate), &source.constant_is_null);
    if (!source.constant_is_null && !attribute->attbyval)
      source.value = datumCopy(source.value, false, attribute->attlen);
  }
}

// Fills in where each column's values come from; false where that is beyond this file.
bool match_columns(Relation relation, EState* estate, const RowBuffer& rows, const Stamp& stamp, Source* sources) {
  TupleDesc descriptor = RelationGetDescr(relation);
  std::size_t matched = 0;
  bool has_run_id = false;
  for (int i = 0; i < descriptor->natts; ++i) {
    const FormData_pg_attribute* attribute = TupleDescAttr(descriptor, i);
    Source& source = sources[i] = Source{};
    if (attribute->attisdropped) continue;
    source.column = find_column(rows, NameStr(attribute->attname));
    if (source.column >= 0) {
      const Type type = rows.columns()[static_cast<std::size_t>(source.column)].type;
      source.has_typmod = attribute->atttypmod != -1;
      if (attribute->atttypid != type_oid(type) || (source.has_typmod && type != Type::money)) return false;
      ++matched;
    } else if (std::strcmp(NameStr(attribute->attname), "run_id") == 0) {
      if (attribute->atttypid != INT8OID) return false;
      source.constant_is_null = !stamp.run_id.has_value();
      source.value = Int64GetDatum(stamp.run_id.value_or(0));
      has_run_id = true;
    } else {
      if (attribute->attidentity != '\0' || get_typtype(attribute->atttypid) == TYPTYPE_DOMAIN) return false;
      prepare_default(relation, estate, attribute, source);
    }
  }
  return has_run_id && matched == rows.columns().size();
}

Insertion open_insertion(Relation relation) {
  Insertion in{};
  in.relation = relation;
  in.estate = CreateExecutorState();
  auto* entry = makeNode(RangeTblEntry);
  entry->rtekind = RTE_RELATION;
  entry->relid = RelationGetRelid(relation);
  entry->relkind = relation->rd_rel->relkind;
  entry->rellockmode = RowExclusiveLock;
  entry->requiredPerms = ACL_INSERT;
  ExecInitRangeTable(in.estate, list_make1(entry));
  in.result = makeNode(ResultRelInfo);
  ExecInitResultRelation(in.estate, in.result, 1);
  CheckValidResultRel(in.result, CMD_INSERT);
  in.sources = static_cast<Source*>(palloc0(sizeof(Source) * static_cast<Size>(RelationGetDescr(relation)->natts)));
  return in;
}

void close_insertion(Insertion& in) {
  ExecResetTupleTable(in.estate->es_tupleTable, false);
  ExecCloseResultRelations(in.estate);
  ExecCloseRangeTableRelations(in.estate);
  FreeExecutorState(in.estate);
}

void fill_slot(const Insertion& in, const RowBuffer& rows, std::size_t row, TupleTableSlot* slot) {
  TupleDesc descriptor = RelationGetDescr(in.relation);
  ExecClearTuple(slot);
  for (int i = 0; i < descriptor->natts; ++i) {
    const Source& source = in.sources[i];
    if (source.column < 0) {
      slot->tts_isnull[i] = source.constant_is_null;
      slot->tts_values[i] = source.value;
      if (!source.constant)
        slot->tts_values[i] = ExecEvalExpr(source.initial, GetPerTupleExprContext(in.estate), &slot->tts_isnull[i]);
      continue;
    }
    const auto column = static_cast<std::size_t>(source.column);
    const RowBuffer::Cell& cell = rows.cell(row, column);
    slot->tts_isnull[i] = cell.is_null;
    slot->tts_values[i] = cell.is_null ? static_cast<Datum>(0) : cell_datum(rows, cell, rows.columns()[column].type);
    if (source.has_typmod && !cell.is_null)
      slot->tts_values[i] =
          DirectFunctionCall2(numeric, slot->tts_values[i], Int32GetDatum(TupleDescAttr(descriptor, i)->atttypmod));
  }
  ExecStoreVirtualTuple(slot);
}

// A row of one of the buffers, with the beginnings of its key, which decide between nearly all rows.
struct Place {
  const RowBuffer* rows;
  std::size_t row;
  std::uint64_t first;  // of the first column
  std::uint64_t next;   // of the two that follow
};

int compare(const RowBuffer& a, const RowBuffer::Cell& x, const RowBuffer& b, const RowBuffer::Cell& y) {
  if (x.length == 0 && y.length == 0) {
    const auto left = static_cast<std::int64_t>(x.bits);
    const auto right = static_cast<std::int64_t>(y.bits);
    return left < right ? -1 : left > right;
  }
  const int order = std::memcmp(a.bytes_at(x), b.bytes_at(y), std::min(x.length, y.length));
  return order != 0 ? order : x.length < y.length ? -1 : x.length > y.length;
}

// The first bytes of text or of an identifier, or a number or date, so that they sort as the column does.
std::uint64_t beginning(const RowBuffer& rows, const RowBuffer::Cell& cell, std::size_t size) {
  std::uint64_t number = cell.bits + (std::uint64_t{1} << (8 * size - 1));
  if (cell.length > 0) {
    unsigned char bytes[8] = {};
    std::memcpy(bytes, rows.bytes_at(cell), std::min<std::uint64_t>(cell.length, size));
    number = 0;
    for (std::size_t i = 0; i < size; ++i) number = number << 8 | bytes[i];
  }
  return size == 8 ? number : number & ((std::uint64_t{1} << (8 * size)) - 1);
}

Place place(const RowBuffer& rows, std::size_t row, const std::vector<std::size_t>& columns) {
  Place place{&rows, row, beginning(rows, rows.cell(row, columns.front()), 8), 0};
  for (std::size_t i = 1; i < 3; ++i)
    place.next = place.next << 32 | (i < columns.size() ? beginning(rows, rows.cell(row, columns[i]), 4) : 0);
  return place;
}

// All rows in the order of the key, in which the index on it is the cheapest to extend. Where keys begin alike or are
// under another collation than that of bytes the order is nearly the same, and nothing but the cost depends on it.
std::vector<Place> in_key_order(const std::vector<const RowBuffer*>& all_rows, const std::vector<std::string>& keys) {
  std::vector<std::size_t> columns;
  for (const std::string& key : keys)
    columns.push_back(static_cast<std::size_t>(find_column(*all_rows.front(), key.c_str())));
  std::vector<Place> places;
  std::size_t count = 0;
  for (const RowBuffer* rows : all_rows) count += rows->size();
  places.reserve(count);
  for (const RowBuffer* rows : all_rows)
    for (std::size_t row = 0; row < rows->size(); ++row) places.push_back(place(*rows, row, columns));
  std::sort(places.begin(), places.end(), [&](const Place& a, const Place& b) {
    if (a.first != b.first) return a.first < b.first;
    if (a.next != b.next) return a.next < b.next;
    for (const std::size_t column : columns) {
      const int order = compare(*a.rows, a.rows->cell(a.row, column), *b.rows, b.rows->cell(b.row, column));
      if (order != 0) return order < 0;
    }
    return false;
  });
  return places;
}

void write_batch(const Insertion& in, int count) {
  table_multi_insert(in.relation, in.slots, count, in.command, 0, in.bulk);
  for (int i = 0; i < count; ++i) {
    if (in.result->ri_NumIndices > 0)
      list_free(ExecInsertIndexTuples(in.result, in.slots[i], in.estate, false, false, nullptr, NIL));
    ExecClearTuple(in.slots[i]);
  }
  ResetPerTupleExprContext(in.estate);
  MemoryContextReset(in.values);
}

void insert_all(Insertion& in, std::span<const Place> places) {
  in.values = AllocSetContextCreate(in.estate->es_query_cxt, "portfolio_batch rows", ALLOCSET_DEFAULT_SIZES);
  const int slots = static_cast<int>(std::min<std::size_t>(places.size(), batch_rows));
  in.slots = static_cast<TupleTableSlot**>(palloc(sizeof(TupleTableSlot*) * static_cast<Size>(slots)));
  for (int i = 0; i < slots; ++i) in.slots[i] = table_slot_create(in.relation, &in.estate->es_tupleTable);
  ExecOpenIndices(in.result, false);
  in.bulk = GetBulkInsertState();
  in.command = GetCurrentCommandId(true);
  const bool constrained = RelationGetDescr(in.relation)->constr != nullptr;
  int filled = 0;
  for (const Place& place : places) {
    MemoryContext outer = MemoryContextSwitchTo(in.values);
    fill_slot(in, *place.rows, place.row, in.slots[filled]);
    MemoryContextSwitchTo(outer);
    if (constrained) ExecConstraints(in.result, in.slots[filled], in.estate);
    ++filled;
    if (filled == slots || MemoryContextMemAllocated(in.values, false) > batch_bytes) {
      write_batch(in, filled);
      filled = 0;
      CHECK_FOR_INTERRUPTS();
    }
  }
  if (filled > 0) write_batch(in, filled);
  FreeBulkInsertState(in.bulk);
  table_finish_bulk_insert(in.relation, 0);
}

}  // namespace

std::optional<std::int64_t> bulk_insert(const Target& target, const std::vector<const RowBuffer*>& all_rows) {
  const std::vector<Place> places = in_key_order(all_rows, target.keys);
  const bool inserted = pg_call([&]() -> bool {
    Relation relation =
        table_openrv(makeRangeVarFromNameList(stringToQualifiedNameList(target.table.c_str())), RowExclusiveLock);
    const bool plain = is_plain(relation);
    bool matched = false;
    if (plain) {
      Insertion in = open_insertion(relation);
      MemoryContext outer = MemoryContextSwitchTo(in.estate->es_query_cxt);
      matched = match_columns(relation, in.estate, *all_rows.front(), target.stamp, in.sources);
      if (matched) insert_all(in, places);
      MemoryContextSwitchTo(outer);
      close_insertion(in);
    }
    table_close(relation, NoLock);
    if (matched) CommandCounterIncrement();
    return matched;
  });
  if (!inserted) return std::nullopt;
  return static_cast<std::int64_t>(places.size());
}

}  // namespace pb::pg
