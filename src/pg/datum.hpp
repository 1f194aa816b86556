// Conversions between plain values and the server's Datums, for the sources of src/pg only. Everything here may
// raise a server error, so it runs inside pg_call and holds no destructors.
#pragma once

#include "pg/server.hpp"

#include "pg/args.hpp"
#include "pg/rows.hpp"

namespace pb::pg {

Oid type_oid(Type type);

// Days between the Unix epoch, where C++ counts from, and 2000-01-01, where the server counts from.
inline constexpr int epoch_offset_days = POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE;
inline constexpr std::int64_t epoch_offset_usecs = static_cast<std::int64_t>(epoch_offset_days) * USECS_PER_DAY;

TupleDesc make_descriptor(const RowBuffer& rows);
Datum cell_datum(const RowBuffer& rows, const RowBuffer::Cell& cell, Type type);

// An array of one dimension. Elements that are not finite become NULL, as numbers that stand alone do.
Datum float8_array_datum(const double* values, std::size_t count);

// Appends every row to the store, converting in a context that is reset as it goes.
void put_rows(Tuplestorestate* store, TupleDesc descriptor, const RowBuffer& rows);

// How often a statement is planned. A plan for these very values is the best, and knows how large its tables are by
// now; for a few rows, planning takes longer than the statement itself. One that is planned seldom has a plan for any
// values, made anew at its first, second, fourth, eighth … execution, so that no table has outgrown it by far.
enum class Planning { each_time, seldom };

// The statement for parameters of these types, which this session prepares once.
SPIPlanPtr prepared(const std::string& sql, const std::vector<Oid>& parameters,
                    Planning planning = Planning::each_time);

ParamListInfo make_params(const Args& args);

// Runs a statement of which the receiver gets the rows.
void execute_into(const std::string& sql, const Args& args, DestReceiver* receiver);

// SPI with its failures raised as server errors.
void connect_spi();
void check_spi(int code, const char* what);

}  // namespace pb::pg
