// SQL functions that drive the bridge of src/pg by itself: errors, interrupts, memory, rows, writing.
#include <sys/timerfd.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/error.hpp"
#include "pg/columns.hpp"
#include "pg/function.hpp"
#include "pg/interrupts.hpp"
#include "pg/memory.hpp"
#include "pg/module.hpp"
#include "pg/query.hpp"
#include "pg/settings.hpp"
#include "pg/subtransaction.hpp"
#include "pg/time_zone.hpp"
#include "pg/wait.hpp"
#include "pg/writer.hpp"

using pb::pg::nullable;
using pb::pg::RowBuffer;
using pb::pg::Type;

namespace {

// What is alive on the C++ heap when an error passes: counted, so that a skipped destructor shows.
std::int64_t living = 0;

class Witness {
 public:
  Witness() : memory_(8192, 'x') { ++living; }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { --living; }

 private:
  std::vector<char> memory_;
};

std::vector<pb::pg::ColumnDef> every_type() {
  return {{"a_boolean", Type::boolean},
          {"an_int4", Type::int4},
          {"an_int8", Type::int8},
          {"a_float8", Type::float8},
          {"money", Type::money},
          {"a_date", Type::date},
          {"a_timestamptz", Type::timestamptz},
          {"an_interval", Type::interval},
          {"a_time", Type::time},
          {"a_text", Type::text},
          {"a_jsonb", Type::jsonb},
          {"a_uuid", Type::uuid},
          {"float8s", Type::float8_array},
          {"numerics", Type::numeric_array},
          {"int4s", Type::int4_array},
          {"int8s", Type::int8_array},
          {"dates", Type::date_array},
          {"texts", Type::text_array},
          {"uuids", Type::uuid_array}};
}

pb::core::Uuid counting_uuid(unsigned char first) {
  pb::core::Uuid id;
  for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<unsigned char>(first + i);
  return id;
}

pb::core::Date day(int days_since_1970) { return pb::core::Date(std::chrono::days(days_since_1970)); }

void add_ordinary_row(RowBuffer& rows) {
  const std::vector<double> numbers{1.5, std::numeric_limits<double>::quiet_NaN(), 0.1};
  const pb::pg::Numerics decimals{{0.1, std::numeric_limits<double>::infinity(), -123456789.123456}};
  const std::vector<std::int32_t> integers{1, -2, 2147483647};
  const std::vector<std::optional<pb::core::Money>> amounts{pb::core::Money{-12345678}, std::nullopt};
  const std::vector<std::optional<pb::core::Date>> days{day(19723), std::nullopt, day(-1)};
  const std::vector<std::optional<std::string>> texts{"plain",      "",         "NULL", "comma, \"quote\" \\ {brace}",
                                                      std::nullopt, "žluťoučký"};
  const std::vector<pb::core::Uuid> ids{counting_uuid(0), counting_uuid(240)};
  rows.add(true).add(std::int32_t{-42}).add(std::int64_t{1} << 40).add(0.1).add(pb::core::Money{-12345678});
  rows.add(day(19723)).add(std::int64_t{1704067200123456}).add(std::int64_t{3661000001}).add(std::int64_t{34200000000});
  rows.add("na\xc3\xafve").add(R"({"b": [1, null], "a": "x"})").add(counting_uuid(16));
  rows.add(std::span<const double>(numbers)).add(decimals).add(std::span<const std::int32_t>(integers));
  rows.add(std::span<const std::optional<pb::core::Money>>(amounts));
  rows.add(std::span<const std::optional<pb::core::Date>>(days));
  rows.add(std::span<const std::optional<std::string>>(texts)).add(std::span<const pb::core::Uuid>(ids));
}

// The ends of the ranges, days before the server's epoch and before 1970, and everything empty.
void add_extreme_row(RowBuffer& rows) {
  rows.add(false).add(std::numeric_limits<std::int32_t>::min()).add(std::numeric_limits<std::int64_t>::max());
  rows.add(std::numeric_limits<double>::denorm_min()).add(pb::core::Money{std::numeric_limits<std::int64_t>::max()});
  rows.add(day(-1)).add(std::int64_t{-1}).add(std::int64_t{-1}).add(std::int64_t{0});
  rows.add("").add("{}").add(counting_uuid(0));
  const std::vector<std::int64_t> largest{std::numeric_limits<std::int64_t>::max()};
  rows.add(std::span<const double>()).add(pb::pg::Numerics{}).add(std::span<const std::int32_t>());
  rows.add(std::span<const std::int64_t>(largest)).add(std::span<const std::optional<pb::core::Date>>());
  rows.add(std::span<const std::string>()).add(std::span<const pb::core::Uuid>());
}

void add_null_row(RowBuffer& rows) {
  for (std::size_t i = 0; i < rows.columns().size(); ++i) rows.null();
}

// A number that is not finite arrives as NULL; so does an absent optional.
void add_not_finite_row(RowBuffer& rows, double number) {
  rows.add(std::optional<bool>()).add(std::optional<std::int32_t>()).add(std::optional<std::int64_t>()).add(number);
  for (std::size_t i = 4; i < rows.columns().size(); ++i) rows.null();
}

[[noreturn]] void raise(const std::string& kind) {
  if (kind == "bad_alloc") throw std::bad_alloc();
  if (kind == "length_error") std::vector<char>().reserve(std::numeric_limits<std::size_t>::max());
  if (kind == "invalid_argument") throw std::invalid_argument("not a valid argument");
  if (kind == "domain_error") throw std::domain_error("outside the domain");
  if (kind == "range_error") throw std::range_error("out of range");
  if (kind == "overflow_error") throw std::overflow_error("too large");
  if (kind == "runtime_error") throw std::runtime_error("100 % unexpected %s %n");
  if (kind == "error")
    throw pb::core::Error("PB001", "too few observations", "There are 3 of 60 needed.", "Load more prices.");
  if (kind.starts_with("long_error")) {
    // Characters of one, two and three bytes behind a prefix, so that some prefix has each text cut inside of one.
    std::string text(static_cast<std::size_t>(kind.back() - '0'), '.');
    while (text.size() < 20000) text += "a\xc3\xa9\xe2\x82\xac";
    throw pb::core::Error("PB001", text, text, text);
  }
  throw 42;
}

}  // namespace

