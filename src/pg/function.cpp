#include "pg/function.hpp"

#include "core/error.hpp"
#include "core/poll.hpp"
#include "pg/compat.hpp"
#include "pg/datum.hpp"
#include "pg/extension.hpp"
#include "pg/guard.hpp"
#include "pg/interrupts.hpp"
#include "pg/module.hpp"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "parser/parse_func.h"
#include "utils/syscache.h"
}

namespace pb::pg {

static_assert(sizeof(FunctionInfo) == sizeof(Pg_finfo_record) && offsetof(Pg_finfo_record, api_version) == 0);
static_assert(std::is_same_v<Datum, std::uintptr_t>);
static_assert(sizeof(core::Uuid) == UUID_LEN && alignof(core::Uuid) == 1);

namespace {

FunctionCallInfo as_call(void* info) { return static_cast<FunctionCallInfo>(info); }

Datum argument(void* info, int index) { return as_call(info)->args[index].value; }

// What is left of an exception when its handler has been left: plain data only, so that the server may jump.
struct Outcome {
  enum class Kind { ok, server, cancelled, own } kind = Kind::ok;
  ErrorData* server_error = nullptr;
  int sqlstate = 0;
  char message[512] = {};
  char detail[4096] = {};
  char hint[1024] = {};

  void set(const char* state, const char* message_text, const char* detail_text = "", const char* hint_text = "") {
    kind = Kind::own;
    sqlstate = MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
    copy(message, message_text);
    copy(detail, detail_text);
    copy(hint, hint_text);
  }

  // A text that is too long is cut between characters: half of one would be invalid in the database's encoding.
  template <std::size_t size>
  static void copy(char (&to)[size], const char* from) {
    const auto kept = static_cast<std::size_t>(pg_mbcliplen(from, static_cast<int>(std::strlen(from)), size - 1));
    std::memcpy(to, from, kept);
    to[kept] = 0;
  }
};

// The error's memory hung below TopMemoryContext while C++ frames were alive; from here on it belongs to the
// transaction, which will be rolled back and free it.
ErrorData* hand_over(const ServerError& error) {
  ServerError::Payload& payload = *error.payload();
  MemoryContextSetParent(payload.context, CurTransactionContext);
  payload.context = nullptr;
  return payload.data;
}

void run(void* info, Call& call, void (*body)(Call&), Outcome& outcome) noexcept {
  try {
    require_fitting_library(as_call(info)->flinfo->fn_oid);
    body(call);
  } catch (const ServerError& error) {
    outcome.kind = Outcome::Kind::server;
    outcome.server_error = hand_over(error);
  } catch (const Cancelled&) {
    outcome.kind = Outcome::Kind::cancelled;
  } catch (const core::Error& error) {
    outcome.set(error.sqlstate(), error.what(), error.detail().c_str(), error.hint().c_str());
  } catch (const std::bad_alloc&) {
    outcome.set(core::sqlstate::out_of_memory, "out of memory", "",
                "Lower portfolio_batch.max_memory or process less.");
  } catch (const std::invalid_argument& error) {
    outcome.set(core::sqlstate::invalid_parameter, error.what());
  } catch (const std::domain_error& error) {
    outcome.set(core::sqlstate::data_exception, error.what());
  } catch (const std::range_error& error) {
    outcome.set(core::sqlstate::out_of_range, error.what());
  } catch (const std::overflow_error& error) {
    outcome.set(core::sqlstate::out_of_range, error.what());
  } catch (const std::exception& error) {
    outcome.set(core::sqlstate::internal_error, error.what());
  } catch (...) {
    outcome.set(core::sqlstate::internal_error, "unknown C++ exception");
  }
}

// Whether an error says by itself all there is to say: one that a function of ours raised, in C++ (below, by the name
// of this file) or in PL/pgSQL, a refused permission, and a cancel. Where in our functions it arose tells the caller
// nothing then. Of others it is kept, since it is what a report of the fault needs.
bool explains_itself(const ErrorData& error) {
  if (error.sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE ||
      ERRCODE_TO_CATEGORY(error.sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
    return true;
  if (error.filename == nullptr || error.funcname == nullptr || error.context == nullptr) return false;
  const std::string_view function = error.funcname, file = error.filename;
  if (function == "raise" && file.ends_with("function.cpp")) return true;
  const std::string_view context = error.context;
  return function == "exec_stmt_raise" &&
         context.substr(0, context.find('\n')).find(" _portfolio_batch.") != std::string_view::npos;
}

[[noreturn]] void raise(const Outcome& outcome) {
  if (outcome.kind == Outcome::Kind::server) {
    ErrorData& error = *outcome.server_error;
    if (explains_itself(error)) {
      // It is ours from here on, by which a function of ours further up knows it.
      error.context = nullptr;
      error.filename = __FILE__;
      error.lineno = __LINE__;
      error.funcname = __func__;
    }
    // Unlike ReThrowError, this adds where the caller is.
    ThrowErrorData(outcome.server_error);
    pg_unreachable();
  }
  if (outcome.kind == Outcome::Kind::cancelled) {
    CHECK_FOR_INTERRUPTS();
    ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED), errmsg("calculation canceled")));
  }
  ereport(ERROR, (errcode(outcome.sqlstate), errmsg("%s", outcome.message),
                  outcome.detail[0] != 0 ? errdetail("%s", outcome.detail) : 0,
                  outcome.hint[0] != 0 ? errhint("%s", outcome.hint) : 0));
  pg_unreachable();
}

// Outside the class, whose member "text" would hide the server's type of that name.
std::string_view text_view(Datum value) {
  const auto* unpacked = pg_call([&] { return DatumGetTextPP(value); });
  return {VARDATA_ANY(unpacked), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(unpacked))};
}

