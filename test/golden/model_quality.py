#!/usr/bin/python3
"""How good stored models and forecasts were, from the stored tables as CSV files.

    model_quality.py FOLDER FROM_DATE TO_DATE >figures.csv

FOLDER holds sessions.csv (session_date), prices.csv (symbol, date, price) and, with the columns of the tables,
factor_models.csv, symbol_model_fits.csv, symbol_volatility.csv, portfolio_snapshots.csv and
portfolio_model_exposures.csv, as \\copy … WITH (FORMAT csv, HEADER) writes them. Nothing but Python's own library is
used, so that the comparison runs wherever the tests do; test/tap/190_model_quality.t makes it.
"""
import csv
import json
import math
import statistics
import sys
from collections import defaultdict

Z = statistics.NormalDist().inv_cdf(0.975)
NOMINAL = 2 * statistics.NormalDist().cdf(Z / math.sqrt(2)) - 1
LEAST = 15


def array(text):
    """A one-dimensional array of PostgreSQL without quoted elements."""
    return None if text == '' else [None if e == 'NULL' else e for e in text[1:-1].split(',')]


def number(text):
    return None if text in ('', None) else float(text)


def numbers(text):
    return [number(e) for e in array(text) or []]


def chi_square_cdf(x, df):
    """The regularized lower incomplete gamma function by its series."""
    a, half = df / 2, x / 2
    term = total = 1 / a
    k = a
    while term > total * 1e-17:
        k += 1
        term *= half / k
        total += term
    return total * math.exp(-half + a * math.log(half) - math.lgamma(a))


def chi_square_quantile(p, df):
    low, high = 0.0, 20.0 * df
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if chi_square_cdf(middle, df) < p else (low, middle)
    return (low + high) / 2


def normal_interval(n):
    return tuple(math.sqrt((n - 1) / chi_square_quantile(p, n - 1)) for p in (0.975, 0.025))


class Tables:
    def __init__(self, folder):
        def rows(name):
            with open(f'{folder}/{name}.csv', newline='', encoding='utf-8') as file:
                return list(csv.DictReader(file))
        self.days = sorted(r['session_date'] for r in rows('sessions'))
        self.at = {day: i for i, day in enumerate(self.days)}
        price = {(r['symbol'], r['date']): float(r['price']) for r in rows('prices')}
        self.returns = defaultdict(dict)  # symbol, place of the session
        for (symbol, day), p in price.items():
            i = self.at.get(day)
            if i and (symbol, self.days[i - 1]) in price:
                self.returns[symbol][i] = p / price[symbol, self.days[i - 1]] - 1
        self.models = {(r['model'], r['calculation_date']): {
            'names': array(r['factors']), 'legs': list(zip(array(r['long_symbols']), array(r['short_symbols']))),
            'parameters': json.loads(r['parameters'])} for r in rows('factor_models')}
        self.fits = defaultdict(dict)  # (model, date), symbol: betas, errors
        for r in rows('symbol_model_fits'):
            if r['betas'] != '':
                self.fits[r['model'], r['calculation_date']][r['symbol']] = (numbers(r['betas']), numbers(r['std_errors']))
        self.volatility = rows('symbol_volatility')
        self.snapshots = rows('portfolio_snapshots')
        self.sigma = {}
        for r in rows('portfolio_model_exposures'):
            parts = numbers(r['contributions'])
            self.sigma[r['portfolio_id'], r['calculation_date'], r['model']] = \
                None if not parts or None in parts else sum(parts)

    def move(self, leg, i):
        long_leg, short_leg = leg
        r = self.returns[long_leg].get(i)
        if r is None or short_leg is None:
            return r
        s = self.returns[short_leg].get(i)
        return None if s is None else r - s

    def moves(self, model, eve, i):
        """The moves of a model's factors on session i, as of the evening before."""
        definition = self.models[model, eve]
        moves = [self.move(leg, i) for leg in definition['legs']]
        if None in moves or definition['parameters'].get('orthogonalized') is not True:
            return moves
        window = definition['parameters']['window']
        complete = []
        for t in range(i - 1, i - 1 - math.ceil(window * 1.5), -1):
            row = [self.move(leg, t) for leg in definition['legs']]
            if None not in row:
                complete.append(row)
            if len(complete) == window:
                break
        if len(complete) < definition['parameters']['min_observations']:
            return [moves[0]] + [None] * (len(moves) - 1)
        market = [row[0] for row in complete]
        mean = statistics.fmean(market)
        square = sum((m - mean) ** 2 for m in market)
        slopes = [sum((m - mean) * row[k] for m, row in zip(market, complete)) / square for k in range(len(moves))]
        return [moves[0]] + [move - slope * moves[0] for move, slope in zip(moves[1:], slopes[1:])]


