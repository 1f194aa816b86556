#!/usr/bin/env python3
"""Measures the workloads in the cluster that the PG* variables name, and writes results.md beside this file.

usage: workloads.py all | quick | NAME...     RUNS=5 SIZES="500x10 2000x200" LOOP_POSITIONS=40

A workload replaces its own section of results.md and leaves the others; quick leaves the file alone.

W1 one night, 200 portfolios x 50 positions, 1,000 symbols     W2 backfill, 3 x 25 x 87 sessions
W3 correlations of 1,000 symbols in one portfolio              W4 one night, 1,000 x 50, 2,000 symbols
W5 growth of W1 with portfolios and with symbols               W6 W1 again, unchanged and after a corrected price
W7 many closings, of one lot and of many                       W8 the report of a large book
E  every engine alone, by symbols x portfolios                 W4w W4 by one worker and by two
C  prices collected over HTTP, 5,000 symbols x 252 sessions, and one session more

An ordinary night finds the session before it done: tags in place, positions priced, results of one date.
"""
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg2

HERE = Path(__file__).resolve().parent
RUNS = int(os.environ.get("RUNS", "5"))
LOOP_POSITIONS = int(os.environ.get("LOOP_POSITIONS", "40"))
HISTORY = 600
FILTERS, NO_FILTERS = (10000.0, 0.01), (0.0, 0.0)
NIGHT = "run_daily_batch('{day}')"
BACKFILL = "run_daily_batch_with_backfill('{day}')"
# Engine, its call, and its name in the numpy program.
ENGINES = [
    ("calc_market_betas", "calc_market_betas('{day}')", "market"),
    ("calc_interest_rate_betas", "calc_interest_rate_betas('{day}')", "rate"),
    ("calc_factor_betas ridge", "calc_factor_betas('{day}', NULL, 'ridge')", "ridge"),
    ("calc_factor_betas spread", "calc_factor_betas('{day}', NULL, 'spread')", "spread"),
    ("calc_sector_exposures", "calc_sector_exposures('{day}')", "sectors"),
    ("calc_volatility", "calc_volatility('{day}')", "volatility"),
    ("calc_correlations", "calc_correlations('{day}')", "correlations"),
    ("calc_factor_correlations", "calc_factor_correlations('{day}')", "factor_correlations"),
    ("calc_stress_tests", "calc_stress_tests('{day}')", "stress")]
ACCOUNTING = ["snapshots", "values", "tags"]


# ---- talking to the cluster ------------------------------------------------------------------------------------------