const char* library_of(Oid function) {
  HeapTuple row = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
  if (!HeapTupleIsValid(row)) elog(ERROR, "the called function is not in pg_proc");
  bool is_null = false;
  const Datum path = SysCacheGetAttr(PROCOID, row, Anum_pg_proc_probin, &is_null);
  const char* name = is_null ? "" : TextDatumGetCString(path);
  ReleaseSysCache(row);
  return name;
}

// The function that another one stands before, found once for each place in a statement that calls it.
FmgrInfo* function_behind(FmgrInfo* front, const char* schema, const char* suffix) {
  if (front->fn_extra != nullptr) return static_cast<FmgrInfo*>(front->fn_extra);
  HeapTuple row = SearchSysCache1(PROCOID, ObjectIdGetDatum(front->fn_oid));
  if (!HeapTupleIsValid(row)) elog(ERROR, "the called function is not in pg_proc");
  const auto* form = reinterpret_cast<Form_pg_proc>(GETSTRUCT(row));
  List* name = list_make2(makeString(pstrdup(schema)), makeString(psprintf("%s%s", NameStr(form->proname), suffix)));
  const Oid behind = LookupFuncName(name, form->pronargs, form->proargtypes.values, false);
  ReleaseSysCache(row);
  auto* found = static_cast<FmgrInfo*>(MemoryContextAllocZero(front->fn_mcxt, sizeof(FmgrInfo)));
  fmgr_info_cxt(behind, found, front->fn_mcxt);
  fmgr_info_set_expr(front->fn_expr, found);
  front->fn_extra = found;
  return found;
}

std::string argument_name(int index) { return "argument " + std::to_string(index + 1); }

[[noreturn]] void refuse_null_element(int index, const std::string& detail = "") {
  throw core::Error("22004", argument_name(index) + " must not contain NULL", detail);
}

ArrayType* array_argument(void* info, int index) {
  return pg_call([&] { return DatumGetArrayTypeP(argument(info, index)); });
}

std::size_t element_count(ArrayType* array) {
  return static_cast<std::size_t>(ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)));
}

void require_dimensions(ArrayType* array, int index, int most, const char* shape) {
  if (ARR_NDIM(array) <= most) return;
  throw core::Error(core::sqlstate::invalid_parameter, argument_name(index) + " must be " + shape,
                    "It has " + std::to_string(ARR_NDIM(array)) + " dimensions.");
}

// An array of one dimension, without NULLs; where it begins to count does not matter.
ArrayType* list_argument(void* info, int index) {
  ArrayType* array = array_argument(info, index);
  require_dimensions(array, index, 1, "an array of one dimension");
  if (array_contains_nulls(array)) refuse_null_element(index);
  return array;
}

