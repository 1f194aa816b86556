#!/usr/bin/env python3
"""The program that fetches, parses and stores daily prices as many do: requests, pandas and COPY. Beside workload C.

usage: peer_collect.py --base URL --symbols FILE --first DATE --last DATE --threads N --table NAME

Each thread has a session of requests with an open connection, fetches the chart of a symbol and makes a data frame of
it. What they make is written as one: COPY into a staging table without an index, then INSERT … ON CONFLICT of what
differs. Prints seconds by part, rows and peak memory as JSON. Loading Python and its libraries is not counted.
"""
import argparse
import io
import json
import queue
import resource
import threading
import time
from datetime import date, datetime, time as clock, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import psycopg2
import requests

NEW_YORK = ZoneInfo("America/New_York")
COLUMNS = ["symbol", "date", "open", "high", "low", "close", "adj_close", "volume", "adjustment", "data_source"]
VALUES = [name for name in COLUMNS if name not in ("symbol", "date")]


def midnight(day):
    return int(datetime.combine(day, clock(), NEW_YORK).timestamp())


def without_noise(values):
    """Prices are sent as float32 written with all digits of a float64. Four decimals are what such programs keep."""
    return np.asarray(values, float).round(4)


def frame_of(symbol, answer):
    result = answer["chart"]["result"][0]
    if "timestamp" not in result:
        return None
    quote = result["indicators"]["quote"][0]
    frame = pd.DataFrame({name: quote[name] for name in ("open", "high", "low", "close", "volume")})
    frame["adj_close"] = result["indicators"].get("adjclose", [{}])[0].get("adjclose", quote["close"])
    zone = result["meta"]["exchangeTimezoneName"]
    frame["date"] = pd.to_datetime(result["timestamp"], unit="s", utc=True).tz_convert(zone).date
    frame = frame.dropna(subset=["close"]).drop_duplicates("date", keep="last")
    prices = ["open", "high", "low", "close", "adj_close"]
    frame[prices] = without_noise(frame[prices])
    frame["volume"] = frame["volume"].astype("Int64")
    frame["symbol"], frame["adjustment"], frame["data_source"] = symbol, "split", "yahoo"
    return frame[COLUMNS]


def collect(base, symbols, first, last, threads):
    """Frames of all symbols, and the seconds that the threads spent in fetching and in parsing, added up."""
    waiting = queue.SimpleQueue()
    for symbol in symbols:
        waiting.put(symbol)
    frames, spent, lock = [], {"fetch": 0.0, "parse": 0.0}, threading.Lock()
    wanted = {"period1": midnight(first), "period2": midnight(last + timedelta(days=1)), "interval": "1d",
              "events": "div,splits"}

    def work():
        session = requests.Session()
        session.headers["User-Agent"] = "Mozilla/5.0 (compatible; peer)"
        mine, fetching, parsing = [], 0.0, 0.0
        while True:
            try:
                symbol = waiting.get_nowait()
            except queue.Empty:
                break
            started = time.perf_counter()
            response = session.get(f"{base}/v8/finance/chart/{symbol}", params=wanted, timeout=30)
            response.raise_for_status()
            body = response.content
            fetched = time.perf_counter()
            frame = frame_of(symbol, json.loads(body))
            if frame is not None:
                mine.append(frame)
            fetching += fetched - started
            parsing += time.perf_counter() - fetched
        with lock:
            frames.extend(mine)
            spent["fetch"] += fetching
            spent["parse"] += parsing

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return frames, spent


def store(table, frames):
    """Rows inserted or changed."""
    text = io.StringIO()
    pd.concat(frames).to_csv(text, header=False, index=False)
    text.seek(0)
    with psycopg2.connect("") as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE staging AS SELECT {', '.join(COLUMNS)} FROM {table} LIMIT 0")
        cursor.copy_expert(f"COPY staging ({', '.join(COLUMNS)}) FROM STDIN (FORMAT csv)", text)
        cursor.execute(f"""
            INSERT INTO {table} AS t ({', '.join(COLUMNS)}) SELECT {', '.join(COLUMNS)} FROM staging
            ON CONFLICT (symbol, date) DO UPDATE SET ({', '.join(VALUES)}, fetched_at) =
              ROW ({', '.join('excluded.' + name for name in VALUES)}, now())
            WHERE ({', '.join('t.' + name for name in VALUES)}) IS DISTINCT FROM
                  ({', '.join('excluded.' + name for name in VALUES)})""")
        return cursor.rowcount


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--base", required=True)
    options.add_argument("--symbols", required=True)
    options.add_argument("--first", type=date.fromisoformat, required=True)
    options.add_argument("--last", type=date.fromisoformat, required=True)
    options.add_argument("--threads", type=int, default=4)
    options.add_argument("--table", required=True)
    given = options.parse_args()
    with open(given.symbols, encoding="utf-8") as file:
        symbols = file.read().split()
    started = time.perf_counter()
    frames, spent = collect(given.base, symbols, given.first, given.last, given.threads)
    collected = time.perf_counter()
    written = store(given.table, frames)
    ended = time.perf_counter()
    print(json.dumps({
        "seconds": ended - started, "collect": collected - started, "upsert": ended - collected,
        "in_fetch": spent["fetch"], "in_parse": spent["parse"],
        "rows_received": int(sum(map(len, frames))), "written": written,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


if __name__ == "__main__":
    main()