PB_FUNCTION(pb_test_sql) {
  const Witness witness;
  call.return_int8(pb::pg::execute(call.text(0).value()));
}

// Runs the statement so many times, each isolated; returns how many failed.
PB_FUNCTION(pb_test_caught) {
  const std::string sql = call.text(0).value();
  const std::int32_t times = call.int4(1).value();
  std::int64_t failed = 0;
  for (std::int32_t i = 0; i < times; ++i)
    failed += pb::pg::isolate([&] {
                const Witness witness;
                pb::pg::execute(sql);
              }).has_value();
  call.return_int8(failed);
}

// What an isolated failure says of itself: one row (sqlstate, message, detail, hint), or none when it succeeded.
PB_FUNCTION(pb_test_failure) {
  const std::string sql = call.text(0).value();
  const auto failure = pb::pg::isolate([&] {
    const Witness witness;
    if (sql.starts_with("throw ")) raise(sql.substr(6));
    pb::pg::execute(sql);
  });
  RowBuffer rows({{"sqlstate", Type::text}, {"message", Type::text}, {"detail", Type::text}, {"hint", Type::text}});
  if (failure) rows.add(failure->sqlstate).add(failure->message).add(failure->detail).add(failure->hint);
  call.return_rows(rows);
}

PB_FUNCTION(pb_test_throw) {
  const Witness witness;
  raise(call.text(0).value());
}

// A callback that throws while the executor is running below it.
PB_FUNCTION(pb_test_throw_in_callback) {
  const Witness witness;
  const std::string kind = call.text(1).value();
  pb::pg::each_row(call.text(0).value(), {}, {nullable(Type::int4)}, [&](const pb::pg::RowView&) {
    const Witness inner;
    raise(kind);
  });
}

// Computes for so many seconds without a call into the server, except for the poll.
PB_FUNCTION(pb_test_spin) {
  using clock = std::chrono::steady_clock;
  const Witness witness;
  const auto end =
      clock::now() + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>(call.float8(0).value()));
  double sum = 0;
  for (std::int64_t step = 1;; ++step) {
    sum += std::sqrt(static_cast<double>(step));
    if (step % 4096 != 0) continue;
    pb::pg::poll();
    if (clock::now() >= end) break;
  }
  call.return_float8(sum);
}

