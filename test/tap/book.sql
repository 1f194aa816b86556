-- A small deterministic book for the TAP programs: prices made by a formula, portfolios with every kind of position.
--   psql -v first=2024-10-01 -v portfolios=4 -f book.sql      with the analytics tables on the search_path
-- Portfolio p holds the symbols S(5p-4) to S(5p+5): neighbors share five, others none. The last session is 2024-12-31.

CREATE FUNCTION pg_temp.noise(seed text) RETURNS double precision LANGUAGE sql IMMUTABLE AS
$$ SELECT ('x' || left(md5(seed), 8))::bit(32)::bigint / 4294967296.0 - 0.5 $$;

CREATE FUNCTION pg_temp.id(portfolio integer, kind integer, number integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT format('%s%s%s%s0000-0000-4000-8000-%s', portfolio, portfolio, portfolio, portfolio,
                 lpad((kind * 1000 + number)::text, 12, '0'))::uuid $$;

-- The returns of a symbol are those of the market, times 0.5 to 1.5, and noise of its own.
WITH symbol AS (
    SELECT 'SPY' AS symbol, 1.0 AS beta, 0.0 AS own
    UNION ALL
    SELECT 'S' || lpad(i::text, 2, '0'), 0.5 + i % 11 / 10.0, 0.03 FROM generate_series(1, 5 * :portfolios + 5) i
), day AS (
    SELECT session_date FROM trading_sessions
    WHERE calendar = 'NYSE' AND session_date BETWEEN '2023-09-01' AND '2024-12-31'
), path AS (
    SELECT symbol, session_date, sum(beta * 0.02 * pg_temp.noise('market ' || session_date) +
                                     own * pg_temp.noise(symbol || session_date))
                                 OVER (PARTITION BY symbol ORDER BY session_date) AS log_price
    FROM symbol CROSS JOIN day
)
INSERT INTO market_data_cache (symbol, date, close, adj_close, adjustment, data_source)
SELECT symbol, session_date, price, price, 'split', 'formula'
FROM path CROSS JOIN LATERAL (SELECT round((100 * exp(log_price))::numeric, 2)::float8 AS price) p;

INSERT INTO company_profiles (symbol, company_name, sector)
SELECT DISTINCT symbol, symbol, (ARRAY['Technology', 'Energy', 'Utilities', NULL])[1 + right(symbol, 1)::integer % 4]
FROM market_data_cache WHERE symbol <> 'SPY';

INSERT INTO portfolios (id, name, owner, currency, inception_date, initial_equity)
SELECT pg_temp.id(p, 0, 0), 'Portfolio ' || p, 'desk', 'USD', :'first', 1000000 * p
FROM generate_series(1, :portfolios) p;

-- Ten public lots each, every third of them short, one closed on the way; a private asset; an option without a price.
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, exit_price, exit_date,
                       investment_class)
SELECT pg_temp.id(p, 0, 0), pg_temp.id(p, 1, k), m.symbol, CASE k % 3 WHEN 0 THEN 'SHORT' ELSE 'LONG' END,
       CASE k % 3 WHEN 0 THEN -100 ELSE 200 END * p, m.close, m.date,
       CASE k WHEN 7 THEN 101.5 END, CASE k WHEN 7 THEN DATE '2024-12-18' END, 'PUBLIC'
FROM generate_series(1, :portfolios) p CROSS JOIN generate_series(1, 10) k
JOIN market_data_cache m ON m.symbol = 'S' || lpad((5 * (p - 1) + k)::text, 2, '0') AND m.date = :'first';

INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, underlying_symbol,
                       strike_price, expiration_date, investment_class)
SELECT pg_temp.id(p, 0, 0), pg_temp.id(p, 1, 11), 'FUND' || p, 'LONG', 1000, 100, :'first'::date, NULL, NULL,
       NULL::date, 'PRIVATE'
FROM generate_series(1, :portfolios) p
UNION ALL
SELECT pg_temp.id(p, 0, 0), pg_temp.id(p, 1, 12), 'CALL' || p, 'LC', 5, 8.4, :'first'::date, 'S01', 100,
       DATE '2025-06-20', 'OPTIONS'
FROM generate_series(1, :portfolios) p;

INSERT INTO position_realized_events (portfolio_id, id, position_id, trade_date, quantity_closed, exit_price)
SELECT pg_temp.id(p, 0, 0), pg_temp.id(p, 2, 1), pg_temp.id(p, 1, 1), DATE '2024-12-12', 50, 99
FROM generate_series(1, :portfolios) p;

INSERT INTO equity_changes (portfolio_id, id, change_type, amount, change_date)
SELECT pg_temp.id(p, 0, 0), pg_temp.id(p, 3, 1), 'CONTRIBUTION', 25000, DATE '2024-12-14'
FROM generate_series(1, :portfolios) p;

ANALYZE;
