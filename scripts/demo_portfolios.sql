-- Three portfolios over whatever prices are loaded, living for the newest 87 sessions of them: long only; long/short
-- with a partial close and a contribution; and one with an option and a private asset.
\set ON_ERROR_STOP 1
BEGIN;

CREATE TEMP TABLE demo_session ON COMMIT DROP AS
SELECT date, row_number() OVER (ORDER BY date) AS n
FROM (SELECT DISTINCT date FROM market_data_cache ORDER BY date DESC LIMIT 87) newest;

-- Symbols that have a price on every one of these sessions, numbered.
CREATE TEMP TABLE demo_symbol ON COMMIT DROP AS
SELECT symbol, row_number() OVER (ORDER BY symbol) AS n
FROM market_data_cache JOIN demo_session USING (date)
GROUP BY symbol HAVING count(*) = (SELECT count(*) FROM demo_session);

INSERT INTO portfolios (id, name, owner, initial_equity) VALUES
    ('a0000000-0000-4000-8000-000000000001', 'Long only', 'demo', 1000000),
    ('a0000000-0000-4000-8000-000000000002', 'Long/short', 'demo', 2000000),
    ('a0000000-0000-4000-8000-000000000003', 'Options and private', 'demo', 1500000);

-- Every seventh lot is bought a month later; in the second portfolio every third one is short.
INSERT INTO positions (portfolio_id, id, symbol, position_type, investment_class, quantity, entry_price, entry_date)
SELECT p.id, gen_random_uuid(), s.symbol, CASE WHEN short THEN 'SHORT' ELSE 'LONG' END, 'PUBLIC',
       round((30000 / m.close)::numeric) * CASE WHEN short THEN -1 ELSE 1 END, round(m.close::numeric, 2), m.date
FROM portfolios p
CROSS JOIN LATERAL (SELECT right(p.id::text, 1)::int AS number) k
JOIN demo_symbol s ON s.n % 3 = k.number % 3
CROSS JOIN LATERAL (SELECT k.number = 2 AND s.n % 9 = 8 AS short) side
JOIN demo_session d ON d.n = CASE WHEN s.n % 7 = 0 THEN 22 ELSE 1 END
JOIN market_data_cache m ON m.symbol = s.symbol AND m.date = d.date
WHERE p.owner = 'demo';

-- Half of one lot is sold after two months, and money comes in on the way.
SELECT close_position(p.portfolio_id, p.id, round(p.quantity / 2), m.close::numeric(20, 6), d.date)
FROM (SELECT * FROM positions WHERE portfolio_id = 'a0000000-0000-4000-8000-000000000002' AND position_type = 'LONG'
      ORDER BY entry_date, symbol LIMIT 1) p
JOIN demo_session d ON d.n = 44
JOIN market_data_cache m ON m.symbol = p.symbol AND m.date = d.date
\g /dev/null
INSERT INTO equity_changes (portfolio_id, id, change_type, amount, change_date)
SELECT 'a0000000-0000-4000-8000-000000000002', gen_random_uuid(), 'CONTRIBUTION', 50000, date
FROM demo_session WHERE n = 30;

INSERT INTO positions (portfolio_id, id, symbol, position_type, investment_class, quantity, entry_price, entry_date,
                       underlying_symbol)
SELECT 'a0000000-0000-4000-8000-000000000003', gen_random_uuid(), v.symbol, v.position_type, v.class, v.quantity,
       v.price, d.date, v.underlying
FROM demo_session d,
     (VALUES ('SPY991217C00500000', 'LC', 'OPTIONS', 5, 12.5, 'SPY'),
             ('PRIVATE_FUND', 'LONG', 'PRIVATE', 1000, 100, NULL)) v (symbol, position_type, class, quantity, price,
                                                                      underlying)
WHERE d.n = 1;

COMMIT;
