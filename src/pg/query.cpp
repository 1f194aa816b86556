#include "pg/query.hpp"

#include <bit>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "pg/datum.hpp"
#include "pg/guard.hpp"
#include "pg/interrupts.hpp"

namespace pb::pg {

namespace {

// Statements that this session has prepared. They come back for each date of a run, and to parse and analyze one anew
// takes as long as to run it. Their number is that of the statements in the sources, because values travel as
// parameters. The server replans them when a table changes.
struct Statement {
  SPIPlanPtr plan = nullptr;
  std::uint64_t uses = 0;
};

std::unordered_map<std::string, Statement>& prepared_statements() {
  static std::unordered_map<std::string, Statement> statements;
  return statements;
}

SPIPlanPtr prepare(const std::string& sql, const std::vector<Oid>& parameters, Planning planning) {
  const int option = planning == Planning::each_time ? CURSOR_OPT_CUSTOM_PLAN : CURSOR_OPT_GENERIC_PLAN;
  return pg_call([&] {
    connect_spi();
    SPIPlanPtr plan = SPI_prepare_cursor(sql.c_str(), static_cast<int>(parameters.size()),
                                         const_cast<Oid*>(parameters.data()), option);
    if (plan == nullptr) elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
    check_spi(SPI_keepplan(plan), "SPI_keepplan");
    SPI_finish();
    return plan;
  });
}

}  // namespace

SPIPlanPtr prepared(const std::string& sql, const std::vector<Oid>& parameters, Planning planning) {
  std::string key = (planning == Planning::seldom ? "seldom " : "") + sql;
  for (const Oid parameter : parameters) key += ' ' + std::to_string(parameter);
  Statement& statement = prepared_statements()[std::move(key)];
  const bool is_outgrown = planning == Planning::seldom && std::has_single_bit(statement.uses);
  if (statement.plan == nullptr || is_outgrown) {
    SPIPlanPtr fresh = prepare(sql, parameters, planning);
    if (statement.plan != nullptr) pg_call([&] { SPI_freeplan(statement.plan); });
    statement.plan = fresh;
  }
  ++statement.uses;
  return statement.plan;
}

namespace {

SPIPlanPtr prepared_for(const std::string& sql, const Args& args, Planning planning) {
  std::vector<Oid> parameters;
  for (const ColumnDef& column : args.row().columns()) parameters.push_back(type_oid(column.type));
  return prepared(sql, parameters, planning);
}

}  // namespace

void connect_spi() { check_spi(SPI_connect(), "SPI_connect"); }

void check_spi(int code, const char* what) {
  if (code < 0) elog(ERROR, "%s failed: %s", what, SPI_result_code_string(code));
}

namespace {

// RowView reads values where the server holds them.
static_assert(sizeof(Datum) == sizeof(std::uintptr_t) && sizeof(Datum) == sizeof(double));

// Receives rows straight from the executor. The base struct must stand first: the server passes pointers to it.
struct CallbackReceiver {
  DestReceiver base;
  const std::function<void(const RowView&)>* callback;
  const ResultColumn* result;
  int columns;
  std::int64_t rows;
  std::exception_ptr* failure;  // an exception of the callback, carried around the server's frames
};

// A statement whose result is not what the code reads would be read as garbage; a changed table could cause it.
void check_result_types(DestReceiver* self, int, TupleDesc descriptor) {
  auto* receiver = reinterpret_cast<CallbackReceiver*>(self);
  if (descriptor->natts != receiver->columns)
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("statement returns %d columns, expected %d", descriptor->natts, receiver->columns)));
  for (int i = 0; i < descriptor->natts; ++i) {
    const Oid expected = type_oid(receiver->result[i].type);
    const Oid found = TupleDescAttr(descriptor, i)->atttypid;
    if (found != expected)
      ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                      errmsg("column \"%s\" has type %s, expected %s", NameStr(TupleDescAttr(descriptor, i)->attname),
                             format_type_be(found), format_type_be(expected))));
  }
}

// "table.column" of a declaration, taken apart for the error.
[[noreturn]] void refuse_null(const char* name) {
  const char* dot = std::strchr(name, '.');
  if (dot == nullptr) ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be NULL", name)));
  ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                  errmsg("column \"%s\" of \"%.*s\" is NULL", dot + 1, static_cast<int>(dot - name), name),
                  errdetail("The column must not be NULL; the table lacks its NOT NULL constraint."),
                  errhint("Correct the rows that SELECT * FROM %.*s WHERE %s IS NULL shows, then add the constraint.",
                          static_cast<int>(dot - name), name, dot + 1)));
  pg_unreachable();
}

[[noreturn]] void refuse_infinity(const ResultColumn& column, TupleTableSlot* slot, int at) {
  ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
                  errmsg("column \"%s\" holds an infinite date",
                         column.required != nullptr ? column.required
                                                    : NameStr(TupleDescAttr(slot->tts_tupleDescriptor, at)->attname)),
                  errhint("Replace it by a date of the trading calendar, or by NULL where that is allowed.")));
  pg_unreachable();
}

bool is_infinite(Type type, Datum value) {
  if (type == Type::date) return DATE_NOT_FINITE(DatumGetDateADT(value));
  return type == Type::timestamptz && TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(value));
}

