// Conversions between plain values and the server's Datums, for the sources of src/pg only. Everything here may
// raise a server error, so it runs inside pg_call and holds no destructors.
#pragma once

#include "pg/server.hpp"

#include "pg/args.hpp"
#include "pg/planning.hpp"
#include "pg/rows.hpp"

namespace pb::pg {

Oid type_oid(Type type);

static_assert(epoch_offset_days == POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE);

TupleDesc make_descriptor(const RowBuffer& rows);
Datum cell_datum(const RowBuffer& rows, const RowBuffer::Cell& cell, Type type);

// An array of one dimension. Elements that are not finite become NULL, as numbers that stand alone do.
Datum float8_array_datum(const double* values, std::size_t count);

// Appends every row to the store, converting in a context that is reset as it goes.
void put_rows(Tuplestorestate* store, TupleDesc descriptor, const RowBuffer& rows);

// The statement for parameters of these types, which this session prepares once.
SPIPlanPtr prepared(const std::string& sql, const std::vector<Oid>& parameters, Planning planning);

ParamListInfo make_params(const Args& args);

// Runs a statement of which the receiver gets the rows.
void execute_into(const std::string& sql, const Args& args, DestReceiver* receiver,
                  Planning planning = Planning::each_time);

// SPI with its failures raised as server errors.
void connect_spi();
void check_spi(int code, const char* what);

}  // namespace pb::pg
