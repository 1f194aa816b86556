"""What the scripts of this directory share: a CSV is written, or with --check compared with the committed one."""
import csv
import math
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECK = "--check" in sys.argv[1:]


def text(value):
    """A cell: every digit of a number, nothing for NULL."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(float(value)) if hasattr(value, "__float__") and not isinstance(value, int) else str(value)


def equal(old, new):
    """Text must be equal; numbers to the last digits, which depend on the LAPACK at hand."""
    if old == new:
        return True
    try:
        return math.isclose(float(old), float(new), rel_tol=1e-9, abs_tol=1e-15)
    except ValueError:
        return False


def publish(name, columns, rows):
    """Writes the rows, or compares them with the file."""
    rows = [[text(value) for value in row] for row in rows]
    target = HERE / name
    if CHECK:
        with open(target, newline="", encoding="utf-8") as handle:
            header, *committed = list(csv.reader(handle))
        assert header == list(columns), (header, columns)
        assert len(committed) == len(rows), (name, len(committed), len(rows))
        for old, new in zip(committed, rows):
            assert all(map(equal, old, new)), (name, old, new)
    else:
        with open(target, "w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
    print(f"{name}: {'agrees' if CHECK else 'written'}, {len(rows)} rows")
