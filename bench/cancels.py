#!/usr/bin/env python3
"""Measures how late a statement ends that is told to: the large calls of the numeric functions and of the engines, each
canceled by statement_timeout at eleven moments of its run. Prints a line for each call; nothing is written. A matrix
that is read from a table is unpacked by the server at one go, during which nothing is answered: how long that takes by
itself is printed, too.

usage: cancels.py     in the cluster that the PG* variables name, with an empty database
"""
import re
import subprocess
import sys

SHARES = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
LONGEST = 10000  # ms; a call that takes longer is canceled within that time
LATE = re.compile(r"^Time: ([0-9.]+) ms", re.MULTILINE)
TABLES = """
CREATE EXTENSION portfolio_batch;
SELECT count(*) FROM create_analytics_tables();
SELECT count(*) FROM load_sample_data(portfolios => 100, positions => 50, sessions => 3, symbols => 1500);
SELECT count(*) FROM run_daily_batch_with_backfill();
SELECT setseed(0.5);
CREATE FUNCTION noise(number integer) RETURNS float8[] LANGUAGE sql
  AS 'SELECT array_agg(random()) FROM generate_series(1, number)';
CREATE TABLE regression AS
  SELECT noise(20000) AS y, array_agg(noise(200 + 0 * g)) AS x FROM generate_series(1, 20000) AS g;
CREATE TABLE observations AS SELECT array_agg(noise(1000 + 0 * g)) AS x FROM generate_series(1, 2000) AS g;
-- Far from positive semidefinite.
CREATE TABLE correlations AS
  SELECT array_agg(r.row ORDER BY r.i) AS c
  FROM (SELECT i, array_agg(CASE i WHEN j THEN 1.0::float8
                                   ELSE (hashint4(least(i, j) * 7919 + greatest(i, j)) % 1000) / 1100.0::float8 END
                            ORDER BY j) AS row
        FROM generate_series(1, 2500) AS i, generate_series(1, 2500) AS j GROUP BY i) AS r;
ALTER DATABASE :db SET portfolio_batch.max_memory = '1GB';
"""
DAY = "(SELECT max(date) FROM market_data_cache)"
CALLS = [
    ("ols_fit 20,000 x 200, lag 2,000", "SELECT count(*) FROM regression, ols_fit(y, x, lag => 2000)"),
    ("ridge_fit 20,000 x 200, gcv", "SELECT count(*) FROM regression, ridge_fit(y, x, choose => 'gcv')"),
    ("ridge_fit 20,000 x 200, 2 unpenalized",
     "SELECT count(*) FROM regression, ridge_fit(y, x, unpenalized => ARRAY[1, 2])"),
    ("nearest_correlation 2,500", "SELECT count(*) FROM correlations, nearest_correlation(c)"),
    ("cluster_average_linkage 2,500", "SELECT count(*) FROM correlations, cluster_average_linkage(c)"),
    ("ledoit_wolf 2,000 x 1,000", "SELECT array_length(covariance, 1) FROM observations, ledoit_wolf(x)"),
    ("ledoit_wolf, constant correlation",
     "SELECT array_length(covariance, 1) FROM observations, ledoit_wolf(x, 'constant_correlation')"),
    ("correlation_matrix, 1,500 symbols",
     f"SELECT count(*) FROM correlation_matrix((SELECT array_agg(DISTINCT symbol) FROM positions), {DAY})"),
    ("market_risk, 100 portfolios", f"SELECT count(*) FROM market_risk({DAY})"),
    ("calc_correlations", f"SELECT count(*) FROM calc_correlations({DAY})"),
    ("calc_factor_betas", f"SELECT count(*) FROM calc_factor_betas({DAY})"),
    ("run_daily_batch", f"SELECT count(*) FROM run_daily_batch({DAY}, force => true)"),
    ("load_sample_data, 200 x 50",
     "SELECT count(*) FROM load_sample_data(portfolios => 200, positions => 50, seed => 2)"),
]


def psql(text):
    done = subprocess.run(["psql", "-Xq", "-v", "db=postgres"], input=text, text=True, capture_output=True, check=False)
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return done.stdout, errors[0] if errors else ""


def timed(statement, limit):
    """Milliseconds until the call came back, and whether it was canceled."""
    output, error = psql(f"SET statement_timeout = {limit};\nBEGIN;\n\\timing on\n{statement};\n")
    if error and "statement timeout" not in error:
        sys.exit(f"{statement}: {error}")
    return float(LATE.findall(output)[-1]), bool(error)


def main():
    _, error = psql(TABLES)
    if error:
        sys.exit(error)
    print(f"{'call':40} {'whole, ms':>10} {'argument, ms':>13} {'cancels':>8} {'latest, ms':>11}")
    for name, statement in CALLS:
        whole, _ = timed(statement, LONGEST)
        source = re.search(r"FROM (\w+), \w+\((?:y, )?(\w)", statement)
        argument = timed(f"SELECT {source[2]}[1][1] FROM {source[1]}", LONGEST)[0] if source else 0
        late = []
        for limit in sorted({max(1, round(whole * share)) for share in SHARES}):
            elapsed, canceled = timed(statement, limit)
            if canceled:
                late.append(elapsed - limit)
        print(f"{name:40} {whole:10.0f} {argument:13.0f} {len(late):8} {max(late):11.1f}", flush=True)


main()