def verdict(value, plain, target=None, low=None, high=None):
    equal = abs(value - plain) <= 1e-12 * max(abs(value), abs(plain))
    if target is None:  # smaller is better
        return 'ties' if equal else 'wins' if value < plain else 'loses'
    if not equal and abs(value - target) < abs(plain - target):
        return 'wins'
    return 'ties' if equal or low <= value <= high else 'loses'


class Report:
    def __init__(self):
        self.out = csv.writer(sys.stdout, lineterminator='\n')
        self.out.writerow('month model measure portfolio_id value alternative alternative_value range_low range_high '
                          'observations verdict reason'.split())

    def add(self, month, model, measure, alternative, n, figures, portfolio='', least=LEAST):
        """figures(): value, that of the alternative, the range, the verdict."""
        if n < least:
            row = [month + '-01', model, measure, portfolio, '', alternative, '', '', '', n, '', 'insufficient_data']
        else:
            value, plain, low, high, word = figures()
            cells = ['' if x is None else repr(float(x)) for x in (value, plain, low, high)]
            row = [month + '-01', model, measure, portfolio, cells[0], alternative, *cells[1:], n, word, '']
        self.out.writerow(row)


def factor_models(tables, report, month, sessions):
    by_model = {'market': {}, 'ridge': {}, 'spread': {}}
    for model, forecasts in by_model.items():
        for i in sessions:
            eve = tables.days[i - 1]
            if (model, eve) not in tables.models:
                continue
            moves = tables.moves(model, eve, i)
            if None in moves:
                continue
            for symbol, (betas, _) in tables.fits[model, eve].items():
                if None not in betas and len(betas) == len(moves):
                    forecasts[symbol, i] = math.fsum(b * m for b, m in zip(betas, moves))
    for model, forecasts in by_model.items():
        pairs = [(tables.returns[s][i], f, 0.0 if model == 'market' else by_model['market'].get((s, i)))
                 for (s, i), f in forecasts.items() if i in tables.returns[s]]
        pairs = [p for p in pairs if p[2] is not None]

        def figures(pairs=pairs):
            total = math.fsum(r * r for r, _, _ in pairs)
            error = math.fsum((r - f) ** 2 for r, f, _ in pairs)
            plain = math.fsum((r - p) ** 2 for r, _, p in pairs)
            return 1 - error / total, 1 - plain / total, None, None, verdict(error, plain)
        report.add(month, model, 'out_of_sample_r2', 'zero' if model == 'market' else 'market', len(pairs), figures)


def exponential(tables, symbol, i):
    squares = [tables.returns[symbol][t] ** 2 for t in range(max(1, i - 545), i + 1) if t in tables.returns[symbol]]
    weights = [0.97 ** age for age in range(len(squares) - 1, -1, -1)]
    return math.fsum(w * s for w, s in zip(weights, squares)) / math.fsum(weights)


def qlike(outcome, s2):
    return math.log(s2) + outcome / s2


def volatility(tables, report, month, sessions):
    losses, held = [], {21: [], 63: []}
    symbols = {21: set(), 63: set()}
    for row in tables.volatility:
        symbol, t = row['symbol'], tables.at[row['calculation_date']]
        per_year = number(row['sessions_per_year'])
        for horizon in (21, 63):
            ahead = [tables.returns[symbol].get(i) for i in range(t + 1, t + horizon + 1)]
            if t + horizon not in sessions or None in ahead or per_year is None:
                continue
            outcome = math.fsum(r * r for r in ahead) / horizon
            value, low, high = (number(row[f'realized_volatility_{horizon}d{end}']) for end in ('', '_low', '_high'))
            if None not in (value, low, high):
                down, up = normal_interval_of[horizon]
                now = math.sqrt(per_year * outcome)
                held[horizon].append((low <= now <= high, value * down <= now <= value * up))
                symbols[horizon].add(symbol)
            expected = number(row['expected_volatility_21d'])
            if horizon == 21 and None not in (expected, value):
                s2 = expected ** 2 / per_year
                plain = s2 if row['forecast_method'] == 'ewma' else exponential(tables, symbol, t)
                losses.append((qlike(outcome, s2), qlike(outcome, plain), qlike(outcome, value ** 2 / per_year)))
    for place, name in ((1, 'ewma'), (2, 'realized')):
        def figures(place=place):
            value, plain = (math.fsum(x[k] for x in losses) / len(losses) for k in (0, place))
            return value, plain, None, None, verdict(value, plain)
        report.add(month, 'volatility', f'qlike_to_{name}', name, len(losses), figures)
    for horizon in (21, 63):
        def shares(horizon=horizon):
            value, plain = (sum(x[k] for x in held[horizon]) / len(held[horizon]) for k in (0, 1))
            return coverage(value, plain, len(symbols[horizon]))
        report.add(month, 'volatility', f'coverage_{horizon}d', 'chi_square', len(held[horizon]), shares)


