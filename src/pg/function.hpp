// How a C++ function becomes an SQL function. Rooms other than src/pg see plain types only.
#pragma once
#include "core/no_postgres.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/calendar/date.hpp"
#include "core/text/uuid.hpp"
#include "pg/memory.hpp"
#include "pg/rows.hpp"
#include "pg/work.hpp"

namespace pb::pg {

// What becomes of NULL elements of an array of numbers.
enum class Nulls { refused, as_nan };

// One call from SQL: its arguments by position, and where its result goes.
class Call {
 public:
  explicit Call(void* info) noexcept : info_(info) {}

  int argument_count() const;
  bool is_null(int argument) const;
  std::optional<bool> boolean(int argument) const;
  std::optional<std::int32_t> int4(int argument) const;
  std::optional<std::int64_t> int8(int argument) const;
  std::optional<double> float8(int argument) const;
  std::optional<core::Date> date(int argument) const;
  std::optional<core::Uuid> uuid(int argument) const;
  std::optional<std::string> text(int argument) const;
  // Arrays may not hold NULLs: an element that is NULL is an error that names the argument's position.
  std::optional<std::vector<core::Uuid>> uuids(int argument) const;
  std::optional<std::vector<std::string>> texts(int argument) const;
  std::optional<std::vector<std::int32_t>> int4s(int argument) const;
  // Arrays of finite numbers, whose memory is counted before it is taken. 22004 for a NULL element unless it stands for
  // a missing number; 22023 for one that is NaN or infinite, and for too many dimensions. A matrix of one dimension is
  // a column.
  std::optional<std::vector<double>> float8s(int argument, MemoryBudget& budget, Nulls nulls = Nulls::refused) const;
  std::optional<Float8Matrix> float8_matrix(int argument, MemoryBudget& budget, Nulls nulls = Nulls::refused) const;

  // From here to the end of the call, the statements that it sends run as Work says: with our settings, and the second
  // way as the owner of the table where the caller is a superuser and the owner is none. Again: no change.
  void begin_work() const;
  void begin_work(const std::string& schema, const std::string& table) const;
  void end_work() const noexcept { work_.reset(); }

  // Whether the called procedure may commit: it was called outside of a transaction block.
  bool may_commit() const;

  // Calls the procedure of this schema and name that takes a date, as if it had been called in the place of this one:
  // it may commit as this one may. No work may be alive. Its errors leave a transaction that has to be rolled back.
  void call_procedure(const std::string& schema, const std::string& name, std::optional<core::Date> argument) const;

  // The schema of the extension, whichever of its schemas the called function is in.
  std::string own_schema() const;
  // The library that holds its code, as the server looks it up.
  std::string own_library() const;

  void return_null();
  void return_bool(bool value);
  void return_int8(std::int64_t value);
  void return_float8(double value);                        // NULL when not finite
  void return_float8s(const std::vector<double>& values);  // elements NULL where not finite
  void return_date(std::optional<core::Date> value);
  void return_name(const std::string& value);
  void return_text(const std::string& value);
  // The whole result of a set-returning function; its columns must have the declared types.
  void return_rows(const RowBuffer& rows);
  // What the function of the given schema gives that is named as the called one with the suffix, for the same
  // arguments.
  void return_result_of(const std::string& schema, const std::string& suffix);

  std::uintptr_t result() const noexcept { return result_; }

 private:
  void* info_;
  std::uintptr_t result_ = 0;
  mutable std::unique_ptr<Work> work_;
};

// The record by which the server learns a function's calling convention; the same layout as the server's own, which
// src/pg/function.cpp asserts.
struct FunctionInfo {
  int api_version;
};
inline constexpr FunctionInfo version_1{1};

// Runs the body for one call: C++ exceptions become server errors after every destructor has run.
std::uintptr_t enter(void* info, void (*body)(Call&));

}  // namespace pb::pg

#define PB_EXPORT __attribute__((visibility("default")))

// Defines the SQL-callable C symbol and opens its body: PB_FUNCTION(pb_price_asof) { ... uses `call` ... }
#define PB_FUNCTION(symbol)                                                                    \
  static void symbol##_body(pb::pg::Call& call);                                               \
  extern "C" {                                                                                 \
  PB_EXPORT const pb::pg::FunctionInfo* pg_finfo_##symbol(void) { return &pb::pg::version_1; } \
  PB_EXPORT std::uintptr_t symbol(void* info) { return pb::pg::enter(info, symbol##_body); }   \
  }                                                                                            \
  static void symbol##_body([[maybe_unused]] pb::pg::Call& call)