// "Element [3][2]", counted from 1.
std::string element_name(ArrayType* array, std::size_t at) {
  std::string name = "Element ";
  std::size_t remaining = element_count(array);
  for (int i = 0; i < ARR_NDIM(array); ++i) {
    remaining /= static_cast<std::size_t>(ARR_DIMS(array)[i]);
    name += "[" + std::to_string(at / remaining + 1) + "]";
    at %= remaining;
  }
  return name;
}

void require_finite(double value, ArrayType* array, int index, std::size_t at) {
  if (std::isfinite(value)) return;
  const char* name = std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  throw core::Error(core::sqlstate::invalid_parameter, argument_name(index) + " must contain finite numbers only",
                    element_name(array, at) + " is " + name + ".");
}

// A NULL takes no room among the elements.
std::vector<double> float8_elements(ArrayType* array, int index, Nulls nulls) {
  const std::size_t count = element_count(array);
  std::vector<double> values;
  values.reserve(count);
  const bits8* present = ARR_NULLBITMAP(array);
  const char* next = ARR_DATA_PTR(array);
  core::in_steps(static_cast<std::ptrdiff_t>(count), 4, poll, [&](std::ptrdiff_t first, std::ptrdiff_t step) {
    values.resize(static_cast<std::size_t>(first + step), std::numeric_limits<double>::quiet_NaN());
    for (auto i = static_cast<std::size_t>(first); i < values.size(); ++i) {
      if (present != nullptr && (present[i / 8] & (1 << (i % 8))) == 0) {
        if (nulls == Nulls::refused) refuse_null_element(index, element_name(array, i) + " is NULL.");
        continue;
      }
      std::memcpy(&values[i], next, sizeof(double));
      require_finite(values[i], array, index, i);
      next += sizeof(double);
    }
  });
  return values;
}

// Elements of a type without a length of its own, none of them NULL.
template <class T>
std::vector<T> plain_elements(ArrayType* array) {
  std::vector<T> values;
  values.reserve(element_count(array));
  const auto* from = reinterpret_cast<const T*>(ARR_DATA_PTR(array));
  core::in_steps(static_cast<std::ptrdiff_t>(element_count(array)), 4, poll,
                 [&](std::ptrdiff_t first, std::ptrdiff_t step) {
                   values.insert(values.end(), from + first, from + first + step);
                 });
  return values;
}

}  // namespace

std::uintptr_t enter(void* info, void (*body)(Call&)) {
  sigjmp_buf* handler = PG_exception_stack;
  ErrorContextCallback* callbacks = error_context_stack;
  MemoryContext context = CurrentMemoryContext;
  // So that the context of an error that arises below is that of our own functions, which raise() may leave out.
  error_context_stack = nullptr;
  Call call(info);
  Outcome outcome;
  run(info, call, body, outcome);
  call.end_work();
  PG_exception_stack = handler;
  error_context_stack = callbacks;
  // Every C++ object of the call is gone; what follows may jump.
  if (outcome.kind == Outcome::Kind::ok) return call.result();
  MemoryContextSwitchTo(context);
  raise(outcome);
}

int Call::argument_count() const { return as_call(info_)->nargs; }
bool Call::is_null(int index) const { return as_call(info_)->args[index].isnull; }

std::optional<bool> Call::boolean(int index) const {
  return is_null(index) ? std::nullopt : std::optional(DatumGetBool(argument(info_, index)));
}

std::optional<std::int32_t> Call::int4(int index) const {
  return is_null(index) ? std::nullopt : std::optional(DatumGetInt32(argument(info_, index)));
}

std::optional<std::int64_t> Call::int8(int index) const {
  return is_null(index) ? std::nullopt : std::optional<std::int64_t>(DatumGetInt64(argument(info_, index)));
}

std::optional<double> Call::float8(int index) const {
  return is_null(index) ? std::nullopt : std::optional(DatumGetFloat8(argument(info_, index)));
}

