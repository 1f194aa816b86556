#!/usr/bin/env python3
"""A made-up market behind the addresses of several providers, on loopback: whatever symbol and span is asked for, the
answer has the provider's shape and follows from one truth. So a test does not depend on what the collector asks.

usage: market_server.py serve --port-file FILE --sessions FILE [--bars N]    answers until it is killed
       market_server.py tell PORT JSON                                       changes what it answers, see State
       market_server.py requests PORT                                        one line a request, since the last reset
       market_server.py rows --sessions FILE --today DATE TABLE              what a collector should have stored, as CSV

The file of sessions has a line for each: date, opening and close in seconds since the Unix epoch.

Shapes: Yahoo (chart, quote, quoteSummary, timeseries, crumb), FMP /stable, Polygon, FRED, Treasury, Tiingo. Symbols
are invented but for the funds that stand for factors; all prices are.
With --bars the symbols ZB00000 to ZB99999 have charts as well, of which the numbers are made in advance: for measuring.
"""
import argparse
import asyncio
import csv
import gzip
import json
import math
import random
import re
import struct
import sys
import urllib.request
from bisect import bisect_left, bisect_right
from datetime import date, datetime
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
FUNDS = ["SPY", "VTV", "VUG", "MTUM", "QUAL", "IWM", "USMV", "TLT"]
STOCKS = [f"ZZT{letter}" for letter in "ABCDEFGHIJKL"]
SECTORS = ["Technology", "Energy", "Utilities", "Healthcare"]
SPLIT_SYMBOL, SPLIT_RATIO = "ZZTB", 4
DIVIDENDS = {"ZZTA": 0.24, "ZZTD": 0.5, "SPY": 1.5}
BILL_YIELD = 4.0
OPTION, UNDERLYING, STRIKE = "ZZTA  270115C00100000", "ZZTA", 100


def as_float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def shortest(value):
    """The decimal with the fewest digits that is this float32, the nearest one: what is meant by a price that was sent
    as one."""
    if value is None:
        return None
    value = as_float32(value)
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if as_float32(float(text)) == value:
            return float(text)
    return value


def day_of(instant):
    return datetime.fromtimestamp(instant, NEW_YORK).date()


# ---- the truth -------------------------------------------------------------------------------------------------------

class Sessions:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            rows = [line.split() for line in file if line.strip()]
        self.days = [date.fromisoformat(row[0]) for row in rows]
        self.opening = {day: int(float(row[1])) for day, row in zip(self.days, rows)}
        self.close = {day: int(float(row[2])) for day, row in zip(self.days, rows)}

    def between(self, first, last):
        return self.days[bisect_left(self.days, first):bisect_right(self.days, last)]


