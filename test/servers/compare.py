"""Compares results that test/servers/export has printed, those of the first file with those of each other one.

Floating-point numbers agree when they differ by at most 1e-12 of themselves or, where rounding is most of what is left
of a difference of larger numbers, by 1e-12 of the largest number of their column. How many needed the latter is said.
With --exact the former alone counts.
"""
import json
import os
import re
import sys
from collections import defaultdict
from decimal import Decimal

TOLERANCE = 1e-12
TOLERANCE_OF_COLUMN = 1e-12
SHOWN = 10
INEXACT = re.compile(r'^(double precision(\[\])?|jsonb)$')


def read(path):
    """The types of the columns by relation, and its rows, as lists of pairs: market and relation, row."""
    types, rows = {}, defaultdict(list)
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            market, relation, text = line.rstrip('\n').split('\t', 2)
            row = json.loads(text, parse_float=Decimal)
            if (market, relation) in types:
                rows[market, relation].append(row)
            else:
                types[market, relation] = row
                rows[market, relation] = []
    return types, rows


def key(row, types):
    """What identifies a row, and must be the same: all its columns that are not inexact."""
    return json.dumps({name: value for name, value in row.items() if not INEXACT.match(types[name])},
                      sort_keys=True, default=str)


def by_key(rows, types):
    found = defaultdict(list)
    for row in rows:
        found[key(row, types)].append(row)
    return found


class Comparison:
    def __init__(self, is_exact):
        self.is_exact = is_exact
        self.numbers = self.largest = self.beside_largest = 0
        self.place = ''
        self.faults = []
        self.scales = defaultdict(float)
        self.apart = []

    def fault(self, place, text):
        self.faults.append(f'{place}: {text}')

    def values(self, column, place, one, other):
        """Numbers within the tolerance; lists and objects element by element; all else exactly."""
        if isinstance(one, bool) or isinstance(other, bool) or not isinstance(one, (int, Decimal, list, dict)):
            if one != other:
                self.fault(place, f'{one!r} and {other!r}')
        elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            for index, pair in enumerate(zip(one, other), 1):
                self.values(column, f'{place}[{index}]', *pair)
        elif isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
            for name in one:
                self.values(f'{column}.{name}', f'{place}.{name}', one[name], other[name])
        elif isinstance(one, (int, Decimal)) and isinstance(other, (int, Decimal)):
            self.number(column, place, float(one), float(other))
        else:
            self.fault(place, f'{one!r} and {other!r}')

    def number(self, column, place, one, other):
        self.numbers += 1
        largest = max(abs(one), abs(other))
        self.scales[column] = max(self.scales[column], largest)
        if one == other:
            return
        difference = abs(one - other) / largest
        if difference > TOLERANCE:
            self.apart.append((column, place, one, other))
        elif difference > self.largest:
            self.largest, self.place = difference, f'{place}: {one!r} and {other!r}'

    def judge(self):
        """Of the numbers that are apart, which are so also beside the largest of their column."""
        for column, place, one, other in self.apart:
            difference = abs(one - other) / self.scales[column]
            self.beside_largest = max(self.beside_largest, difference)
            if self.is_exact or difference > TOLERANCE_OF_COLUMN:
                self.fault(place, f'{one!r} and {other!r} differ by {difference:.2g} of the largest of {column}')

    def relation(self, name, types, one, other):
        ones, others = by_key(one, types), by_key(other, types)
        for missing in (ones.keys() ^ others.keys()):
            self.fault(name, f'only in the {"first" if missing in ones else "second"}: {missing[:300]}')
        for shared in ones.keys() & others.keys():
            if len(ones[shared]) != len(others[shared]):
                self.fault(name, f'{len(ones[shared])} and {len(others[shared])} rows {shared[:300]}')
            for pair in zip(ones[shared], others[shared]):
                for column in (column for column in types if column in pair[0] and INEXACT.match(types[column])):
                    self.values(f'{name}.{column}', f'{name}.{column} of {shared[:200]}', pair[0][column],
                                pair[1][column])


def compare(names, first, second, is_exact):
    comparison = Comparison(is_exact)
    (types, ones), (other_types, others) = first, second
    if types != other_types:
        comparison.fault('columns', 'the relations or the types of their columns are not the same')
    for name in types.keys() & other_types.keys():
        comparison.relation('.'.join(name), types[name], ones[name], others[name])
    comparison.judge()
    rows = sum(map(len, ones.values()))
    if rows == 0:
        comparison.fault('rows', 'there are none')
    print(f'{names[0]} and {names[1]}: {len(types)} relations, {rows} rows, {comparison.numbers} floating-point '
          f'numbers, {len(comparison.faults)} faults')
    print(f'  {len(comparison.apart)} numbers differ by more than {TOLERANCE} of themselves, by at most '
          f'{comparison.beside_largest:.2g} of the largest of their column; '
          f'the others by at most {comparison.largest:.2g}')
    if comparison.place:
        print(f'  largest: {comparison.place}')
    for fault in comparison.faults[:SHOWN]:
        print(f'  {fault}')
    return not comparison.faults


if __name__ == '__main__':
    is_exact = sys.argv[1:2] == ['--exact']
    files = sys.argv[2 if is_exact else 1:]
    if len(files) < 2:
        sys.exit('error: nothing to compare with')
    first = read(files[0])
    # A list, so that every comparison is made and said.
    agree = [compare([os.path.basename(name) for name in (files[0], file)], first, read(file), is_exact)
             for file in files[1:]]
    sys.exit(0 if all(agree) else 1)