std::optional<core::Date> Call::date(int index) const {
  if (is_null(index)) return std::nullopt;
  const DateADT value = DatumGetDateADT(argument(info_, index));
  if (DATE_NOT_FINITE(value))
    throw core::Error(core::sqlstate::date_out_of_range, argument_name(index) + " must be a finite date");
  return core::Date(std::chrono::days(value + epoch_offset_days));
}

std::optional<core::Uuid> Call::uuid(int index) const {
  if (is_null(index)) return std::nullopt;
  core::Uuid id;
  std::memcpy(id.bytes.data(), DatumGetUUIDP(argument(info_, index))->data, UUID_LEN);
  return id;
}

std::optional<std::string> Call::text(int index) const {
  if (is_null(index)) return std::nullopt;
  return std::string(text_view(argument(info_, index)));
}

std::optional<std::vector<core::Uuid>> Call::uuids(int index) const {
  if (is_null(index)) return std::nullopt;
  return plain_elements<core::Uuid>(list_argument(info_, index));
}

std::optional<std::vector<std::string>> Call::texts(int index) const {
  if (is_null(index)) return std::nullopt;
  struct Elements {
    Datum* values;
    int count;
  };
  ArrayType* array = list_argument(info_, index);
  const Elements elements = pg_call([&] {
    Elements result{};
    deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &result.values, nullptr, &result.count);
    return result;
  });
  std::vector<std::string> texts;
  for (int i = 0; i < elements.count; ++i) {
    if (i % 1024 == 0) poll();
    texts.emplace_back(text_view(elements.values[i]));
  }
  return texts;
}

std::optional<std::vector<std::int32_t>> Call::int4s(int index) const {
  if (is_null(index)) return std::nullopt;
  return plain_elements<std::int32_t>(list_argument(info_, index));
}

std::optional<std::vector<double>> Call::float8s(int index, MemoryBudget& budget, Nulls nulls) const {
  if (is_null(index)) return std::nullopt;
  ArrayType* array = array_argument(info_, index);
  require_dimensions(array, index, 1, "an array of one dimension");
  budget.take(element_count(array), 1, sizeof(double), argument_name(index));
  return float8_elements(array, index, nulls);
}

std::optional<Float8Matrix> Call::float8_matrix(int index, MemoryBudget& budget, Nulls nulls) const {
  if (is_null(index)) return std::nullopt;
  ArrayType* array = array_argument(info_, index);
  require_dimensions(array, index, 2, "an array of one or two dimensions");
  Float8Matrix matrix;
  if (ARR_NDIM(array) == 0) return matrix;
  matrix.rows = ARR_DIMS(array)[0];
  matrix.columns = ARR_NDIM(array) == 2 ? ARR_DIMS(array)[1] : 1;
  budget.take(static_cast<std::size_t>(matrix.rows), static_cast<std::size_t>(matrix.columns), sizeof(double),
              argument_name(index));
  matrix.values = float8_elements(array, index, nulls);
  return matrix;
}

bool Call::may_commit() const {
  const Node* context = as_call(info_)->context;
  return context != nullptr && IsA(context, CallContext) && !reinterpret_cast<const CallContext*>(context)->atomic;
}

void Call::call_procedure(const std::string& schema, const std::string& name,
                          std::optional<core::Date> argument) const {
  const DateADT day = argument ? static_cast<DateADT>(argument->time_since_epoch().count()) - epoch_offset_days : 0;
  pg_call([&] {
    FunctionCallInfo front = as_call(info_);
    const char* signature = psprintf("%s(pg_catalog.date)", quote_qualified_identifier(schema.c_str(), name.c_str()));
    const Oid found = DatumGetObjectId(DirectFunctionCall1(regprocedurein, CStringGetDatum(signature)));
    // It lives as long as the call: what the procedure commits does not end it.
    auto* procedure = static_cast<FmgrInfo*>(MemoryContextAllocZero(front->flinfo->fn_mcxt, sizeof(FmgrInfo)));
    fmgr_info_cxt(found, procedure, front->flinfo->fn_mcxt);
    LOCAL_FCINFO(behind, 1);
    InitFunctionCallInfoData(*behind, procedure, 1, InvalidOid, front->context, nullptr);
    behind->args[0] = {DateADTGetDatum(day), !argument};
    FunctionCallInvoke(behind);
  });
}

