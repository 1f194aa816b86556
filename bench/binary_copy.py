"""COPY in the server's binary format, in and out of numpy arrays a column at a time, with no loop over rows."""
import io

import numpy as np

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
EPOCH = np.datetime64("2000-01-01")
PIECE = 1 << 19
UUID = np.dtype([("high", ">u8"), ("low", ">u8")])


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


def text(values):
    return np.asarray(values, "S")


# A column to write: an array of values, or one value for all rows, as the bytes that the server expects.

class Column:
    def __init__(self, values, missing=None, lengths=None):
        self.values, self.missing, self.lengths = values, missing, lengths
        self.width = values.dtype.itemsize * int(np.prod(values.shape[1:]))
        self.varies = lengths is not None or missing is not None

    def sizes(self, some):
        """Bytes of the values of some rows, -1 for NULL."""
        sizes = self.width if self.lengths is None else self._of(self.lengths, some)
        return sizes if self.missing is None else np.where(self._of(self.missing, some), -1, sizes)

    def of(self, some):
        return self._of(self.values, some)

    @staticmethod
    def _of(values, some):
        return values if len(values) == 1 else values[some]


def _if_any(missing):
    return missing if missing is not None and missing.any() else None


def of_floats(values):
    values = np.asarray(values, float)
    return Column(values.astype(">f8"), _if_any(np.isnan(values)))


def of_integers(values, missing=None):
    return Column(np.asarray(values).astype(">i4"), _if_any(missing))


def of_money(values):
    """numeric(20,4), in digits to the base of 10,000: four before the point, one behind it."""
    values = np.asarray(values, float)
    missing = np.isnan(values)
    units = np.rint(np.where(missing, 0.0, np.abs(values)) * 1e4).astype(np.int64)
    parts = np.empty((len(units), 9), ">i2")
    parts[:, 0], parts[:, 1], parts[:, 2], parts[:, 3] = 5, 3, np.where(values < 0, 0x4000, 0), 4
    for place in range(8, 3, -1):
        units, parts[:, place] = np.divmod(units, 10000)
    return Column(parts, _if_any(missing))


def of_booleans(values):
    return Column(np.asarray(values).astype("u1"))


def of_ids(values):
    return Column(values)


def of_text(values):
    """Text as byte strings; an empty one is NULL."""
    values = np.ascontiguousarray(text(values))
    lengths = np.count_nonzero(values.view("u1").reshape(len(values), -1), axis=1)
    missing = _if_any(lengths == 0)
    same = missing is None and (lengths == values.dtype.itemsize).all()
    return Column(values, missing, None if same else lengths)


def of_json(values):
    """jsonb, whose bytes begin with the version of the format."""
    values = [b"\x01" + value for value in values]
    return Column(text(values), None, np.fromiter(map(len, values), np.int64, len(values)))


class Rows:
    """The bytes of rows, encoded piece by piece while the server takes in the one before."""

    def __init__(self, columns, count):
        self.columns, self.count, self.next = columns, count, None
        fields = [("columns", ">i2")]
        for k, column in enumerate(columns):
            fields += [(f"size{k}", ">i4"), (f"value{k}", column.values.dtype, column.values.shape[1:])]
        self.row = np.dtype(fields)
        self.varying = [k for k, column in enumerate(columns) if column.varies]

    def read(self, size):
        if self.next is None:
            self.next = 0
            return HEADER
        if self.next > self.count:
            return b""
        if self.next == self.count:
            self.next += 1
            return TRAILER
        some = slice(self.next, min(self.count, self.next + max(1, size // self.row.itemsize)))
        self.next = some.stop
        return self.encode(some)

    def encode(self, some):
        """Rows as wide as the widest; of values that are shorter or NULL, the rest is left out."""
        rows = np.empty(some.stop - some.start, self.row)
        rows["columns"] = len(self.columns)
        sizes = [column.sizes(some) for column in self.columns]
        for k, column in enumerate(self.columns):
            rows[f"size{k}"], rows[f"value{k}"] = sizes[k], column.of(some)
        body = rows.view("u1").reshape(len(rows), -1)
        if not self.varying:
            return body.tobytes()
        kept = np.ones(body.shape, bool)
        for k in self.varying:
            start, width = self.row.fields[f"value{k}"][1], self.columns[k].width
            kept[:, start:start + width] = np.arange(width) < np.reshape(sizes[k], (-1, 1))
        return body[kept].tobytes()


def write(cursor, table, columns, count):
    """COPY of {name: Column} into the table."""
    cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)",
                       Rows(list(columns.values()), count), PIECE)