class Market:
    """Prices as they are on the last session of all, and actions; as of an earlier day they follow from these."""

    def __init__(self, sessions):
        self.sessions = sessions
        self.split_day = sessions.days[-2]
        self.dividend_days = [sessions.days[-150], sessions.days[-3]]
        self.cents = {}
        generator = random.Random(20261201)
        market = [generator.gauss(0.0003, 0.008) for _ in sessions.days]
        for index, symbol in enumerate(FUNDS + STOCKS):
            beta = -0.3 if symbol == "TLT" else 1.0 if symbol == "SPY" else 0.6 + 0.1 * (index % 8)
            own = 0.0 if symbol == "SPY" else 0.003 if symbol in FUNDS else 0.009
            level = 4000.0 + 1700.0 * index
            self.cents[symbol] = {}
            for day, move in zip(sessions.days, market):
                level *= math.exp(beta * move + generator.gauss(0, own))
                self.cents[symbol][day] = round(level)
        self.volume = {symbol: {day: generator.randrange(100, 90000) * 100 for day in sessions.days}
                       for symbol in FUNDS + STOCKS}
        self.yields = {day: round(4.2 + 0.4 * math.sin(i / 40) + generator.uniform(-0.03, 0.03), 2)
                       for i, day in enumerate(sessions.days)}

    def actions(self, symbol, today):
        """(day, kind, numerator, denominator, amount) up to today, amounts in the units of today."""
        found = []
        for day in self.dividend_days:
            if symbol in DIVIDENDS and day <= today:
                found.append((day, "dividend", None, None, DIVIDENDS[symbol]))
        if symbol == SPLIT_SYMBOL and self.split_day <= today:
            found.append((self.split_day, "split", SPLIT_RATIO, 1, None))
        return sorted(found)

    def bars(self, symbol, today):
        """{day: (open, high, low, close, adj_close, volume)} up to today, divided by the splits up to today."""
        multiple = SPLIT_RATIO if symbol == SPLIT_SYMBOL and today < self.split_day else 1
        dividends = {day: amount for day, kind, _, _, amount in self.actions(symbol, today) if kind == "dividend"}
        found, factor, ex_day = {}, 1.0, None
        for day in reversed(self.sessions.between(self.sessions.days[0], today)):
            cents = self.cents[symbol][day] * multiple
            close = cents / 100
            if ex_day in dividends:  # the session after this one
                factor *= 1 - dividends[ex_day] / close
            ex_day = day
            spread = max(1, cents // 100)
            found[day] = ((cents - spread // 2) / 100, (cents + spread) / 100, (cents - spread) / 100, close,
                          close * factor, self.volume[symbol][day] // multiple)
        return dict(reversed(found.items()))

    def option_bars(self, today):
        """Of the option: what it is worth at once and two dollars."""
        found = {}
        for day, bar in self.bars(UNDERLYING, today).items():
            if day >= self.sessions.days[-40]:
                close = round(max(bar[3] - STRIKE, 0) + 2, 2)
                found[day] = (close, round(close + 0.1, 2), round(close - 0.1, 2), close, None, 10 + day.day)
        return found


class State:
    """What of it can be seen: a test changes it by tell."""

    def __init__(self, market):
        self.today = market.sessions.days[-1]
        self.dead = {}    # provider: the status of each answer
        self.late = []    # symbols without a bar of today at any provider
        self.delay = 0.0  # seconds before each answer
        # Answers in place of the market's, the first that fits: a dict with match, an expression that is searched in
        # the target; times, after which it fits no more (else always); status; body, or repeat (a text and a number)
        # in its place; kind (Content-Type); headers; gzip; hang: nothing is sent; cut: bytes after which the line is
        # closed; edit: the market's own answer, changed by one of EDITS.
        self.script = []
        self.requests = []

    def change(self, told):
        if "today" in told:
            self.today = date.fromisoformat(told["today"])
        for name in ("dead", "late", "delay", "script"):
            if name in told:
                setattr(self, name, told[name])
        self.requests.clear()


    def scripted(self, target):
        for entry in self.script:
            if re.search(entry["match"], target) and entry.get("times", 1) > 0:
                if "times" in entry:
                    entry["times"] -= 1
                return entry
        return None


# ---- answers ---------------------------------------------------------------------------------------------------------

class Answer(Exception):
    def __init__(self, status, body, kind="application/json", headers=()):
        super().__init__(status)
        self.status, self.kind, self.headers = status, kind, headers
        self.body = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()


class Providers:
    def __init__(self, market, bars=0):
        self.market, self.sessions = market, market.sessions
        self.state = State(market)
        self.many = MadeInAdvance(market.sessions, bars) if bars else None

    def visible(self, symbol):
        if symbol == OPTION:
            bars = self.market.option_bars(self.state.today)
        elif symbol in self.market.cents:
            bars = self.market.bars(symbol, self.state.today)
        else:
            return None
        if symbol in self.state.late:
            bars.pop(self.state.today, None)
        return bars

    def answer(self, target, headers):
        parts = urlsplit(target)
        path = unquote(parts.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        provider, handler, rest = self.route(path)
        if provider in self.state.dead:
            return Answer(int(self.state.dead[provider]), "no service", "text/plain")
        try:
            return handler(rest, query, headers)
        except Answer as early:
            return early

    def route(self, path):
        for prefix, provider, handler in (
                ("/v8/finance/chart/", "yahoo", self.yahoo_chart),
                ("/v1/test/getcrumb", "yahoo", self.yahoo_crumb),
                ("/v7/finance/quote", "yahoo", self.yahoo_quote),
                ("/v10/finance/quoteSummary/", "yahoo", self.yahoo_summary),
                ("/ws/fundamentals-timeseries/v1/finance/timeseries/", "yahoo", self.yahoo_timeseries),
                ("/stable/", "fmp", self.fmp),
                ("/v2/aggs/ticker/", "polygon", self.polygon_bars),
                ("/v2/aggs/grouped/locale/us/market/stocks/", "polygon", self.polygon_grouped),
                ("/v3/reference/", "polygon", self.polygon_nothing),
                ("/stocks/", "polygon", self.polygon_nothing),
                ("/vX/", "polygon", self.polygon_nothing),
                ("/fred/series/observations", "fred", self.fred),
                ("/resource-center/data-chart-center/interest-rates/daily-treasury-rates.csv/", "treasury",
                 self.treasury),
                ("/tiingo/daily/", "tiingo", self.tiingo)):
            if path.startswith(prefix):
                return provider, handler, path[len(prefix):]
        return "yahoo", self.yahoo_cookie, path

    # Yahoo

    @staticmethod
    def yahoo_cookie(_, __, ___):
        return Answer(404, "", "text/html", [("Set-Cookie", "A3=d=ZZ&S=ZZ; Path=/; HttpOnly")])

    @staticmethod
    def yahoo_crumb(_, __, headers):
        if "a3=" not in headers.get("cookie", "").lower():
            return Answer(401, "")
        return Answer(200, "zz/T.crumb1", "text/plain")

    @staticmethod
    def yahoo_needs_crumb(query):
        if query.get("crumb") != "zz/T.crumb1":
            raise Answer(401, {"finance": {"result": None, "error": {"code": "Unauthorized",
                                                                      "description": "Invalid Crumb"}}})

    def yahoo_chart(self, symbol, query, _):
        first, last = day_of(int(query["period1"])), day_of(int(query["period2"]) - 1)
        if self.many and symbol.startswith("ZB"):
            return Answer(200, self.many.chart(symbol, first, min(last, self.state.today)))
        bars = self.visible(symbol)
        if bars is None or " " in symbol:
            return Answer(404, {"chart": {"result": None, "error": {
                "code": "Not Found", "description": "No data found, symbol may be delisted"}}})
        today = self.state.today
        days = [day for day in bars if first <= day <= last]
        result = {"meta": self.yahoo_meta(symbol, bars)}
        # The newest session is stamped with its last trade, and is there before its price is.
        rows = [(self.sessions.close[day] + 1 if day == today else self.sessions.opening[day], bars[day])
                for day in days]
        if symbol in self.state.late and first <= today <= last:
            rows.append((self.sessions.opening[today], (None,) * 6))
        if rows:
            result["timestamp"] = [stamp for stamp, _ in rows]
            columns = list(zip(*(row for _, row in rows)))
            quote = {name: [None if value is None else as_float32(value) for value in columns[i]]
                     for i, name in enumerate(("open", "high", "low", "close"))}
            quote["volume"] = list(columns[5])
            result["indicators"] = {"quote": [quote], "adjclose": [
                {"adjclose": [None if value is None else as_float32(value) for value in columns[4]]}]}
            events = self.yahoo_events(symbol, first, last)
            if events:
                result["events"] = events
        else:
            result["indicators"] = {"quote": [{}], "adjclose": [{}]}
        return Answer(200, {"chart": {"result": [result], "error": None}})

    def yahoo_meta(self, symbol, bars):
        newest = max(bars)
        return {"currency": "USD", "symbol": symbol, "exchangeName": "NMS",
                "instrumentType": "ETF" if symbol in FUNDS else "EQUITY",
                "regularMarketTime": self.sessions.close[newest] + 1, "gmtoffset": -18000, "timezone": "EST",
                "exchangeTimezoneName": "America/New_York", "regularMarketPrice": as_float32(bars[newest][3]),
                "longName": f"{symbol} made up", "priceHint": 2, "dataGranularity": "1d", "range": ""}

    def yahoo_events(self, symbol, first, last):
        events = {}
        for day, kind, numerator, denominator, amount in self.market.actions(symbol, self.state.today):
            stamp = self.sessions.opening[day]
            if first <= day <= last and kind == "dividend":
                events.setdefault("dividends", {})[str(stamp)] = {"amount": amount, "date": stamp}
            elif first <= day <= last:
                events.setdefault("splits", {})[str(stamp)] = {
                    "date": stamp, "numerator": numerator, "denominator": denominator,
                    "splitRatio": f"{numerator}:{denominator}"}
        return events

    def yahoo_quote(self, _, query, __):
        self.yahoo_needs_crumb(query)
        found = []
        for symbol in query.get("symbols", "").split(","):
            bars = self.visible(symbol)
            if bars:
                newest = max(bars)
                found.append({"symbol": symbol, "quoteType": "ETF" if symbol in FUNDS else "EQUITY",
                              "exchange": "NMS", "currency": "USD", "regularMarketPrice": as_float32(bars[newest][3]),
                              "regularMarketTime": self.sessions.close[newest] + 1, "marketState": "CLOSED"})
        return Answer(200, {"quoteResponse": {"result": found, "error": None}})

    def yahoo_summary(self, symbol, query, _):
        self.yahoo_needs_crumb(query)
        profile = profile_of(symbol)
        if profile is None:
            return Answer(404, {"quoteSummary": {"result": None, "error": {
                "code": "Not Found", "description": f"Quote not found for ticker symbol: {symbol}"}}})
        result = {"quoteType": {"quoteType": "ETF" if symbol in FUNDS else "EQUITY", "symbol": symbol,
                                "longName": profile["company_name"], "exchange": "NMS",
                                "timeZoneFullName": "America/New_York"},
                  "price": {"longName": profile["company_name"], "currency": "USD", "exchange": "NMS"}}
        if profile["sector"]:
            result["assetProfile"] = {"sector": profile["sector"], "industry": profile["industry"],
                                      "country": "United States", "companyOfficers": []}
        else:
            result["assetProfile"] = {"longBusinessSummary": "A fund.", "companyOfficers": []}
        wanted = query.get("modules", "").split(",")
        return Answer(200, {"quoteSummary": {"result": [{name: value for name, value in result.items()
                                                         if name in wanted}], "error": None}})

    @staticmethod
    def yahoo_timeseries(symbol, query, _):
        return Answer(200, {"timeseries": {"result": [{"meta": {"symbol": [symbol], "type": [kind]}}
                                                      for kind in query.get("type", "").split(",")], "error": None}})

    # Financial Modeling Prep

    def fmp(self, rest, query, headers):
        if not (query.get("apikey") or headers.get("apikey")):
            return Answer(401, {"Error Message": "Invalid API KEY. Feel free to create a Free API Key"})
        symbol = query.get("symbol", "")
        if rest.startswith("historical-price-eod/"):
            return self.fmp_prices(rest.split("/")[1], symbol, query)
        if rest == "profile":
            profile = profile_of(symbol)
            return Answer(200, [] if profile is None else [{
                "symbol": symbol, "companyName": profile["company_name"], "sector": profile["sector"] or "",
                "industry": profile["industry"] or "", "currency": "USD", "exchange": "NASDAQ",
                "isEtf": symbol in FUNDS, "isFund": False, "isActivelyTrading": True}])
        if rest in ("splits", "dividends"):
            wanted = rest[:-1]
            return Answer(200, [
                {"symbol": symbol, "date": str(day)} | ({"numerator": numerator, "denominator": denominator}
                                                        if kind == "split" else
                                                        {"dividend": amount, "adjDividend": amount})
                for day, kind, numerator, denominator, amount
                in reversed(self.market.actions(symbol, self.state.today)) if kind == wanted])
        return Answer(200, [])

    def fmp_prices(self, variant, symbol, query):
        bars = self.visible(symbol) or {}
        first, last = (date.fromisoformat(query.get(name, fallback))
                       for name, fallback in (("from", "1900-01-01"), ("to", "2999-12-31")))
        multiple = {day: 1 for day in bars}
        if variant == "non-split-adjusted":
            for day, kind, numerator, denominator, _ in self.market.actions(symbol, self.state.today):
                for before in bars:
                    if kind == "split" and before < day:
                        multiple[before] *= numerator / denominator
        rows = []
        for day in sorted(bars, reverse=True):
            if first <= day <= last:
                opening, high, low, close, adjusted, volume = bars[day]
                if variant == "dividend-adjusted":
                    rows.append({"symbol": symbol, "date": str(day), "adjOpen": opening, "adjHigh": high,
                                 "adjLow": low, "adjClose": round(adjusted, 2), "volume": volume})
                elif variant == "light":
                    rows.append({"symbol": symbol, "date": str(day), "price": close, "volume": volume})
                else:
                    k = multiple[day]
                    rows.append({"symbol": symbol, "date": str(day), "open": opening * k, "high": high * k,
                                 "low": low * k, "close": close * k, "volume": volume, "change": 0.0,
                                 "changePercent": 0.0, "vwap": close * k})
        return Answer(200, rows)

    # Polygon

    @staticmethod
    def polygon_needs_key(query, headers):
        if not (query.get("apiKey") or headers.get("authorization", "").startswith("Bearer ")):
            raise Answer(401, {"status": "ERROR", "request_id": "zz", "error": "API Key was not provided"})

    def polygon_row(self, day, bar):
        midnight = int(datetime(day.year, day.month, day.day, tzinfo=NEW_YORK).timestamp()) * 1000
        return {"v": bar[5], "vw": bar[3], "o": bar[0], "c": bar[3], "h": bar[1], "l": bar[2], "t": midnight, "n": 7}

    def polygon_bars(self, rest, query, headers):
        self.polygon_needs_key(query, headers)
        ticker, _, _, _, first, last = rest.split("/")
        symbol = ticker
        if ticker.startswith("O:"):
            symbol = f"{ticker[2:-15]:<6}{ticker[-15:]}"
        bars = self.visible(symbol) or {}
        rows = [self.polygon_row(day, bar) for day, bar in bars.items() if first <= str(day) <= last]
        answer = {"ticker": ticker, "queryCount": len(rows), "resultsCount": len(rows), "adjusted": True,
                  "status": "OK", "request_id": "zz", "count": len(rows)}
        return Answer(200, answer | ({"results": rows} if rows else {}))

    def polygon_grouped(self, day, query, headers):
        self.polygon_needs_key(query, headers)
        day = date.fromisoformat(day)
        rows = []
        for symbol in FUNDS + STOCKS:
            bars = self.visible(symbol)
            if day in bars:
                rows.append({"T": symbol} | self.polygon_row(day, bars[day]))
        return Answer(200, {"queryCount": len(rows), "resultsCount": len(rows), "adjusted": True, "results": rows,
                            "status": "OK", "request_id": "zz", "count": len(rows)})

    def polygon_nothing(self, _, query, headers):
        self.polygon_needs_key(query, headers)
        return Answer(200, {"results": [], "status": "OK", "request_id": "zz", "count": 0})

    # Yields

    def yield_days(self, first, last):
        """A yield is published the day after."""
        return [day for day in self.sessions.between(first, last) if day < self.state.today]

    def fred(self, _, query, __):
        if not query.get("api_key"):
            return Answer(400, {"error_code": 400, "error_message": "Bad Request.  The value for variable api_key is "
                                "not registered."})
        days = self.yield_days(date.fromisoformat(query.get("observation_start", "1900-01-01")),
                               date.fromisoformat(query.get("observation_end", "2999-12-31")))
        if query.get("series_id") not in ("DGS10", "DGS3MO"):
            return Answer(400, {"error_code": 400, "error_message": "Bad Request.  The series does not exist."})
        known = str(self.state.today)
        observations = [{"realtime_start": known, "realtime_end": known, "date": str(day),
                         "value": f"{self.market.yields[day] if query['series_id'] == 'DGS10' else BILL_YIELD:.2f}"}
                        for day in days]
        return Answer(200, {"realtime_start": known, "realtime_end": known, "units": "lin", "output_type": 1,
                            "file_type": "json", "order_by": "observation_date", "sort_order": "asc",
                            "count": len(observations), "offset": 0, "limit": 100000,
                            "observations": observations if query.get("offset", "0") == "0" else []})

    def treasury(self, rest, _, __):
        year = int(rest.split("/")[0])
        lines = ['Date,"3 Mo","2 Yr","10 Yr","30 Yr"']
        for day in reversed(self.yield_days(date(year, 1, 1), date(year, 12, 31))):
            lines.append(f"{day:%m/%d/%Y},{BILL_YIELD:.2f},4.10,{self.market.yields[day]:.2f},4.60")
        return Answer(200, "\r\n".join(lines) + "\r\n", "text/csv")

    # Tiingo: raw prices, and what happened on the day beside them

    def tiingo(self, rest, query, headers):
        if not headers.get("authorization", "").startswith("Token "):
            return Answer(401, {"detail": "Invalid token."})
        symbol = rest.split("/")[0].upper()
        bars = self.visible(symbol)
        if bars is None:
            return Answer(404, {"detail": "Error: Ticker not found"})
        actions = {day: (kind, numerator, amount)
                   for day, kind, numerator, _, amount in self.market.actions(symbol, self.state.today)}
        rows = []
        for day, (opening, high, low, close, adjusted, volume) in bars.items():
            if not query.get("startDate", "") <= str(day) <= query.get("endDate", "9"):
                continue
            kind, ratio, amount = actions.get(day, (None, None, None))
            k = SPLIT_RATIO if symbol == SPLIT_SYMBOL and day < self.market.split_day <= self.state.today else 1
            rows.append({"date": f"{day}T00:00:00.000Z", "close": close * k, "high": high * k, "low": low * k,
                         "open": opening * k, "volume": volume // k, "adjClose": adjusted, "adjHigh": high,
                         "adjLow": low, "adjOpen": opening, "adjVolume": volume,
                         "divCash": amount if kind == "dividend" else 0.0,
                         "splitFactor": float(ratio) if kind == "split" else 1.0})
        return Answer(200, rows)


def profile_of(symbol):
    if symbol in FUNDS:
        return {"company_name": f"{symbol} fund", "sector": None, "industry": None}
    if symbol in STOCKS:
        return {"company_name": f"{symbol} made up", "sector": SECTORS[STOCKS.index(symbol) % len(SECTORS)],
                "industry": "Invention"}
    return None


class MadeInAdvance:
    """Charts of any number of symbols out of a few series, put together from bytes."""

    SERIES = 64

    def __init__(self, sessions, bars):
        self.sessions, self.days = sessions, sessions.days[-bars:]
        generator = random.Random(5)
        self.series, self.bodies = [], {}
        for _ in range(self.SERIES):
            price, rows = 20 + 400 * generator.random(), []
            for _ in self.days:
                price *= math.exp(generator.gauss(0, 0.012))
                close = round(price, 2)
                rows.append((round(close * 0.998, 2), round(close * 1.007, 2), round(close * 0.993, 2), close,
                             generator.randrange(1000, 90000000)))
            self.series.append(rows)
        for series in range(self.SERIES):
            self.body(series, 0, len(self.days))

    def body(self, series, begin, end):
        found = self.bodies.get((series, begin, end))
        if found is None:
            rows, days = self.series[series][begin:end], self.days[begin:end]
            columns = [list(column) for column in zip(*rows)] or [[]] * 5
            quote = {name: [as_float32(value) for value in columns[i]]
                     for i, name in enumerate(("open", "high", "low", "close"))} | {"volume": columns[4]}
            stamps = [self.sessions.close[day] if day == self.days[-1] else self.sessions.opening[day] for day in days]
            text = json.dumps({"timestamp": stamps, "indicators": {
                "quote": [quote], "adjclose": [{"adjclose": quote["close"]}]}}, separators=(",", ":"))
            found = self.bodies[series, begin, end] = text[1:].encode() + b'],"error":null}}'
        return found

    def chart(self, symbol, first, last):
        meta = json.dumps({"currency": "USD", "symbol": symbol, "instrumentType": "EQUITY", "gmtoffset": -18000,
                           "regularMarketTime": self.sessions.close[self.days[-1]], "timezone": "EST",
                           "exchangeTimezoneName": "America/New_York", "dataGranularity": "1d", "priceHint": 2})
        begin, end = bisect_left(self.days, first), bisect_right(self.days, last)
        head = f'{{"chart":{{"result":[{{"meta":{meta},'.encode()
        if begin >= end:
            return head + b'"indicators":{"quote":[{}],"adjclose":[{}]}}],"error":null}}'
        return head + self.body(int(symbol[2:]) % self.SERIES, begin, end)


# ---- charts as they should not be, or rarely are ---------------------------------------------------------------------

def edited(change):
    def edit(answer):
        content = json.loads(answer.body)
        result = content["chart"]["result"][0]
        quote = result["indicators"]["quote"][0]
        changed = change(result, quote, result["indicators"]["adjclose"][0]["adjclose"])
        return Answer(200, json.dumps(content if changed is None else changed))
    return edit


def columns_of(result, quote, adjusted):
    return [result["timestamp"], adjusted, *quote.values()]


def without_timestamps(result, quote, adjusted):
    del result["timestamp"]
    for values in columns_of({"timestamp": []}, quote, adjusted):
        del values[1:]


def empty(result, _, __):
    del result["timestamp"]
    result["indicators"] = {"quote": [{}], "adjclose": [{}]}


def with_a_null_row(_, quote, adjusted):
    for values in (adjusted, *quote.values()):
        values[-3] = None


def with_the_last_twice(result, quote, adjusted):
    for values in columns_of(result, quote, adjusted):
        values.insert(len(values) - 1, values[-1])
    quote["close"][-2] -= 1
    result["timestamp"][-2] -= 60


def reversed_rows(result, quote, adjusted):
    for values in columns_of(result, quote, adjusted):
        values.reverse()


def with_a_later_row(result, quote, adjusted):
    for values in columns_of(result, quote, adjusted):
        values.append(values[-1])
    result["timestamp"][-1] += 86400 * 3


def with_a_sunday(result, quote, adjusted):
    for values in columns_of(result, quote, adjusted):
        values.insert(-1, values[-1])
    stamp = datetime.fromtimestamp(result["timestamp"][-1], NEW_YORK)
    result["timestamp"][-2] -= 86400 * (stamp.isoweekday() % 7)


def in_the_last_row(change):
    def edit(_, quote, adjusted):
        change(quote, adjusted)
    return edited(edit)


def times(factor):
    def change(quote, adjusted):
        for values in (adjusted, *(quote[name] for name in ("open", "high", "low", "close"))):
            values[-1] = as_float32(values[-1] * factor)
    return change


def all_times(factor):
    def edit(_, quote, adjusted):
        for values in (adjusted, *(quote[name] for name in ("open", "high", "low", "close"))):
            values[:] = [as_float32(value * factor) for value in values]
    return edited(edit)


def in_currency(code):
    def edit(result, _, __):
        result["meta"]["currency"] = code
    return edited(edit)


def still_trading(result, _, __):
    result["meta"]["regularMarketTime"] -= 3600
    result["timestamp"][-1] -= 3600


def set_last(name, value):
    def change(quote, adjusted):
        (adjusted if name == "adjclose" else quote[name])[-1] = value
    return in_the_last_row(change)


def corrected(_, quote, adjusted):
    for values in (adjusted, quote["close"]):
        values[-2] = as_float32(values[-2] * 1.001)


def deep(_):
    return Answer(200, "[" * 5000 + "]" * 5000)


EDITS = {
    "as it is": edited(lambda *_: None), "without timestamps": edited(without_timestamps), "empty": edited(empty),
    "a null row": edited(with_a_null_row), "the last twice": edited(with_the_last_twice),
    "reversed": edited(reversed_rows), "a later row": edited(with_a_later_row), "a sunday": edited(with_a_sunday),
    "unequal": edited(lambda _, quote, __: quote["open"].pop() and None), "still trading": edited(still_trading),
    "infinite adjclose": set_last("adjclose", math.inf), "absurd adjclose": set_last("adjclose", 1e9),
    "no volume": set_last("volume", None), "negative": set_last("close", -1.0), "zero": set_last("close", 0.0),
    "high below low": set_last("high", 0.5), "doubled": in_the_last_row(times(2)),
    "hundredfold": in_the_last_row(times(100)), "halved history": all_times(0.5), "corrected": edited(corrected),
    "in pence": in_currency("GBp"), "in euro": in_currency("EUR"), "no currency": in_currency(None), "deep": deep,
    "NUL": lambda answer: Answer(200, answer.body.replace(b"made up", b"made\\u0000up")),
    "not UTF-8": lambda answer: Answer(200, answer.body.replace(b"made up", b"made \xff up")),
}


# ---- the server ------------------------------------------------------------------------------------------------------

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests",
           503: "Service Unavailable"}


class Connection(asyncio.Protocol):
    def __init__(self, providers):
        self.providers, self.received, self.transport = providers, b"", None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, rest = self.received.split(b"\r\n\r\n", 1)
            lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            self.received = rest[length:]
            method, target, _ = lines[0].split(" ")
            self.respond(method, target, headers, rest[:length])

    def respond(self, method, target, headers, body):
        state = self.providers.state
        if target.startswith("/control/"):
            answer = self.control(target, body)
        else:
            state.requests.append(f"{method} {target} {json.dumps(headers)}")
            entry = state.scripted(target)
            if entry and "edit" not in entry:
                self.respond_scripted(entry)
                return
            answer = self.providers.answer(target, headers)
            if entry and answer.status == 200:
                answer = EDITS[entry["edit"]](answer)
        self.send(answer, 0 if target.startswith("/control/") else state.delay)

    def respond_scripted(self, entry):
        if entry.get("hang"):
            return
        body = entry.get("body", "")
        if "repeat" in entry:
            body = entry["repeat"][0] * entry["repeat"][1]
        body = body.encode("latin-1", "surrogateescape") if isinstance(body, str) else json.dumps(body).encode()
        headers = list(entry.get("headers", {}).items())
        if entry.get("gzip"):
            body = gzip.compress(body)
            headers.append(("Content-Encoding", "gzip"))
        answer = Answer(entry.get("status", 200), body, entry.get("kind", "application/json"), headers)
        if "cut" in entry:
            self.transport.write(self.bytes_of(answer)[:-len(answer.body) or None] + answer.body[:entry["cut"]])
            self.transport.close()
        else:
            self.send(answer, 0)

    @staticmethod
    def bytes_of(answer):
        extra = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
        return (f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Status')}\r\nContent-Type: {answer.kind}\r\n"
                f"Content-Length: {len(answer.body)}\r\n{extra}\r\n").encode() + answer.body

    def send(self, answer, delay):
        if delay:
            asyncio.get_running_loop().call_later(delay, self.transport.write, self.bytes_of(answer))
        else:
            self.transport.write(self.bytes_of(answer))

    def control(self, target, body):
        state = self.providers.state
        if target == "/control/requests":
            return Answer(200, "".join(line + "\n" for line in state.requests), "text/plain")
        state.change(json.loads(body))
        return Answer(200, "", "text/plain")


async def serve(providers, port_file):
    server = await asyncio.get_running_loop().create_server(lambda: Connection(providers), "127.0.0.1", 0, backlog=512)
    with open(port_file, "w", encoding="utf-8") as file:
        file.write(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


def ask(port, path, body=None):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/control/{path}", body, timeout=30) as answer:
        return answer.read().decode()


# ---- what should be stored -------------------------------------------------------------------------------------------

def rows_of(market, table, today):
    if table == "market_data_cache":
        for symbol in FUNDS + STOCKS:
            for day, bar in market.bars(symbol, today).items():
                yield [symbol, day, *(shortest(value) for value in bar[:5]), bar[5], "split"]
        for day, bar in market.option_bars(today).items():
            yield [OPTION, day, *(shortest(value) for value in bar[:4]), None, bar[5], "split"]
    elif table == "corporate_actions":
        for symbol in FUNDS + STOCKS:
            for day, kind, numerator, denominator, amount in market.actions(symbol, today):
                yield [symbol, day, kind, numerator, denominator, amount]
    elif table == "interest_rates":
        for day in market.sessions.days:
            if day < today:
                yield ["DGS10", day, market.yields[day]]
                yield ["DGS3MO", day, BILL_YIELD]
    elif table == "company_profiles":
        for symbol in FUNDS + STOCKS:
            profile = profile_of(symbol)
            yield [symbol, profile["company_name"], profile["sector"], profile["industry"], symbol in FUNDS]
    else:
        sys.exit(f"no rows of {table}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("serve")
    command.add_argument("--port-file", required=True)
    command.add_argument("--sessions", required=True)
    command.add_argument("--bars", type=int, default=0)
    command = commands.add_parser("tell")
    command.add_argument("port")
    command.add_argument("told")
    command = commands.add_parser("requests")
    command.add_argument("port")
    command = commands.add_parser("rows")
    command.add_argument("--sessions", required=True)
    command.add_argument("--today", type=date.fromisoformat, required=True)
    command.add_argument("table")
    given = parser.parse_args()
    if given.command == "serve":
        asyncio.run(serve(Providers(Market(Sessions(given.sessions)), given.bars), given.port_file))
    elif given.command == "tell":
        ask(given.port, "tell", given.told.encode())
    elif given.command == "requests":
        print(ask(given.port, "requests"), end="")
    else:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows(rows_of(Market(Sessions(given.sessions)), given.table, given.today))


if __name__ == "__main__":
    main()