void Call::begin_work() const {
  if (!work_) work_ = std::make_unique<Work>();
}

void Call::begin_work(const std::string& schema, const std::string& table) const {
  if (!work_) work_ = std::make_unique<Work>(schema, table);
}

std::string Call::own_schema() const {
  const char* name = pg_call([&] {
    const Oid function = as_call(info_)->flinfo->fn_oid;
    const Extension extension = extension_of(function);
    return get_namespace_name(extension.name != nullptr ? extension.schema : get_func_namespace(function));
  });
  return name;
}

std::string Call::own_library() const {
  const char* name = pg_call([&] { return library_of(as_call(info_)->flinfo->fn_oid); });
  return name;
}

void Call::return_null() { as_call(info_)->isnull = true; }
void Call::return_bool(bool value) { result_ = BoolGetDatum(value); }
void Call::return_int8(std::int64_t value) { result_ = Int64GetDatum(value); }

void Call::return_float8(double value) {
  if (std::isfinite(value))
    result_ = Float8GetDatum(value);
  else
    return_null();
}

void Call::return_float8s(const std::vector<double>& values) {
  result_ = pg_call([&] { return float8_array_datum(values.data(), values.size()); });
}

void Call::return_date(std::optional<core::Date> value) {
  if (!value) return return_null();
  result_ = DateADTGetDatum(static_cast<DateADT>(value->time_since_epoch().count()) - epoch_offset_days);
}

void Call::return_name(const std::string& value) {
  result_ = pg_call([&] { return DirectFunctionCall1(namein, CStringGetDatum(value.c_str())); });
}

void Call::return_text(const std::string& value) {
  result_ = pg_call([&] { return PointerGetDatum(cstring_to_text(value.c_str())); });
}

void Call::return_rows(const RowBuffer& rows) {
  pg_call([&] {
    // With the row type that the query expects: a function of one column is a set of scalars and has none of its own.
    InitMaterializedSRF(as_call(info_), MAT_SRF_USE_EXPECTED_DESC);
    auto* result = reinterpret_cast<ReturnSetInfo*>(as_call(info_)->resultinfo);
    TupleDesc declared = result->setDesc;
    if (declared->natts != static_cast<int>(rows.columns().size()))
      ereport(ERROR,
              (errcode(ERRCODE_DATATYPE_MISMATCH), errmsg("function is declared with %d result columns, not %d",
                                                          declared->natts, static_cast<int>(rows.columns().size()))));
    for (int i = 0; i < declared->natts; ++i)
      if (TupleDescAttr(declared, i)->atttypid != type_oid(rows.columns()[static_cast<std::size_t>(i)].type))
        ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                        errmsg("result column \"%s\" is declared with another type than the function returns",
                               NameStr(TupleDescAttr(declared, i)->attname))));
    put_rows(result->setResult, declared, rows);
  });
  return_null();
}

void Call::return_result_of(const std::string& schema, const std::string& suffix) {
  result_ = pg_call([&] {
    FunctionCallInfo front = as_call(info_);
    FmgrInfo* function = function_behind(front->flinfo, schema.c_str(), suffix.c_str());
    if (front->resultinfo != nullptr && IsA(front->resultinfo, ReturnSetInfo))
      // Row by row, the rest would be computed when the work is over.
      reinterpret_cast<ReturnSetInfo*>(front->resultinfo)->allowedModes |= SFRM_Materialize_Preferred;
    LOCAL_FCINFO(behind, FUNC_MAX_ARGS);
    InitFunctionCallInfoData(*behind, function, front->nargs, front->fncollation, front->context, front->resultinfo);
    for (int i = 0; i < front->nargs; ++i) behind->args[i] = front->args[i];
    const Datum result = FunctionCallInvoke(behind);
    front->isnull = behind->isnull;
    return result;
  });
}

}  // namespace pb::pg

extern "C" {

PB_MODULE_MAGIC("portfolio_batch", PB_VERSION);

// The server calls it by this name.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
PGDLLEXPORT void _PG_init(void);

void _PG_init(void) { pb::pg::on_load(); }
}