def coverage(value, plain, n):
    half = Z * math.sqrt(NOMINAL * (1 - NOMINAL) / n)
    low, high = max(0.0, NOMINAL - half), min(1.0, NOMINAL + half)
    return value, plain, low, high, verdict(value, plain, NOMINAL, low, high)


def pairs_of_betas(tables, model, before, after):
    if tables.models[model, before]['names'] != tables.models[model, after]['names']:
        return
    for symbol, (betas, errors) in tables.fits[model, before].items():
        later = tables.fits[model, after].get(symbol)
        for b, e, a in zip(betas, errors, later[0] if later else []):
            if None not in (b, e, a):
                yield b, e, a


def betas(tables, report, month, last_day):
    for model in ('market', 'ridge', 'spread', 'rate'):
        stored = sorted(day for name, day in tables.models if name == model and day <= last_day)
        now = next((day for day in reversed(stored) if day[:7] == month), None)
        year, number_of_month = int(month[:4]), int(month[5:])
        month_before = f'{year - 1}-12' if number_of_month == 1 else f'{year}-{number_of_month - 1:02}'
        before = next((day for day in reversed(stored) if day[:7] == month_before), None)
        changes, held = [], []
        if now and before:
            changes = list(pairs_of_betas(tables, model, before, now))
        window = tables.models[model, now]['parameters']['window'] if now else 0
        if now and tables.at[now] >= window:
            start = next((d for d in reversed(stored) if d <= tables.days[tables.at[now] - window]), None)
            if start:
                held = [abs(a - b) <= Z * e for b, e, a in pairs_of_betas(tables, model, start, now) if e > 0]

        def change():
            share = min(1, (tables.at[now] - tables.at[before]) / window)
            level = math.fsum(b * b for b, _, _ in changes)
            value = math.sqrt(math.fsum((a - b) ** 2 for b, _, a in changes) / level)
            plain = math.sqrt(2 * share * math.fsum(e * e for _, e, _ in changes) / level)
            return value, plain, 0, Z * plain, 'wins' if value <= plain else 'ties' if value <= Z * plain else 'loses'
        report.add(month, model, 'beta_change', 'std_error', len(changes), change, least=1)
        report.add(month, model, 'beta_coverage', 'nominal', len(held),
                   lambda held=held: coverage(sum(held) / len(held), NOMINAL, len(held)))


def portfolios(tables, report, month, sessions):
    by_date = {(r['portfolio_id'], r['snapshot_date']): r for r in tables.snapshots}
    standardized = defaultdict(list)
    known = set()
    for row in tables.snapshots:
        i = tables.at[row['snapshot_date']]
        eve = by_date.get((row['portfolio_id'], row['previous_snapshot_date']))
        if i not in sessions or eve is None:
            continue
        known.add(row['portfolio_id'])
        for model in ('ridge', 'spread', 'volatility'):
            sigma = number(eve['expected_volatility_21d']) if model == 'volatility' \
                else tables.sigma.get((row['portfolio_id'], eve['snapshot_date'], model))
            plain, r = number(eve['realized_volatility_63d']), number(row['daily_return'])
            if None in (sigma, plain, r) or tables.days[i - 1] != eve['snapshot_date']:
                continue
            scale = math.sqrt(number(eve['sessions_per_year']))
            standardized[row['portfolio_id'], model].append((r / sigma * scale, r / plain * scale))
    for portfolio in sorted(known):
        for model in ('ridge', 'spread', 'volatility'):
            z = standardized[portfolio, model]

            def figures(z=z):
                value, plain = (statistics.stdev(x[k] for x in z) for k in (0, 1))
                half = math.sqrt(2 / len(z))
                return value, plain, 1 - half, 1 + half, verdict(value, plain, 1, 1 - half, 1 + half)
            report.add(month, model, 'bias_statistic', 'realized_63d', len(z), figures, portfolio)


normal_interval_of = {n: normal_interval(n) for n in (21, 63)}


def main(folder, first, last):
    tables, report = Tables(folder), Report()
    asked = [day for day in tables.days if first <= day <= last]
    for month in sorted({day[:7] for day in asked}):
        sessions = {tables.at[day] for day in asked if day[:7] == month}
        factor_models(tables, report, month, sorted(sessions))
        volatility(tables, report, month, sessions)
        betas(tables, report, month, last)
        portfolios(tables, report, month, sessions)


if __name__ == '__main__':
    main(*sys.argv[1:])