// Checks what was declared, and unpacks compressed or out-of-line values, while no C++ object lives in this frame; the
// callback runs after.
void check_row(TupleTableSlot* slot, const CallbackReceiver& receiver) {
  slot_getallattrs(slot);
  for (int i = 0; i < receiver.columns; ++i) {
    const ResultColumn& column = receiver.result[i];
    if (slot->tts_isnull[i]) {
      if (column.required != nullptr) refuse_null(column.required);
      continue;
    }
    if (column.type == Type::text || column.type == Type::jsonb)
      slot->tts_values[i] = PointerGetDatum(PG_DETOAST_DATUM_PACKED(slot->tts_values[i]));
    else if (is_infinite(column.type, slot->tts_values[i])) {
      if (!column.infinite_is_null) refuse_infinity(column, slot, i);
      slot->tts_isnull[i] = true;
    }
  }
}

bool receive_row(TupleTableSlot* slot, DestReceiver* self) {
  auto* receiver = reinterpret_cast<CallbackReceiver*>(self);
  check_row(slot, *receiver);
  if ((++receiver->rows & 0xfff) == 0) CHECK_FOR_INTERRUPTS();
  try {
    (*receiver->callback)(RowView(slot->tts_values, slot->tts_isnull));
    return true;
  } catch (...) {
    *receiver->failure = std::current_exception();
    return false;
  }
}

void ignore_receiver(DestReceiver*) {}

}  // namespace

void execute_into(const std::string& sql, const Args& args, DestReceiver* receiver, Planning planning) {
  SPIPlanPtr plan = prepared_for(sql, args, planning);
  pg_call([&] {
    connect_spi();
    SPIExecuteOptions options{};
    options.params = make_params(args);
    options.dest = receiver;
    check_spi(SPI_execute_plan_extended(plan, &options), "SPI_execute_plan_extended");
    SPI_finish();
  });
}

std::int64_t each_row(const std::string& sql, const Args& args, std::span<const ResultColumn> result,
                      const std::function<void(const RowView&)>& callback, Planning planning) {
  std::exception_ptr failure;
  CallbackReceiver receiver{};
  receiver.base.receiveSlot = receive_row;
  receiver.base.rStartup = check_result_types;
  receiver.base.rShutdown = ignore_receiver;
  receiver.base.rDestroy = ignore_receiver;
  receiver.base.mydest = DestNone;
  receiver.callback = &callback;
  receiver.result = result.data();
  receiver.columns = static_cast<int>(result.size());
  receiver.failure = &failure;
  execute_into(sql, args, &receiver.base, planning);
  if (failure) std::rethrow_exception(failure);
  return receiver.rows;
}

std::int64_t each_row_of_texts(const std::string& sql, const Args& args, std::size_t columns,
                               const std::function<void(std::span<const std::string_view>)>& callback) {
  const std::vector<ResultColumn> result(columns, nullable(Type::text));
  std::vector<std::string_view> texts(columns);
  return each_row(sql, args, result, [&](const RowView& row) {
    for (std::size_t i = 0; i < columns; ++i) texts[i] = row.text(static_cast<int>(i));
    callback(texts);
  });
}

std::int64_t execute(const std::string& sql, const Args& args, Planning planning) {
  SPIPlanPtr plan = prepared_for(sql, args, planning);
  return pg_call([&]() -> std::int64_t {
    connect_spi();
    SPIExecuteOptions options{};
    options.params = make_params(args);
    check_spi(SPI_execute_plan_extended(plan, &options), "SPI_execute_plan_extended");
    const auto processed = static_cast<std::int64_t>(SPI_processed);
    SPI_finish();
    return processed;
  });
}

std::string quote_identifier(const std::string& name) {
  return pg_call([&] { return ::quote_identifier(name.c_str()); });
}

std::string quote_literal(const std::string& text) {
  return pg_call([&] { return static_cast<const char*>(quote_literal_cstr(text.c_str())); });
}

void RowView::refuse_unexpected_null(int column) {
  throw core::Error(core::sqlstate::internal_error,
                    "column " + std::to_string(column + 1) + " is read without regard to NULL");
}

core::Uuid RowView::uuid(int column) const {
  require_value(column);
  core::Uuid id;
  std::memcpy(id.bytes.data(), DatumGetUUIDP(values_[column])->data, UUID_LEN);
  return id;
}

std::string_view RowView::text(int column) const {
  if (is_null(column)) return {};
  const auto* value = reinterpret_cast<const struct varlena*>(DatumGetPointer(values_[column]));
  return {VARDATA_ANY(value), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(value))};
}

core::Money RowView::money(int column) const { return {int8(column)}; }

std::optional<core::Date> RowView::date_or_null(int column) const {
  return is_null(column) ? std::nullopt : std::optional(date(column));
}

std::optional<core::Uuid> RowView::uuid_or_null(int column) const {
  return is_null(column) ? std::nullopt : std::optional(uuid(column));
}

std::optional<core::Money> RowView::money_or_null(int column) const {
  return is_null(column) ? std::nullopt : std::optional(money(column));
}

std::string RowView::text_or_empty(int column) const { return std::string(text(column)); }

}  // namespace pb::pg
