"""COPY in the server's binary format, in and out of numpy arrays a column at a time, with no loop over rows."""
import io

import numpy as np

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
EPOCH = np.datetime64("2000-01-01")
UUID = np.dtype([("high", ">u8"), ("low", ">u8")])
MONEY_BYTES = np.dtype((">i2", 9))


def read(cursor, query, columns):
    """Rows of a query without NULL, of columns that all have a fixed width: {name: numpy type}."""
    out = io.BytesIO()
    cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT binary)", out)
    fields = [("columns", ">i2")]
    for name, kind in columns.items():
        fields += [("length of " + name, ">i4"), (name, kind)]
    row = np.dtype(fields)
    body = out.getbuffer()[len(HEADER):-len(TRAILER)]
    if len(body) % row.itemsize:
        raise ValueError(f"rows of {query} do not have {row.itemsize} bytes each")
    rows = np.frombuffer(body, row)
    return {name: rows[name] for name in columns}


def days(dates):
    """Dates as the server counts them."""
    return (np.asarray(dates, "datetime64[D]") - EPOCH).astype(">i4")


def text(values):
    return np.asarray(values, "S")


# A column to write: the bytes of each value as an array, and where there is none.

class Column:
    def __init__(self, values, missing, lengths=None):
        self.values, self.missing, self.lengths = values, missing, lengths


def of_floats(values):
    values = np.asarray(values, float)
    return Column(values.astype(">f8"), np.isnan(values))


def of_integers(values, missing=None):
    values = np.asarray(values)
    return Column(values.astype(">i4"), np.zeros(len(values), bool) if missing is None else missing)


def of_money(values):
    """numeric(20,4), in digits to the base of 10,000: four before the point, one behind it."""
    values = np.asarray(values, float)
    missing = np.isnan(values)
    units = np.rint(np.where(missing, 0.0, np.abs(values)) * 1e4).astype(np.int64)
    parts = np.empty((len(units), 9), ">i2")
    parts[:, 0], parts[:, 1], parts[:, 2], parts[:, 3] = 5, 3, np.where(values < 0, 0x4000, 0), 4
    for place in range(8, 3, -1):
        units, parts[:, place] = np.divmod(units, 10000)
    return Column(parts, missing)


def of_booleans(values):
    values = np.asarray(values)
    return Column(values.astype("u1"), np.zeros(len(values), bool))


def of_ids(values):
    return Column(values, np.zeros(len(values), bool))


def of_text(values):
    """Text as byte strings; an empty one is NULL."""
    values = text(values)
    lengths = np.char.str_len(values)
    return Column(values, lengths == 0, lengths)


def constant(value, count):
    """One value for all rows, as Column of its type."""
    kinds = {str: of_text, int: of_integers, float: of_floats, bool: of_booleans}
    return kinds[type(value)](np.full(count, value.encode() if isinstance(value, str) else value))


def _layouts(columns, count):
    """Rows whose values all have the same lengths, as (places, lengths of the columns)."""
    code = np.zeros(count, np.int64)
    for column in columns:
        if column.lengths is not None:
            kinds, code_of = np.unique(np.where(column.missing, -1, column.lengths), return_inverse=True)
        elif column.missing.any():
            kinds, code_of = np.unique(column.missing, return_inverse=True)
        else:
            continue
        if len(kinds) > 1:
            code = np.unique(code * len(kinds) + code_of, return_inverse=True)[1]
    for value in range(int(code.max()) + 1 if count else 0):
        yield np.flatnonzero(code == value)


def _width(column, row):
    if column.lengths is not None:
        return int(column.lengths[row])
    return column.values.dtype.itemsize * int(np.prod(column.values.shape[1:]))


def _encode(columns, places, total):
    """The bytes of rows of one layout."""
    fields = [("columns", ">i2")]
    for k, column in enumerate(columns):
        fields.append((f"length{k}", ">i4"))
        if not column.missing[places[0]]:
            if column.lengths is not None:
                fields.append((f"value{k}", f"S{_width(column, places[0])}"))
            else:
                fields.append((f"value{k}", column.values.dtype, column.values.shape[1:]))
    rows = np.empty(len(places), fields)
    rows["columns"] = total
    whole = len(places) == len(columns[0].missing)
    for k, column in enumerate(columns):
        present = f"value{k}" in rows.dtype.names
        rows[f"length{k}"] = _width(column, places[0]) if present else -1
        if present:
            rows[f"value{k}"] = column.values if whole else column.values[places]
    return rows


def write(cursor, table, columns, tail=None):
    """COPY of {name: Column} into the table; tail is one more jsonb column or two, {name: list of bytes}. Returns the
    number of rows."""
    names, fixed = list(columns), list(columns.values())
    tail = tail or {}
    count = len(fixed[0].missing)
    out = [HEADER]
    for places in _layouts(fixed, count):
        rows = _encode(fixed, places, len(fixed) + len(tail))
        if not tail:
            out.append(rows.tobytes())
            continue
        width, body = rows.dtype.itemsize, rows.tobytes()
        for k, place in enumerate(places.tolist()):
            out.append(body[k * width:(k + 1) * width])
            for values in tail.values():
                value = values[place]
                # A jsonb begins with the version of its format.
                out.append((len(value) + 1).to_bytes(4, "big") + b"\x01" + value)
    out.append(TRAILER)
    stream = io.BytesIO(b"".join(out))
    cursor.copy_expert(f"COPY {table} ({', '.join([*names, *tail])}) FROM STDIN (FORMAT binary)", stream, 1 << 20)
    return count