// Objects of this module that are still alive in this backend: 0 when every destructor has run.
// Waits so many seconds for a descriptor that says something after so many; returns how long that took.
PB_FUNCTION(pb_test_wait_for) {
  using clock = std::chrono::steady_clock;
  const Witness witness;
  const auto start = clock::now();
  const auto passed = [&] { return std::chrono::duration<double>(clock::now() - start).count(); };
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  const std::unique_ptr<const int, void (*)(const int*)> closer(&timer, [](const int* open) { close(*open); });
  const double said = call.float8(1).value();
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(said);
  when.it_value.tv_nsec = static_cast<long>((said - std::floor(said)) * 1e9);
  timerfd_settime(timer, 0, &when, nullptr);
  std::uint64_t times = 0;
  while (passed() < call.float8(0).value() && read(timer, &times, sizeof times) < 0)
    pb::pg::wait_for(timer, static_cast<int>(1000 * (call.float8(0).value() - passed())));
  call.return_float8(passed());
}
PB_FUNCTION(pb_test_local_date) { call.return_date(pb::pg::local_date(call.int8(0).value(), call.text(1).value())); }
PB_FUNCTION(pb_test_start_of_day) {
  const auto instant = pb::pg::start_of_day(call.date(0).value(), call.text(1).value());
  if (instant)
    call.return_int8(*instant);
  else
    call.return_null();
}
PB_FUNCTION(pb_test_living) { call.return_int8(living); }

PB_FUNCTION(pb_test_roundtrip) {
  const std::string kind = call.text(0).value();
  RowBuffer rows(every_type());
  if (kind == "ordinary") add_ordinary_row(rows);
  if (kind == "extreme") add_extreme_row(rows);
  if (kind == "null") add_null_row(rows);
  if (kind == "nan") add_not_finite_row(rows, std::numeric_limits<double>::quiet_NaN());
  if (kind == "infinity") add_not_finite_row(rows, -std::numeric_limits<double>::infinity());
  if (kind == "bad_json") {
    add_null_row(rows);
    rows = RowBuffer(every_type());
    for (int i = 0; i < 10; ++i) rows.null();
    rows.add("{not json");
    for (std::size_t i = 11; i < rows.columns().size(); ++i) rows.null();
  }
  if (kind == "many")
    for (int i = 0; i < 5000; ++i) add_ordinary_row(rows);
  call.return_rows(rows);
}

// Sends the values as parameters, reads them back row by row, and returns what came back.
PB_FUNCTION(pb_test_parameters) {
  pb::pg::Args args{Type::boolean, Type::int4,        Type::int8, Type::float8, Type::money,
                    Type::date,    Type::timestamptz, Type::text, Type::uuid};
  const bool null = call.boolean(0).value();
  if (null)
    for (int i = 0; i < 9; ++i) args.null();
  else
    args.add(true)
        .add(std::int32_t{-42})
        .add(std::int64_t{1} << 40)
        .add(0.1)
        .add(pb::core::Money{-12345678})
        .add(day(-1))
        .add(std::int64_t{-1})
        .add("na\xc3\xafve")
        .add(counting_uuid(16));
  RowBuffer rows({{"a_boolean", Type::boolean},
                  {"an_int4", Type::int4},
                  {"an_int8", Type::int8},
                  {"a_float8", Type::float8},
                  {"money", Type::money},
                  {"a_date", Type::date},
                  {"a_timestamptz", Type::timestamptz},
                  {"a_text", Type::text},
                  {"a_uuid", Type::uuid}});
  pb::pg::each_row("SELECT $1, $2, $3, $4, ($5 * 10000)::bigint, $6, $7, $8, $9 FROM generate_series(1, 2)", args,
                   {nullable(Type::boolean), nullable(Type::int4), nullable(Type::int8), nullable(Type::float8),
                    nullable(Type::int8), nullable(Type::date), nullable(Type::timestamptz), nullable(Type::text),
                    nullable(Type::uuid)},
                   [&](const pb::pg::RowView& row) {
                     rows.add(row.boolean(0)).add(row.int4(1)).add(row.int8(2)).add(row.float8(3));
                     rows.add(row.money_or_null(4)).add(row.date_or_null(5));
                     if (row.is_null(6))
                       rows.null();
                     else
                       rows.add(row.timestamptz(6));
                     rows.add_text_or_null(row.text(7)).add(row.uuid_or_null(8));
                   });
  call.return_rows(rows);
}

// Reads a statement as (int4, text), whatever it returns; the number of rows, or an error when the types differ.
PB_FUNCTION(pb_test_read) {
  std::int64_t rows = 0;
  pb::pg::each_row(
      call.text(0).value(), {}, {nullable(Type::int4), nullable(Type::text)},
      [&](const pb::pg::RowView& row) { rows += row.int4(0) == static_cast<std::int32_t>(row.text(1).size()); });
  call.return_int8(rows);
}