def psql(*arguments, **variables):
    settings = [word for name, value in variables.items() for word in ("-v", f"{name}={value}")]
    done = subprocess.run(["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", *settings, *arguments], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"psql {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout.strip()


def script(name, **variables):
    return psql("-f", str(HERE / name), **variables)


class Backend:
    """A session of its own with the extension loaded, as the libraries of the other programs are before their clock
    starts."""

    def __init__(self, filters=FILTERS, database=None):
        self.connection = psycopg2.connect("" if database is None else f"dbname={database}")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.run("LOAD 'portfolio_batch'")
        self.run("SET portfolio_batch.progress = off")
        self.run(f"SET portfolio_batch.min_position_value = {filters[0]}")
        self.run(f"SET portfolio_batch.min_portfolio_weight = {filters[1]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def run(self, query):
        self.cursor.execute(query)
        return self.cursor.fetchall() if self.cursor.description else []

    def one(self, query):
        return self.run(query)[0][0]

    def measured(self, query):
        """Runs the query; seconds, and the most private memory the session had meanwhile, in MB. Shared buffers are not
        counted: they are the server's, whatever a session touches of them."""
        peak = [0]
        done = threading.Event()

        def watch(path):
            while not done.wait(0.01):
                peak[0] = max(peak[0], int(re.search(r"RssAnon:\s+(\d+)", path.read_text()).group(1)) // 1024)

        watcher = threading.Thread(target=watch, args=[Path(f"/proc/{self.one('SELECT pg_backend_pid()')}/status")])
        watcher.start()
        started = time.perf_counter()
        try:
            self.run(query)
        finally:
            seconds = time.perf_counter() - started
            done.set()
            watcher.join()
        return seconds, peak[0]


def prepare(portfolios, positions, sessions, symbols):
    """A database with a made-up market, as new."""
    psql("-d", "postgres", "-c", "DROP DATABASE IF EXISTS bench WITH (FORCE)", "-c", "CREATE DATABASE bench")
    os.environ["PGDATABASE"] = "bench"
    psql("-c", "SET client_min_messages = warning", "-c", "CREATE EXTENSION pg_stat_statements", "-c",
         "CREATE EXTENSION pg_prewarm", "-c", "CREATE EXTENSION portfolio_batch", "-c",
         "SELECT create_analytics_tables()", "-c",
         f"SELECT load_sample_data(portfolios => {portfolios}, positions => {positions}, sessions => {sessions},"
         f" symbols => {symbols}, history => {HISTORY})", "-c", "VACUUM ANALYZE")
    return psql("-c", "SELECT max(date) FROM market_data_cache")


def prepare_ordinary(portfolios, symbols):
    """A database of two sessions on which all lots are held, and the two sessions; nothing is computed yet."""
    day = prepare(portfolios, 50, 2, symbols)
    yesterday = psql("-c", "SELECT min(entry_date) FROM positions")
    psql("-c", f"""UPDATE positions p SET entry_date = m.date, entry_price = round(m.close::numeric, 2)
                   FROM market_data_cache m WHERE m.symbol = p.symbol AND m.date = '{yesterday}'
                   AND p.entry_date > m.date""", "-c", "VACUUM ANALYZE positions")
    return yesterday, day


def keep_as_start():
    """The database as it is now is what each run begins with."""
    psql("-c", "VACUUM ANALYZE")
    psql("-d", "postgres", "-c", "DROP DATABASE IF EXISTS bench_start WITH (FORCE)", "-c",
         "ALTER DATABASE bench RENAME TO bench_start")


def start_again(database="bench"):
    """A copy of that database with a warm cache, so that no run finds what another has left."""
    psql("-d", "postgres", "-c", f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", "-c",
         f"CREATE DATABASE {database} TEMPLATE bench_start STRATEGY file_copy")
    psql("-d", database, "-c", "SELECT sum(pg_prewarm(c.oid)) FROM pg_class c WHERE c.relkind IN ('r', 'i', 't', 'm')"
         " AND c.relnamespace <> 'pg_catalog'::regnamespace")


def exists(call):
    return psql("-c", f"SELECT count(*) FROM pg_proc WHERE proname = '{call.split('(')[0]}'") != "0"


def what_is_there():
    """The engines of the extension, with their names in the numpy program."""
    return [engine for engine in ENGINES if exists(engine[1])]


# ---- the contestants -------------------------------------------------------------------------------------------------

READ = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables"
# Foreign-key checks of new tags are statements of the server.
STATEMENTS = "FROM pg_stat_statements WHERE NOT toplevel AND query NOT LIKE 'SELECT __ FROM ONLY%'"


# Tables of results, of ours or of the peers; which they are says the catalog.
STORED = """SELECT coalesce(sum(pg_total_relation_size(to_regclass(format('%I.%I', '{schema}', table_name)))), 0)
            FROM analytics_columns() WHERE column_name IS NULL
            AND (data_type = 'result' OR '{schema}' = 'peer' AND data_type = 'view')"""
WAL = "SELECT pg_current_wal_insert_lsn()"


class Written:
    """What is added to the tables of results, and to the WAL, in bytes."""

    def __init__(self, schema="public"):
        self.size = STORED.format(schema=schema)
        self.stored, self.wal = int(psql("-c", self.size)), psql("-c", WAL)

    def since(self):
        return {"stored": int(psql("-c", self.size)) - self.stored,
                "wal": int(psql("-c", f"SELECT pg_wal_lsn_diff(({WAL}), '{self.wal}')"))}


def run_ours(call, filters=FILTERS):
    with Backend(filters) as backend:
        backend.run("SELECT pg_stat_statements_reset()")
        read_before = backend.one(READ)
        written_before = Written()
        seconds, peak = backend.measured(f"CREATE TEMP TABLE result AS SELECT * FROM {call}")
        bytes_written = written_before.since()
        statements, in_sql = backend.run("SELECT sum(calls), sum(total_exec_time) / 1000 " + STATEMENTS)[0]
        longest = backend.run("SELECT regexp_replace(query, '\\s+', ' ', 'g'), total_exec_time / 1000 " + STATEMENTS
                              + " ORDER BY total_exec_time DESC LIMIT 8")
        written = backend.one("SELECT sum(rows_written) FROM result")
        if backend.one("SELECT to_jsonb(r) ? 'status' FROM result r LIMIT 1"):
            failed = backend.run("SELECT phase, status, detail FROM result WHERE status NOT IN ('success', 'skipped')")
            if failed:
                sys.exit(f"{call} failed: {failed}")
        backend.run("SELECT pg_stat_force_next_flush()")
        return {"seconds": seconds, "read": int(backend.one(READ) - read_before), "written": int(written),
                "statements": int(statements or 0), "in_sql": in_sql or 0.0, "longest": longest, "peak_mb": peak,
                **bytes_written}


def has_workers():
    return psql("-c", "SELECT bool_or('workers' = ANY (proargnames)) FROM pg_proc WHERE proname = 'daily_batch'") == "t"


def run_with_workers(day, workers):
    """The procedure, which commits by itself. The peak is that of the session that calls it."""
    with Backend() as backend:
        before = backend.one("SELECT coalesce(max(run_id), 0) FROM batch_runs")
        seconds, peak = backend.measured(f"CALL daily_batch('{day}', workers => {workers})")
        jobs = f"FROM batch_jobs WHERE job_type = 'phase' AND run_id > {before}"
        if failed := backend.run(f"SELECT job_name, status, detail {jobs} AND status NOT IN ('success', 'skipped')"):
            sys.exit(f"daily_batch with {workers} workers failed: {failed}")
        return {"seconds": seconds, "written": int(backend.one(f"SELECT coalesce(sum(rows_written), 0) {jobs}")),
                "peak_mb": peak}


def run_at_once(day, databases):
    """A night in each of the databases, all at the same time: the seconds until the last is done."""
    sessions = [Backend(database=database) for database in databases]
    nights = [threading.Thread(target=session.run, args=[f"CALL daily_batch('{day}')"]) for session in sessions]
    started = time.perf_counter()
    for night in nights:
        night.start()
    for night in nights:
        night.join()
    seconds = time.perf_counter() - started
    for session in sessions:
        if session.one("SELECT status FROM batch_runs ORDER BY run_id DESC LIMIT 1") != "success":
            sys.exit("a night beside another one failed")
        session.connection.close()
    return seconds


def run_numpy(day, engines, filters=FILTERS, every_session=False, replace=False):
    command = ["/usr/bin/python3", str(HERE / "peer_numpy.py"), "--date", day, "--engines", ",".join(engines),
               "--filters", ",".join(map(str, filters))]
    command += ["--every-session"] * every_session + ["--replace"] * replace
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    environment["LD_LIBRARY_PATH"] = os.environ.get("PB_BLAS", "")
    written_before = Written("peer")
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout) | written_before.since()


def run_floor(day=""):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        return float(script("floor.sql", folder=folder, day=day).splitlines()[-1])


def run_sql(day, part, filters=FILTERS, at_most=10**6):
    """at_most: symbols of a portfolio whose correlations are computed."""
    return float(script("peer_sql.sql", day=day, part=part, min_value=filters[0], min_weight=filters[1],
                        at_most=at_most))


def run_loop(day):
    done = subprocess.run(["/usr/bin/python3", str(HERE / "peer_loop.py"), day, str(LOOP_POSITIONS)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"peer_loop.py failed:\n{done.stderr}")
    return json.loads(done.stdout)["seconds_each"]


# ---- agreement -------------------------------------------------------------------------------------------------------

def compare():
    """Rows of figures that both have written, and their largest difference, by spot_check.sql, which fails where it is
    too large."""
    lines = [line.split("|") for line in script("spot_check.sql").splitlines()]
    figures = sum(int(line[1]) * int(line[2]) for line in lines)
    return figures, max((float(line[3]) for line in lines if line[3]), default=0.0)


def compare_with_sql(table, ours, key, figures, join="FULL"):
    """Figures of a table of plain SQL against ours; RIGHT when it has a sample of them."""
    for name in figures:
        worst, missing = psql("-c", f"""
            SELECT coalesce(max(abs(o.{name} - t.{name}) / greatest(abs(o.{name}), 1e-3)), 0),
                   count(*) FILTER (WHERE (o.{name} IS NULL) <> (t.{name} IS NULL))
            FROM (SELECT * FROM {ours} WHERE calculation_date IN (SELECT calculation_date FROM peer.{table})) o
            {join} JOIN peer.{table} t USING ({key})""").split("|")
        if float(worst) > 1e-9 or int(missing):
            sys.exit(f"{table}.{name}: differs from ours by {worst}, {missing} rows on one side only")


def compare_with_betas():
    compare_with_sql("sql_market_betas", "position_market_betas", "portfolio_id, position_id, calculation_date",
                     ["beta", "alpha", "r_squared"])


def compare_with_correlations(join="FULL"):
    if exists("calc_correlations("):
        figures = ["correlation_coefficient", "observations"]
        compare_with_sql("sql_correlations", "pairwise_correlations",
                         "portfolio_id, calculation_date, symbol1, symbol2", figures, join)


# ---- tables ----------------------------------------------------------------------------------------------------------

class Report:
    def __init__(self):
        self.lines = []

    def say(self, line=""):
        print(line, flush=True)
        self.lines.append(line)

    def head(self, title):
        """Each section says how it was measured: sections are replaced one by one."""
        settings = {name: psql("-d", "postgres", "-c", "SHOW " + name)
                    for name in ("server_version", "fsync", "wal_level", "autovacuum")}
        self.say("## " + title)
        self.say()
        self.say(f"Medians of {RUNS} {'run' if RUNS == 1 else 'runs'}, PostgreSQL {settings.pop('server_version')},"
                 f" {os.cpu_count()} cores, {', '.join(' '.join(item) for item in settings.items())}.")
        self.say()

    def table(self, *columns):
        self.say("| " + " | ".join(columns) + " |")
        self.say("|" + "---|" * len(columns))

    def row(self, *cells):
        self.say("| " + " | ".join(cell if isinstance(cell, str) else shown(cell) for cell in cells) + " |")


def shown(number):
    if number is None:
        return ""
    return f"{number:,}" if isinstance(number, int) else f"{number:.3f}" if number < 100 else f"{number:,.0f}"


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def ratio(ours, theirs):
    """Ours over theirs: below 1 where ours is faster."""
    return f"{ours / theirs:.2f}" if ours / theirs > 0.05 else f"{ours / theirs:.4f}"


CONTEST = ("", "seconds", "ours / this", "read", "compute", "write", "rows read", "rows written", "peak MB")


def contest(report, ours, numpy, floor=None, sql=(), loop=None):
    """The table of a workload."""
    base = median(ours, "seconds")
    report.table(*CONTEST)
    report.row("portfolio_batch", base, "1", "", "", "", ours[-1]["read"], ours[-1]["written"],
               max(run["peak_mb"] for run in ours))
    if numpy:
        theirs = median(numpy, "seconds")
        report.row("numpy, binary COPY", theirs, ratio(base, theirs),
                   *(median(numpy, part) for part in ("read", "compute", "write")), numpy[-1]["rows_read"],
                   numpy[-1]["rows_written"], max(run["peak_mb"] for run in numpy))
    others = [("floor: COPY of inputs and results", statistics.median(floor))] if floor else []
    for name, seconds in [*others, *sql, *([loop] if loop else [])]:
        report.row(name, seconds, ratio(base, seconds), *[""] * 6)
    report.say()
    last = ours[-1]
    report.say(f"Ours sent {last['statements']} SQL statements, {last['in_sql']:.3f} s of its time.")
    report.say()


def position_nights():
    """Positions with results, once for each of their dates."""
    return int(psql("-c", "SELECT count(*) FROM position_volatility"))


def bytes_table(report, contestants):
    """Bytes of results and of WAL for each position and night."""
    report.table("bytes a position and night", "stored", "WAL")
    for name, (runs, nights) in contestants.items():
        report.row(name, *(round(median(runs, what) / nights) for what in ("stored", "wal")))
    report.say()


def longest_statements(report, run):
    report.table("longest statements of ours", "seconds")
    for query, seconds in run["longest"]:
        report.row("`" + query[:110].replace("|", "\\|") + "`", seconds)
    report.say()


def engine_times(report):
    """Of the last run of the batch, from its own log."""
    rows = psql("-c", "SELECT job_name, duration_seconds, rows_written FROM batch_jobs WHERE run_id ="
                " (SELECT max(run_id) FROM batch_runs) AND job_type <> 'portfolio' ORDER BY job_no")
    report.table("phase or engine of ours", "seconds", "rows written")
    for line in rows.splitlines():
        name, seconds, written = line.split("|")
        report.row(name, float(seconds or 0), int(written or 0))
    report.say()


def loop_estimate(day, portfolios, positions, sessions=1):
    """Seconds of the loop over all positions and pairs of each session, from those of a sample of one."""
    each = run_loop(day)
    by_position = sum(seconds for name, seconds in each.items() if name != "correlations") * portfolios * positions
    of_one = by_position + each["correlations"] * number_of_pairs(portfolios, positions)
    return (f"loop of pandas and statsmodels, from {LOOP_POSITIONS} positions" + " of a session" * (sessions > 1),
            of_one * sessions)


def number_of_pairs(portfolios, positions):
    return portfolios * positions * (positions - 1) // 2


# ---- workloads -------------------------------------------------------------------------------------------------------

def of_numpy(engines):
    return ACCOUNTING + [name for _, _, name in engines]


def measure(report, day, call, engines, filters=FILTERS, every_session=False, slow=None, keep="off"):
    """Runs of ours, of the floor and of the numpy program in turn; figures are compared after the first."""
    ours, numpy, floor = [], [], []
    for run in range(RUNS):
        script("reset.sql", keep_snapshots=keep)
        ours.append(run_ours(call.format(day=day), filters))
        script("peer_schema.sql")
        numpy.append(run_numpy(day, engines, filters, every_session))
        if run == 0:
            figures, worst = compare()
            report.say(f"{figures:,} figures compared with those of the numpy program: the largest difference is"
                       f" {worst:.1e} of their size.")
            report.say()
        floor.append(run_floor())
    return ours, numpy, floor, (slow(day) if slow else {})


def slow_night(portfolios, positions, with_pairs):
    """Programs too slow to be run more than once, or to be run on everything."""
    def run(day):
        sql = [("plain SQL: regr_slope, market betas alone, one run", run_sql(day, "betas"))]
        compare_with_betas()
        if with_pairs:
            sql.append(("plain SQL: corr, correlations alone, one run", run_sql(day, "correlations")))
            compare_with_correlations()
        return {"sql": sql, "loop": loop_estimate(day, portfolios, positions)}
    return run


def first_nights(day, engines):
    """Runs of ours and of the numpy program on a market of which nothing is computed; the last of them stay."""
    ours, numpy, floor = [], [], []
    for _ in range(RUNS):
        script("reset.sql", keep_snapshots="off")
        ours.append(run_ours(NIGHT.format(day=day)))
        script("peer_schema.sql")
        numpy.append(run_numpy(day, engines))
        floor.append(run_floor())
    compare()
    return ours, numpy, floor


def night(report, portfolios, symbols, with_pairs):
    """An ordinary night, and the first one of the same book the session before."""
    yesterday, day = prepare_ordinary(portfolios, symbols)
    engines = of_numpy(what_is_there())
    first_ours, first_numpy, first_floor = first_nights(yesterday, engines)
    first = position_nights()
    keep_as_start()
    ours, numpy, floor = [], [], []
    for run in range(RUNS):
        start_again()
        ours.append(run_ours(NIGHT.format(day=day)))
        numpy.append(run_numpy(day, engines))
        if run == 0:
            figures, worst = compare()
            report.say(f"{figures:,} figures of both nights compared with those of the numpy program: the largest"
                       f" difference is {worst:.1e} of their size.")
            report.say()
        floor.append(run_floor(day))
    nights = position_nights() - first
    others = slow_night(portfolios, 50, with_pairs)(day)
    report.say("An ordinary night: tags are in place, and positions priced, since the session before.")
    report.say()
    contest(report, ours, numpy, floor, **others)
    bytes_table(report, {"portfolio_batch": (ours, nights), "numpy": (numpy, nights),
                         "portfolio_batch, first night": (first_ours, first),
                         "numpy, first night": (first_numpy, first)})
    report.say("The first night of the book, the session before, with nothing in place:")
    report.say()
    contest(report, first_ours, first_numpy, first_floor)
    return ours


def w1(report, portfolios=200, symbols=1000):
    report.head(f"W1: one night, {portfolios:,} portfolios x 50 positions, {symbols:,} symbols")
    ours = night(report, portfolios, symbols, with_pairs=True)
    engine_times(report)
    longest_statements(report, ours[-1])


def w2(report, positions=25, sessions=87):
    report.head(f"W2: backfill, 3 portfolios x {positions} positions x {sessions} sessions")
    day = prepare(3, positions, sessions, 60)
    ours, numpy, floor, others = measure(report, day, BACKFILL, of_numpy(what_is_there()), every_session=True,
                                         slow=lambda day: {"loop": loop_estimate(day, 3, positions, sessions)})
    contest(report, ours, numpy, floor, **others)
    nights = position_nights()
    bytes_table(report, {"portfolio_batch": (ours, nights), "numpy": (numpy, nights)})
    longest_statements(report, ours[-1])


def w3(report, symbols=1000):
    report.head(f"W3: correlations of {symbols:,} symbols in one portfolio, without filters")
    day = prepare(1, symbols, 1, symbols)
    run_ours(NIGHT.format(day=day), NO_FILTERS)
    ours, numpy, floor, _ = measure(report, day, "calc_correlations('{day}')", ["correlations"], NO_FILTERS, keep="on")
    sample = max(2, symbols // 10)
    seconds = run_sql(day, "correlations", NO_FILTERS, sample)
    seconds *= number_of_pairs(1, symbols) / number_of_pairs(1, sample)
    compare_with_correlations("RIGHT")
    pairs = run_loop(day)["correlations"] * number_of_pairs(1, symbols)
    contest(report, ours, numpy, floor, [(f"plain SQL: corr, from {sample} symbols", seconds)],
            ("loop of pandas, from a sample of pairs", pairs))
    longest_statements(report, ours[-1])


def w4(report, portfolios=1000, symbols=2000):
    report.head(f"W4: one night, {portfolios:,} portfolios x 50 positions, {symbols:,} symbols")
    night(report, portfolios, symbols, with_pairs=False)
    engine_times(report)


def w4w(report, portfolios=1000, symbols=2000):
    report.head(f"W4w: the night of W4 by workers ({portfolios:,} portfolios x 50 positions, {symbols:,} symbols)")
    yesterday, day = prepare_ordinary(portfolios, symbols)
    if not has_workers():
        report.say("Skipped: daily_batch has no parameter workers.")
        report.say()
        return
    run_ours(NIGHT.format(day=yesterday))
    keep_as_start()
    found = {1: [], 2: []}
    at_once = []
    databases = ["bench", "bench_beside"]
    for _ in range(RUNS):
        for workers, runs in found.items():
            start_again()
            runs.append(run_with_workers(day, workers))
        for database in databases:
            start_again(database)
        at_once.append(run_at_once(day, databases))
    psql("-d", "postgres", "-c", "DROP DATABASE bench_beside WITH (FORCE)")
    base = median(found[1], "seconds")
    report.say("An ordinary night. Each worker has as much memory again.")
    report.say()
    report.table("workers", "seconds", "one worker / this", "rows written", "peak MB of the calling session")
    for workers, runs in found.items():
        seconds = median(runs, "seconds")
        report.row(workers, seconds, ratio(base, seconds), runs[-1]["written"], max(run["peak_mb"] for run in runs))
    report.say()
    both = statistics.median(at_once)
    report.say(f"What the machine has for two sessions that share no table: this night in two databases at once takes"
               f" {both:.2f} s, {2 * base / both:.2f} times the work of one session; two workers do"
               f" {base / median(found[2], 'seconds'):.2f} times that of one.")
    report.say()


def night_before(day):
    """Computes a session, by ours and by the numpy program: where an ordinary night begins."""
    run_ours(NIGHT.format(day=day))
    script("peer_schema.sql")
    run_numpy(day, of_numpy(what_is_there()))
    keep_as_start()


def w5(report, portfolios=200, symbols=1000, steps=(1, 2, 4, 8)):
    report.head("W5: growth of one night, 50 positions a portfolio")
    rows = [(portfolios * k, symbols) for k in steps] + [(portfolios, symbols * k) for k in steps[1:3]]
    found = []
    for many, names in rows:
        yesterday, day = prepare_ordinary(many, names)
        engines = of_numpy(what_is_there())
        night_before(yesterday)
        ours, numpy = [], []
        for _ in range(RUNS):
            start_again()
            ours.append(run_ours(NIGHT.format(day=day)))
            numpy.append(run_numpy(day, engines))
        compare()
        found.append((many, names, ours, numpy))
    report.say("Ordinary nights.")
    report.say()
    report.table("portfolios", "symbols", "seconds", "ms a position", "this / the first", "numpy", "ours / numpy",
                 "statements", "rows written", "peak MB")
    first = median(found[0][2], "seconds")
    for many, names, ours, numpy in found:
        seconds, theirs = median(ours, "seconds"), median(numpy, "seconds")
        report.row(many, names, seconds, 1000 * seconds / (50 * many), ratio(seconds, first), theirs,
                   ratio(seconds, theirs), ours[-1]["statements"], ours[-1]["written"],
                   max(run["peak_mb"] for run in ours))
    report.say()


def w6(report, portfolios=200, symbols=1000):
    report.head(f"W6: the night of W1 again ({portfolios:,} x 50, {symbols:,} symbols)")
    yesterday, day = prepare_ordinary(portfolios, symbols)
    engines = of_numpy(what_is_there())
    night_before(yesterday)
    first, theirs_first, unchanged, corrected, theirs = [], [], [], [], []
    for _ in range(RUNS):
        start_again()
        first.append(run_ours(NIGHT.format(day=day)))
        theirs_first.append(run_numpy(day, engines))
        unchanged.append(run_ours(NIGHT.format(day=day)))
        if unchanged[-1]["written"]:
            sys.exit(f"an unchanged rerun wrote {unchanged[-1]['written']} rows")
        psql("-c", f"UPDATE market_data_cache SET close = close + 0.5, adj_close = adj_close + 0.5 WHERE date = '{day}'"
             " AND symbol = (SELECT symbol FROM positions WHERE investment_class = 'PUBLIC' ORDER BY symbol LIMIT 1)")
        corrected.append(run_ours(NIGHT.format(day=day)))
        theirs.append(run_numpy(day, engines, replace=True))
    compare()
    base = median(first, "seconds")
    report.table("", "seconds", "of a first run", "rows written", "bytes of WAL", "numpy, replacing the date",
                 "rows it wrote", "ours / numpy", "peak MB")
    for name, runs, other in (("first run", first, theirs_first), ("unchanged", unchanged, theirs),
                              ("one price corrected", corrected, theirs)):
        seconds = median(runs, "seconds")
        report.row(name, seconds, ratio(seconds, base), runs[-1]["written"], int(median(runs, "wal")),
                   median(other, "seconds"), other[-1]["rows_written"], ratio(seconds, median(other, "seconds")),
                   max(run["peak_mb"] for run in runs))
    report.say()
    report.say("The last run, after a corrected price:")
    report.say()
    engine_times(report)
    report.say("Of an unchanged run:")
    report.say()
    longest_statements(report, unchanged[-1])


# Nine tenths of some lots, in parts on ten sessions; and a dividend on each session, which is paid for what is left.
CLOSINGS = """
UPDATE positions SET quantity = 100000, position_type = 'LONG', investment_class = 'PUBLIC', underlying_symbol = NULL,
  contract_multiplier = NULL, entry_date = '{first}';
CREATE TABLE session AS SELECT session_date AS day, row_number() OVER (ORDER BY session_date) AS n
FROM trading_sessions WHERE calendar = 'NYSE' AND session_date BETWEEN '{first}' AND '{day}';
DELETE FROM position_realized_events;
INSERT INTO position_realized_events (portfolio_id, position_id, trade_date, quantity_closed, exit_price, realized_pnl)
SELECT p.portfolio_id, p.id, s.day, trunc(90000.0 / {each}, 6), p.entry_price, 0
FROM (SELECT * FROM positions ORDER BY id LIMIT {lots}) AS p
CROSS JOIN generate_series(1, {each}) AS i JOIN session AS s ON s.n = 1 + i % 10;
INSERT INTO corporate_actions (symbol, ex_date, kind, amount)
SELECT DISTINCT p.symbol, s.day, 'dividend', 0.01 FROM positions AS p, session AS s WHERE s.n > 1;
"""


def w7(report, many=50000, lots=500):
    report.head(f"W7: {many:,} closings of one portfolio, of one lot and of {lots:,}")
    report.table("closings", "of lots", "snapshots and values of a date, s", "close_position, s", "api_position, s")
    for closings, of_lots in ((many // 10, 1), (many, 1), (many // 10, lots), (many, lots)):
        day = prepare(1, 2 * lots, 15, 2 * lots)
        first = psql("-c", "SELECT min(entry_date) FROM positions")
        psql("-c", CLOSINGS.format(first=first, day=day, each=closings // of_lots, lots=of_lots), "-c",
             "VACUUM ANALYZE")
        portfolio, lot = psql("-c", "SELECT portfolio_id, id FROM positions ORDER BY id LIMIT 1").split("|")
        calls = [f"SELECT * FROM run_daily_batch('{day}', phases => '{{2,2.5}}', force => true)",
                 f"SELECT close_position('{portfolio}', '{lot}', 1, 10, '{day}')", f"SELECT api_position('{lot}')"]
        seconds = []
        for _ in range(RUNS):
            with Backend() as backend:
                seconds.append([backend.measured(call)[0] for call in calls])
        report.row(closings, of_lots, *map(statistics.median, zip(*seconds)))
    report.say()


# So many times as many lots as there are.
COPIES = """INSERT INTO positions (portfolio_id, id, symbol, position_type, investment_class, quantity, entry_price,
  entry_date, underlying_symbol, strike_price, expiration_date, contract_multiplier)
SELECT portfolio_id, gen_random_uuid(), symbol, position_type, investment_class, quantity, entry_price, entry_date,
  underlying_symbol, strike_price, expiration_date, contract_multiplier FROM positions, generate_series(2, {times});
UPDATE portfolios SET initial_equity = initial_equity * {times};"""


def w8(report, positions=50000):
    report.head(f"W8: the report of a book of {positions:,} positions")
    report.table("positions", "seconds", "peak MB", "bytes of the page")
    for many in (positions // 100, positions):
        lots = min(many, 1000)
        day = prepare(1, lots, 2, lots)
        psql("-c", COPIES.format(times=many // lots))
        run_ours(BACKFILL.format(day=day))
        psql("-c", "VACUUM ANALYZE")
        found = []
        for _ in range(RUNS):
            with Backend() as backend:
                found.append((*backend.measured("CREATE TEMP TABLE page AS SELECT length(portfolio_report(id)) AS bytes"
                                                " FROM portfolios"), backend.one("SELECT bytes FROM page")))
        report.row(many, statistics.median(run[0] for run in found), max(run[1] for run in found), found[-1][2])
    report.say()


def engines_alone(report, symbols, portfolios, with_slow):
    report.say(f"### {symbols:,} symbols, {portfolios:,} portfolios x 50 positions")
    report.say()
    day = prepare(portfolios, 50, 1, symbols)
    engines = what_is_there()
    run_ours(NIGHT.format(day=day))
    rows = []
    for name, call, peer in engines:
        ours, numpy = [], []
        for _ in range(RUNS):
            script("reset.sql", keep_snapshots="on")
            ours.append(run_ours(call.format(day=day)))
            script("peer_schema.sql")
            psql("-c", "INSERT INTO peer.portfolio_snapshots SELECT * FROM portfolio_snapshots")
            numpy.append(run_numpy(day, [peer]))
        rows.append((name, ours, numpy))
    report.table("engine", "seconds", "in SQL", "numpy", "ours / numpy", "read", "compute", "write", "rows written",
                 "numpy wrote", "peak MB")
    for name, ours, numpy in rows:
        base, theirs = median(ours, "seconds"), median(numpy, "seconds")
        report.row(name, base, median(ours, "in_sql"), theirs, ratio(base, theirs),
                   *(median(numpy, part) for part in ("read", "compute", "write")), ours[-1]["written"],
                   numpy[-1]["rows_written"], max(run["peak_mb"] for run in ours))
    report.say()
    if with_slow:
        slow_engines(report, day, portfolios, {name: median(ours, "seconds") for name, ours, _ in rows})


# The engines of ours that do what a slower program does, and more.
SAME = {"market_betas": "calc_market_betas", "rate_betas": "calc_interest_rate_betas",
        "ridge_betas": "calc_factor_betas ridge", "spread_betas": "calc_factor_betas spread",
        "volatility": "calc_volatility", "correlations": "calc_correlations"}


def slow_engines(report, day, portfolios, ours):
    """Plain SQL in one run, and the loop from a sample."""
    script("reset.sql", keep_snapshots="on")
    run_ours(NIGHT.format(day=day))
    script("peer_schema.sql")
    found = [("plain SQL: regr_slope", "market_betas", run_sql(day, "betas"))]
    compare_with_betas()
    found.append(("plain SQL: corr", "correlations", run_sql(day, "correlations")))
    compare_with_correlations()
    for name, seconds in run_loop(day).items():
        many = number_of_pairs(portfolios, 50) if name == "correlations" else portfolios * 50
        found.append(("loop", name, seconds * many))
    report.table("slower programs", "engine", "seconds", "ours / this")
    for program, name, seconds in found:
        report.row(program, SAME[name], seconds, ratio(ours[SAME[name]], seconds) if SAME[name] in ours else "")
    report.say()


def each_engine(report, sizes=None):
    report.head("E: each engine alone, on accounting that is there")
    sizes = sizes or os.environ.get("SIZES", "500x10 500x200 500x1000 2000x10 2000x200 2000x1000 5000x10 5000x200"
                                    " 5000x1000")
    for size in sizes.split():
        symbols, portfolios = map(int, size.split("x"))
        # On the smallest alone: the others would take minutes, and show the same.
        engines_alone(report, symbols, portfolios, with_slow=size == sizes.split()[0])


# ---- collection ------------------------------------------------------------------------------------------------------

# A book that wants the prices of so many symbols, of the last sessions and no others; none is there. The funds that
# factors stand for are left out: nothing but the symbols is asked for.
COLLECTED_BOOK = """
UPDATE factor_definitions SET is_active = false;
INSERT INTO portfolios (id, name, owner, currency, inception_date, initial_equity)
VALUES ('00000000-0000-4000-8000-000000000001', 'Everything', 'bench', 'USD', '{first}', 1000000);
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, investment_class)
SELECT '00000000-0000-4000-8000-000000000001', gen_random_uuid(), 'ZB' || lpad(i::text, 5, '0'), 'LONG', 1, 100,
       '{first}', 'PUBLIC'
FROM generate_series(0, {symbols} - 1) AS i;
UPDATE provider_priority SET is_enabled = (kind, provider) = ('prices', 'yahoo');
INSERT INTO provider_limits (provider, requests_per_second, burst, concurrent) VALUES ('yahoo', 100000, 100000, 8);
ALTER DATABASE bench SET portfolio_batch.provider_addresses = 'yahoo=http://127.0.0.1:{port}';
ALTER DATABASE bench SET portfolio_batch.allow_insecure_loopback = on;
ALTER DATABASE bench SET portfolio_batch.market_symbol = 'ZB00000';
"""
SESSIONS = """SELECT session_date, extract(epoch FROM open_at)::bigint, extract(epoch FROM close_at)::bigint
FROM (SELECT * FROM trading_sessions WHERE calendar = 'NYSE' AND session_date <= latest_closed_session()
      ORDER BY session_date DESC LIMIT 620) AS s ORDER BY 1"""


@contextmanager
def market_server(folder, bars):
    """The port of a server of made-up charts on loopback, of which every number is made in advance."""
    sessions, port = Path(folder, "sessions"), Path(folder, "port")
    sessions.write_text(psql("-F", " ", "-c", SESSIONS) + "\n", encoding="utf-8")
    server = subprocess.Popen(["/usr/bin/python3", str(HERE.parent / "test/collect/market_server.py"), "serve",
                               "--port-file", str(port), "--sessions", str(sessions), "--bars", str(bars)])
    try:
        while not (port.exists() and port.read_text()):
            if server.poll() is not None:
                sys.exit("the server of charts ended")
            time.sleep(0.05)
        yield int(port.read_text())
    finally:
        server.terminate()
        server.wait()


def server_alone(port, symbols, connections=8):
    """Seconds in which the server gives all charts to somebody who reads and throws away, and their bytes."""
    received = []

    def read(some):
        with socket.create_connection(("127.0.0.1", port)) as line:
            buffer, total = bytearray(1 << 20), 0
            for symbol in some:
                line.sendall(f"GET /v8/finance/chart/{symbol}?period1=0&period2=4000000000 HTTP/1.1\r\nHost: x\r\n\r\n"
                             .encode())
                head = line.recv_into(buffer)
                wanted = int(re.search(rb"Content-Length: (\d+)", buffer[:head]).group(1))
                wanted += buffer.index(b"\r\n\r\n") + 4
                total += wanted
                while head < wanted:
                    head += line.recv_into(buffer)
        received.append(total)

    readers = [threading.Thread(target=read, args=[symbols[i::connections]]) for i in range(connections)]
    started = time.perf_counter()
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return time.perf_counter() - started, sum(received)


def run_collection(day):
    """One call, in a session of its own. In SQL are the statements that store, which is where the rows go."""
    with Backend() as backend:
        backend.run("SELECT pg_stat_statements_reset()")
        before = backend.one(WAL)
        seconds, peak = backend.measured(f"CALL collect_market_data('{day}')")
        found = backend.run("SELECT status, rows_written, symbols_requested, detail FROM collections"
                            " ORDER BY collection_id DESC LIMIT 1")[0]
        if found[0] != "success":
            sys.exit(f"the collection ended as {found}")
        upsert = backend.one("SELECT coalesce(sum(total_exec_time), 0) / 1000 FROM pg_stat_statements"
                             " WHERE NOT toplevel AND query ~* '(INSERT INTO|UPDATE|DELETE FROM)'")
        others = backend.one("SELECT coalesce(sum(total_exec_time), 0) / 1000 " + STATEMENTS)
        longest = backend.run("SELECT regexp_replace(query, '\\s+', ' ', 'g'), total_exec_time / 1000 " + STATEMENTS
                              + " ORDER BY total_exec_time DESC LIMIT 6")
        wal = int(backend.one(f"SELECT pg_wal_lsn_diff(({WAL}), '{before}')"))
        return {"seconds": seconds, "upsert": upsert, "other_sql": others - upsert,
                "rest": seconds - others, "written": found[1] or 0, "wal": wal, "peak_mb": peak, "longest": longest}


def run_collecting_peer(port, symbols_file, first, day, threads):
    command = ["/usr/bin/python3", str(HERE / "peer_collect.py"), "--base", f"http://127.0.0.1:{port}", "--symbols",
               str(symbols_file), "--first", first, "--last", day, "--threads", str(threads), "--table",
               "peer.market_data_cache"]
    before = psql("-c", WAL)
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout) | {"threads": threads,
                                      "wal": int(psql("-c", f"SELECT pg_wal_lsn_diff(({WAL}), '{before}')"))}


def copy_of_prices(folder):
    """Seconds in which COPY loads the rows that are there into a table like theirs, with its indexes: the floor."""
    path = Path(folder, "prices")
    psql("-c", f"COPY market_data_cache TO '{path}' (FORMAT binary)", "-c", "DROP TABLE IF EXISTS peer.floor", "-c",
         "CREATE TABLE peer.floor (LIKE market_data_cache INCLUDING INDEXES)", "-c", "CHECKPOINT")
    started = time.perf_counter()
    psql("-c", f"COPY peer.floor FROM '{path}' (FORMAT binary)")
    return time.perf_counter() - started


def compare_prices(rows):
    """That both have stored the same prices."""
    differing = psql("-c", """
        SELECT count(*) FROM (SELECT symbol, date, open, high, low, close, coalesce(adj_close, close), volume
                              FROM market_data_cache) AS o (symbol, date, open, high, low, close, adj_close, volume)
        FULL JOIN peer.market_data_cache AS t USING (symbol, date)
        WHERE (o.open, o.high, o.low, o.close, o.adj_close, o.volume)
              IS DISTINCT FROM (t.open, t.high, t.low, t.close, t.adj_close, t.volume)""")
    if differing != "0":
        sys.exit(f"{differing} prices differ from those of the other program")
    if psql("-c", "SELECT count(*) FROM market_data_cache") != str(rows):
        sys.exit(f"not the {rows} prices that there are")


COLLECTIONS = ("", "seconds", "this / ours", "fetch and parse", "store", "rows written", "MB of WAL", "peak MB")


def contest_of_collections(report, ours, theirs):
    base = median(ours, "seconds")
    report.table(*COLLECTIONS)
    report.row("portfolio_batch", base, "1", base - median(ours, "upsert"), median(ours, "upsert"),
               ours[-1]["written"], ours[-1]["wal"] / 1e6, max(run["peak_mb"] for run in ours))
    for threads in sorted({run["threads"] for run in theirs}):
        runs = [run for run in theirs if run["threads"] == threads]
        seconds = median(runs, "seconds")
        report.row(f"requests, pandas, COPY; {threads} {'thread' if threads == 1 else 'threads'}", seconds,
                   f"{seconds / base:.1f}", median(runs, "collect"), median(runs, "upsert"), runs[-1]["written"],
                   runs[-1]["wal"] / 1e6, max(run["peak_mb"] for run in runs))
    report.say()


def c(report, symbols=5000, sessions=252, threads=(1, 2)):
    report.head(f"C: prices of {symbols:,} symbols x {sessions} sessions from a server on loopback")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        prepare_empty()
        with market_server(folder, sessions) as port:
            day, first = psql("-c", f"""SELECT max(d), min(d) FROM (
                SELECT session_date AS d FROM trading_sessions WHERE calendar = 'NYSE'
                AND session_date <= latest_closed_session() ORDER BY 1 DESC LIMIT {sessions}) AS s""").split("|")
            psql("-c", COLLECTED_BOOK.format(first=first, symbols=symbols, port=port), "-c", "VACUUM ANALYZE")
            names = [f"ZB{i:05}" for i in range(symbols)]
            symbols_file = Path(folder, "symbols")
            symbols_file.write_text("\n".join(names), encoding="utf-8")
            alone, received = server_alone(port, names)
            report.say(f"The server alone gives the {symbols:,} charts, {received / 1e6:,.0f} MB, in {alone:.2f} s.")
            report.say()
            ours, theirs, floor, night, their_night = [], [], [], [], []
            for run in range(RUNS):
                psql("-c", "TRUNCATE market_data_cache, market_data_revisions, collection_results, collections,"
                     " provider_state", "-c", "CHECKPOINT")
                ours.append(run_collection(day))
                floor.append(copy_of_prices(folder))
                for many in threads:
                    new_peer_prices()
                    theirs.append(run_collecting_peer(port, symbols_file, first, day, many))
                if run == 0:
                    compare_prices(symbols * sessions)
                psql("-c", f"DELETE FROM market_data_cache WHERE date = '{day}'", "-c",
                     f"DELETE FROM peer.market_data_cache WHERE date = '{day}'", "-c",
                     "VACUUM ANALYZE market_data_cache, peer.market_data_cache", "-c", "CHECKPOINT")
                night.append(run_collection(day))
                if night[-1]["written"] != symbols:
                    sys.exit(f"a night of {symbols} new prices wrote {night[-1]['written']} rows")
                their_night.append(run_collecting_peer(port, symbols_file, ten_before(day), day, 1))
    contest_of_collections(report, ours, theirs)
    report.say(f"The floor, COPY of the same rows into a table with the same indexes: {statistics.median(floor):.2f} s."
               f" Of ours, {median(ours, 'rest'):.2f} s are in the network and in parsing,"
               f" {median(ours, 'other_sql'):.2f} s in statements that read.")
    report.say()
    longest_statements(report, ours[-1])
    report.say("An ordinary night: one session is new. Ours asks for the sessions that overlap as well, the other"
               " program for as many.")
    report.say()
    contest_of_collections(report, night, their_night)


def prepare_empty():
    psql("-d", "postgres", "-c", "DROP DATABASE IF EXISTS bench WITH (FORCE)", "-c", "CREATE DATABASE bench")
    os.environ["PGDATABASE"] = "bench"
    psql("-c", "SET client_min_messages = warning", "-c", "CREATE EXTENSION pg_stat_statements", "-c",
         "CREATE EXTENSION portfolio_batch", "-c", "SELECT create_analytics_tables()", "-c", "CREATE SCHEMA peer")
    new_peer_prices()


def new_peer_prices():
    psql("-c", "DROP TABLE IF EXISTS peer.market_data_cache", "-c",
         "CREATE TABLE peer.market_data_cache (LIKE market_data_cache INCLUDING DEFAULTS INCLUDING INDEXES)", "-c",
         "CHECKPOINT")


def ten_before(day):
    return psql("-c", f"""SELECT min(d) FROM (SELECT session_date AS d FROM trading_sessions WHERE calendar = 'NYSE'
                          AND session_date < '{day}' ORDER BY 1 DESC LIMIT 10) AS s""")


WORKLOADS = {"W1": w1, "W2": w2, "W3": w3, "W4": w4, "W4w": w4w, "W5": w5, "W6": w6, "W7": w7,
             "W8": w8, "E": each_engine, "C": c}
QUICK = {"W1": lambda r: w1(r, 20, 200), "W2": lambda r: w2(r, 10, 10), "W3": lambda r: w3(r, 100),
         "W4": lambda r: w4(r, 30, 200), "W4w": lambda r: w4w(r, 30, 200),
         "W5": lambda r: w5(r, 10, 100, (1, 2)),
         "W6": lambda r: w6(r, 20, 200), "W7": lambda r: w7(r, 5000, 50), "W8": lambda r: w8(r, 2000),
         "E": lambda r: each_engine(r, "200x10"), "C": lambda r: c(r, 100, 30, (1, 2))}


INTRODUCTION = f"""# Measured

By `scripts/bench`: one backend, a warm cache, and a server as people run it: fsync, full-page writes and autovacuum on,
wal_level replica; for the floor and the other programs as well. Markets are made up (load_sample_data), with {HISTORY}
sessions before the first trade; a portfolio has 50 positions where nothing else is said. All programs read the same
tables in the same cluster.

**Sections that do not name these settings are old**: they were measured with fsync and autovacuum off, W1 and W4 on the
first night of a book, and on an earlier way of storing results.

* An ordinary night, in W1, W4, W4w, W5 and W6, finds the session before it done: sector tags in place, positions
  priced, results of one date. Each run begins with the same copy of that database. W1 and W4 show the first night of
  the book beside it.
* Bytes a position and night: stored is what the tables of results grew by, with indexes and TOAST; WAL is what was
  written to it while the call ran. The tables are found in the catalog.
* portfolio_batch: one call from psql, in a session that has the library loaded; time until it returns, committed. Rows
  read include those of index look-ups; the peak is of the session's private memory, sampled every 10 ms: shared
  buffers are the server's.
* numpy: a vectorised program for the same figures (`bench/peer_numpy.py`): inputs by binary COPY of exactly the columns
  and sessions it needs, one factorization for all symbols with the same sessions, many sessions of a backfill at once,
  sums as matrix products on OpenBLAS with one thread (ours uses one core as well), results by one binary COPY a table,
  in the order of the keys, encoded while the server takes in what went before. Read, compute and write are timed apart.
  Starting Python and loading its libraries, about a second, is not counted. It keeps no log, looks for nothing that
  has changed, and cannot handle splits, deltas, replays, riskless yields, gaps in volatility or portfolios of symbols
  with different samples, which these markets do not have. Of the factors of stress tests it reads all the past. Its
  tables hold rows of the documented columns, which ours show as views where they store less, with primary keys,
  references and storage and none of the checks. It writes pairs of correlations as rows of a plain table without a key,
  one for each pair, ours one packed matrix a portfolio. Of the session before it reads back the snapshots and the tags.
* plain SQL (`bench/peer_sql.sql`): the server's own aggregates, for what there are any.
* loop (`bench/peer_loop.py`): a query, a pandas frame, a statsmodels fit and an INSERT for each position, and an INSERT
  for each pair; run on a sample of {LOOP_POSITIONS} positions, from which the seconds of all are extrapolated.
* C, prices collected: a program of requests, pandas and psycopg2 (`bench/peer_collect.py`) that asks the same server
  (`test/collect/market_server.py`), with threads, makes a data frame of each answer, and stores all of them by COPY
  into a staging table and one INSERT … ON CONFLICT of what differs. It knows no calendar, no gap, no split and no
  second provider, checks nothing, and has all rows in memory at once.
* floor (`bench/floor.sql`): COPY (binary, on the server) of the inputs out and of our results, as they are stored, in.

After the first run of each, `bench/spot_check.sql` asserts that the numpy program and ours agree to 1e-9 in every
row, and money to its last decimal; plain SQL is held to ours likewise.
"""


def sections(path):
    """What was measured before, by workload."""
    parts = path.read_text(encoding="utf-8").split("\n## ")[1:] if path.exists() else []
    return {part.split(":")[0]: "## " + part.rstrip() for part in parts}


def keep(name, report, path=HERE / "results.md"):
    """Puts the section of a workload in the place of the one before."""
    measured = sections(path) | {name: "\n".join(report.lines).rstrip()}
    in_order = [measured[name] for name in WORKLOADS if name in measured]
    path.write_text("\n\n".join([INTRODUCTION.rstrip(), *in_order]) + "\n", encoding="utf-8")


def main(names):
    is_quick = names == ["quick"]
    chosen = QUICK if is_quick else WORKLOADS
    names = list(chosen) if names in (["quick"], ["all"], []) else names
    if unknown := [name for name in names if name not in WORKLOADS]:
        sys.exit(f"no such workload: {', '.join(unknown)}\n{__doc__}")
    for name in names:
        report, started = Report(), time.perf_counter()
        chosen[name](report)
        print(f"{name} took {time.perf_counter() - started:.0f} s.\n", flush=True)
        if not is_quick:
            keep(name, report)


if __name__ == "__main__":
    main(sys.argv[1:])
