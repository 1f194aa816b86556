"""What the numpy program reads: the same tables as the extension, by binary COPY."""
import numpy as np

import binary_copy

SINCE_EPOCH = "{} - DATE '2000-01-01'"
NEVER = -10**6
LOTS = {"portfolio": binary_copy.UUID, "id": binary_copy.UUID, "symbol": "S32", "underlying": "S32", "kind": ">i4",
        "quantity": ">f8", "entry_price": ">f8", "entry_date": ">i4", "multiplier": ">f8", "mark": ">f8",
        "mark_date": ">i4"}
PUBLIC, OPTION, PRIVATE = range(3)


def stripped(values):
    return np.char.rstrip(values)


class Inputs:
    """Portfolios, lots and prices up to a session. Lots and portfolios are numbered by their places here."""

    def __init__(self, connection, target, lookback, every_session):
        self.cursor = connection.cursor()
        # One core for every program: no parallel workers beside this session.
        self.cursor.execute("SET max_parallel_workers_per_gather = 0")
        self.refuse_what_is_not_computed()
        self.read_portfolios()
        self.read_lots()
        self.read_definitions()
        first = self.lots["entry_date"].min() if every_session else None
        self.read_sessions(target, lookback, first)
        self.name_symbols()
        self.read_prices()
        self.yields = self.read_yields(self.sessions)

    def rows(self, query, *arguments):
        self.cursor.execute(query, arguments)
        return self.cursor.fetchall()

    def refuse_what_is_not_computed(self):
        """The made-up markets have none of these; a program for them would have more to do, not less."""
        for what, query in {"corporate actions": "SELECT FROM corporate_actions LIMIT 1",
                            "deltas of options": "SELECT FROM position_greeks WHERE delta IS NOT NULL LIMIT 1",
                            "riskless returns": "SELECT FROM interest_rates WHERE series = 'DGS3MO' LIMIT 1",
                            "weights of benchmarks": "SELECT FROM benchmarks_sector_weights LIMIT 1",
                            "closings on the position": "SELECT FROM positions WHERE exit_date IS NOT NULL LIMIT 1",
                            "user tags": "SELECT FROM tags WHERE NOT is_system LIMIT 1"}.items():
            if self.rows(query):
                raise NotImplementedError(what)

    def read_portfolios(self):
        portfolios = binary_copy.read(
            self.cursor, "SELECT id, initial_equity::float8 FROM portfolios WHERE is_active AND deleted_at IS NULL"
            " ORDER BY id", {"id": binary_copy.UUID, "equity": ">f8"})
        self.portfolio_ids, self.initial_equity = portfolios["id"], portfolios["equity"].astype(float)
        self.number_of_portfolio = self.portfolio_ids["high"].astype(np.uint64)
        if (np.diff(self.number_of_portfolio) == 0).any():
            raise ValueError("portfolio ids that differ in their last half only")

    def portfolio_numbers(self, ids):
        return np.searchsorted(self.number_of_portfolio, ids["high"].astype(np.uint64))

    def read_lots(self):
        lots = binary_copy.read(
            self.cursor,
            "SELECT portfolio_id, id, rpad(symbol, 32), rpad(coalesce(underlying_symbol, symbol), 32),"
            " CASE investment_class WHEN 'PUBLIC' THEN 0 WHEN 'OPTIONS' THEN 1 ELSE 2 END, quantity::float8,"
            f" entry_price::float8, {SINCE_EPOCH.format('entry_date')},"
            " coalesce(contract_multiplier, CASE investment_class WHEN 'OPTIONS' THEN 100 ELSE 1 END)::float8,"
            f" 0::float8, {NEVER}"  # the newest mark by hand: the made-up markets have none
            " FROM positions WHERE deleted_at IS NULL ORDER BY portfolio_id, id", LOTS)
        for name in ("quantity", "entry_price", "multiplier", "mark"):
            lots[name] = lots[name].astype(float)
        lots["symbol"], lots["underlying"] = stripped(lots["symbol"]), stripped(lots["underlying"])
        lots["portfolio_id"], lots["portfolio"] = lots["portfolio"], self.portfolio_numbers(lots["portfolio"])
        self.lots = lots
        events = binary_copy.read(
            self.cursor,
            f"SELECT position_id, {SINCE_EPOCH.format('trade_date')}, quantity_closed::float8, exit_price::float8"
            " FROM position_realized_events",
            {"lot": binary_copy.UUID, "date": ">i4", "quantity": ">f8", "price": ">f8"})
        order = np.argsort(lots["id"]["high"])
        found = np.searchsorted(lots["id"]["high"][order], events["lot"]["high"])
        events["lot"] = order[found] if len(found) else np.zeros(0, int)
        self.closings = events
        flows = binary_copy.read(
            self.cursor,
            "SELECT portfolio_id, (CASE change_type WHEN 'CONTRIBUTION' THEN amount ELSE -amount END)::float8,"
            f" {SINCE_EPOCH.format('change_date')} FROM equity_changes",
            {"portfolio": binary_copy.UUID, "amount": ">f8", "date": ">i4"})
        flows["portfolio"] = self.portfolio_numbers(flows["portfolio"])
        self.flows = flows

    def read_definitions(self):
        self.factors = self.rows("SELECT model, name, long_symbol, short_symbol FROM factor_definitions WHERE is_active"
                                 " ORDER BY display_order, id")
        self.scenarios = self.rows("SELECT scenario_id, name, category, severity, shock_config FROM"
                                   " stress_test_scenarios WHERE active")
        self.profiles = {symbol.encode(): (sector, is_fund) for symbol, sector, is_fund in
                         self.rows("SELECT symbol, sector, coalesce(is_etf, false) FROM company_profiles")}

    def read_sessions(self, target, lookback, first):
        """The sessions to compute are the target, or all from the first trade on."""
        [(calendar_first, last)] = self.rows(
            f"SELECT min({SINCE_EPOCH.format('session_date')}), max({SINCE_EPOCH.format('session_date')})"
            " FROM trading_sessions WHERE calendar = 'NYSE' AND session_date <= %s", target)
        before = last if first is None else int(first)
        dates = binary_copy.read(
            self.cursor,
            f"(SELECT {SINCE_EPOCH.format('session_date')} FROM trading_sessions WHERE calendar = 'NYSE'"
            f" AND session_date < DATE '2000-01-01' + {before} ORDER BY session_date DESC LIMIT {lookback})"
            f" UNION ALL SELECT {SINCE_EPOCH.format('session_date')} FROM trading_sessions WHERE calendar = 'NYSE'"
            f" AND session_date BETWEEN DATE '2000-01-01' + {before} AND DATE '2000-01-01' + {last}",
            {"date": ">i4"})["date"]
        self.sessions = np.sort(dates.astype(int))
        self.days = np.flatnonzero(self.sessions >= before)

    def name_symbols(self):
        """Symbols of lots and factors, by bytes."""
        funds = {symbol.encode() for factor in self.factors for symbol in factor[2:] if symbol}
        names, place = np.unique(self.lots["symbol"], return_inverse=True)
        symbols = np.union1d(names, np.array(sorted(funds)))
        self.symbols = symbols.astype(f"S{np.char.str_len(symbols).max()}")
        self.lots["column"] = np.searchsorted(self.symbols, names)[place]
        self.column = {symbol: k for k, symbol in enumerate(self.symbols.tolist())}

    def read_prices(self):
        """Adjusted prices of all sessions. Closes are for the values of positions: from a while before the first
        computed session on, and of symbols that have none by then their newest."""
        wanted = self.symbols[np.char.str_len(self.symbols) > 0]
        of_session = f"date >= DATE '2000-01-01' + {self.sessions[0]}"
        self.adjusted = np.full((len(self.sessions), len(self.symbols)), np.nan)
        self.price_rows = self.read_into(self.adjusted, wanted, "coalesce(adj_close, close)", of_session)
        self.closes = np.full_like(self.adjusted, np.nan)
        recent = max(0, self.days[0] - 6)
        self.price_rows += self.read_into(self.closes, wanted, "close",
                                          f"date >= DATE '2000-01-01' + {self.sessions[recent]}")
        silent = np.isnan(self.closes[:self.days[0] + 1]).all(axis=0) & np.isfinite(self.adjusted).any(axis=0)
        if silent.any():
            self.price_rows += self.read_into(self.closes, self.symbols[silent], "close", of_session)
        self.has_history = self.rows("SELECT min(date)::text FROM market_data_cache WHERE symbol = 'SPY'")[0][0]

    def read_into(self, prices, symbols, column, condition):
        """Symbols travel as their hashes, which makes the rows shorter, and of one length."""
        names = "{" + ",".join(symbols.astype(str)) + "}"
        hashes = np.array(self.rows("SELECT hashtext(symbol) FROM unnest(%s::text[]) symbol", names))[:, 0]
        order = np.argsort(hashes)
        if (np.diff(hashes[order]) == 0).any():
            raise ValueError("two symbols with the same hash")
        read = binary_copy.read(
            self.cursor, f"SELECT hashtext(symbol), date, {column} FROM market_data_cache WHERE {condition} AND date <="
            f" DATE '2000-01-01' + {self.sessions[-1]} AND symbol = ANY ('{names}')",
            {"symbol": ">i4", "date": ">i4", "price": ">f8"})
        column_of = np.searchsorted(self.symbols, symbols)[order]
        session_of = np.full(self.sessions[-1] - self.sessions[0] + 1, -1)
        session_of[self.sessions - self.sessions[0]] = np.arange(len(self.sessions))
        session = session_of[read["date"].astype(np.int32) - self.sessions[0]]
        column = column_of[np.searchsorted(hashes[order].astype(np.int32), read["symbol"].astype(np.int32))]
        on_session = session >= 0
        prices[session[on_session], column[on_session]] = read["price"][on_session]
        return len(session)

    def read_yields(self, sessions):
        yields = binary_copy.read(
            self.cursor, f"SELECT {SINCE_EPOCH.format('date')}, rate::float8 FROM interest_rates WHERE series = 'DGS10'"
            f" AND date BETWEEN DATE '2000-01-01' + {sessions[0]} AND DATE '2000-01-01' + {sessions[-1]}",
            {"date": ">i4", "percent": ">f8"})
        quoted = np.full(len(sessions), np.nan)
        found = np.searchsorted(sessions, yields["date"])
        on_session = sessions[np.minimum(found, len(sessions) - 1)] == yields["date"]
        quoted[found[on_session]] = yields["percent"][on_session]
        return quoted

    def read_past(self):
        """Of the market and the style funds, and yields, on all sessions since the market's first price: what stress
        tests look back at."""
        funds = [self.column[b"SPY"], *(self.column[f[2].encode()] for f in self.factors if f[0] == "ridge")]
        before = binary_copy.read(
            self.cursor, f"SELECT {SINCE_EPOCH.format('session_date')} FROM trading_sessions WHERE calendar = 'NYSE'"
            f" AND session_date >= DATE '{self.has_history}' AND session_date < DATE '2000-01-01' + {self.sessions[0]}"
            " ORDER BY session_date", {"date": ">i4"})["date"].astype(int)
        read = binary_copy.read(
            self.cursor, f"SELECT place::int4, {SINCE_EPOCH.format('date')}, coalesce(adj_close, close)"
            " FROM unnest('{" + ",".join(self.symbols[funds].astype(str)) + "}'::text[]) WITH ORDINALITY"
            " AS fund (symbol, place) JOIN market_data_cache USING (symbol)"
            f" WHERE date < DATE '2000-01-01' + {self.sessions[0]}",
            {"fund": ">i4", "date": ">i4", "price": ">f8"})
        earlier = np.full((len(before), len(funds)), np.nan)
        if len(before):
            session = np.minimum(np.searchsorted(before, read["date"]), len(before) - 1)
            on_session = before[session] == read["date"]
            earlier[session[on_session], read["fund"][on_session] - 1] = read["price"][on_session]
        self.price_rows += len(read)
        is_later = self.sessions >= (np.datetime64(self.has_history) - binary_copy.EPOCH).astype(int)
        self.past_sessions = np.concatenate([before, self.sessions[is_later]])
        self.past_prices = np.vstack([earlier, self.adjusted[np.ix_(is_later, funds)]])
        self.past_yields = self.read_yields(self.past_sessions)

    def net_asset_values(self):
        """Of snapshots written before, by computed session."""
        rows = binary_copy.read(
            self.cursor, f"SELECT portfolio_id, {SINCE_EPOCH.format('snapshot_date')}, total_value::float8"
            f" FROM portfolio_snapshots WHERE snapshot_date >= DATE '2000-01-01' + {self.sessions[self.days[0]]}",
            {"portfolio": binary_copy.UUID, "date": ">i4", "value": ">f8"})
        values = np.full((len(self.days), len(self.portfolio_ids)), np.nan)
        day = np.searchsorted(self.sessions[self.days], rows["date"])
        values[day, self.portfolio_numbers(rows["portfolio"])] = rows["value"]
        return values

    def read_ledger(self, first):
        """Of the last snapshot of each portfolio before a session: equity and cumulated amounts; and the cumulated
        profit before the session's month and year."""
        ledger = {name: np.zeros(len(self.portfolio_ids))
                  for name in ("equity", "profit", "realized", "flows", "M", "Y")}
        ledger["date"] = np.full(len(self.portfolio_ids), NEVER)
        day = f"(DATE '2000-01-01' + {first})"
        for before, names in ((day, ["equity", "profit", "realized", "flows"]), (f"date_trunc('month', {day})", ["M"]),
                              (f"date_trunc('year', {day})", ["Y"])):
            levels = ["total_value", "cumulative_pnl", "cumulative_realized_pnl", "cumulative_capital_flow"]
            if len(names) == 1:
                levels = ["cumulative_pnl"]
            rows = binary_copy.read(
                self.cursor, f"SELECT DISTINCT ON (portfolio_id) portfolio_id, {SINCE_EPOCH.format('snapshot_date')}, "
                + ", ".join(level + "::float8" for level in levels) + " FROM peer.portfolio_snapshots"
                f" WHERE snapshot_date < {before} ORDER BY portfolio_id, snapshot_date DESC",
                {"id": binary_copy.UUID, "date": ">i4"} | {name: ">f8" for name in names})
            place = self.portfolio_numbers(rows["id"])
            for name in names:
                ledger[name][place] = rows[name]
            if "equity" in names:
                ledger["date"][place] = rows["date"]
        return ledger