// Reads a statement as (int4 that must be there, date that need not): the sum of the numbers.
PB_FUNCTION(pb_test_read_required) {
  std::int64_t sum = 0;
  pb::pg::each_row(call.text(0).value(), {}, {pb::pg::required(Type::int4, "things.number"), nullable(Type::date)},
                   [&](const pb::pg::RowView& row) { sum += row.int4(0) + (row.date_or_null(1) ? 100 : 0); });
  call.return_int8(sum);
}

// Reads a date as if it could not be NULL although it was not declared so.
PB_FUNCTION(pb_test_read_carelessly) {
  pb::pg::each_row(call.text(0).value(), {}, {nullable(Type::date)}, [](const pb::pg::RowView& row) { row.date(0); });
  call.return_null();
}

// Runs a statement under our settings instead of the caller's, as the owner of a table where the caller is a superuser
// and the owner is none.
PB_FUNCTION(pb_test_work) {
  call.begin_work(call.text(0).value(), call.text(1).value());
  call.return_int8(pb::pg::execute(call.text(2).value()));
}

// Writes one row per name into a table (group_id int4, name text, value float8, labels text[], run_id, created_at,
// revision), key (group_id, name); with replace, the group's other rows go; with rewrite, unchanged rows are written
// too. The run is no change of its own. Returns the rows written.
PB_FUNCTION(pb_test_upsert) {
  const std::int32_t group = call.int4(1).value();
  const auto names = call.texts(2).value();
  const auto value = call.float8(3);
  const auto run_id = call.int8(4);
  using Name = std::string;
  const std::vector<pb::pg::Column<Name>> columns{
      pb::pg::column<Name>("group_id", [group](const Name&) { return group; }),
      pb::pg::column<Name>("name", [](const Name& name) { return name; }),
      pb::pg::column<Name>("value", [value](const Name&) { return value; }),
      pb::pg::column<Name>("labels",
                           [group](const Name& name) {
                             return std::vector<std::string>{name, "group " + std::to_string(group)};
                           }),
      pb::pg::column<Name>("run_id", [run_id](const Name&) { return run_id; }),
  };
  const RowBuffer rows = pb::pg::as_rows(columns, std::span<const Name>(names));
  pb::pg::Target target{.table = call.text(0).value(),
                        .keys = {"group_id", "name"},
                        .stamped = {"run_id"},
                        .also_on_change = "created_at = excluded.created_at, revision = t.revision + 1",
                        .rewrite = call.boolean(6).value()};
  if (!call.boolean(5).value()) return call.return_int8(pb::pg::upsert(target, rows));
  target.scope = "t.group_id = $2";
  target.replaces_scope = true;
  call.return_int8(pb::pg::upsert(target, rows, pb::pg::Args{Type::int4}.add(group)));
}

// Sends so many rows (n, a text of so many bytes) through a statement that inserts them into a table (n int4, value
// text); returns the rows processed.
PB_FUNCTION(pb_test_with_rows) {
  const std::string table = call.text(0).value();
  const std::int32_t count = call.int4(1).value();
  const std::string text(static_cast<std::size_t>(call.int4(2).value()), 'x');
  RowBuffer rows({{"n", Type::int4}, {"value", Type::text}});
  for (std::int32_t n = 1; n <= count; ++n) rows.add(n).add(text);
  call.return_int8(pb::pg::execute_with_rows("INSERT INTO " + table + " SELECT n.n, n.value || $2 FROM {rows} n", table,
                                             rows, pb::pg::Args{Type::text}.add("!")));
}

// Counts a matrix of doubles, taken once, against portfolio_batch.max_memory; returns the bytes.
PB_FUNCTION(pb_test_budget) {
  pb::pg::MemoryBudget budget(std::get<std::size_t>(pb::pg::setting_value(0)));
  budget.take(static_cast<std::size_t>(call.int8(0).value()), static_cast<std::size_t>(call.int8(1).value()),
              sizeof(double), "the test matrix");
  call.return_int8(static_cast<std::int64_t>(budget.taken()));
}

namespace pb::pg {

void on_load() {
  constexpr int default_kb = 512 * 1024;
  define_settings(std::vector<Setting>{{"portfolio_batch.max_memory", Memory{default_kb, 1024}, "Of the test matrix."}},
                  "portfolio_batch");
}

}  // namespace pb::pg
