-- Three portfolios whose prices are still to come.
--   psql -v first=2026-11-20 -v sessions=… -f night.sql      with the analytics tables on the search_path
-- Entry prices are those that were traded: a lot of ZZTB is from before its split. The option and the private lot are
-- in the third.

CREATE FUNCTION pg_temp.id(portfolio integer, kind integer, number integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT format('%s%s%s%s0000-0000-4000-8000-%s', portfolio, portfolio, portfolio, portfolio,
                 lpad((kind * 1000 + number)::text, 12, '0'))::uuid $$;

INSERT INTO portfolios (id, name, owner, currency, inception_date, initial_equity)
SELECT pg_temp.id(p, 0, 0), 'Portfolio ' || p, 'desk', 'USD', :'first', 1000000 * p
FROM generate_series(1, 3) p;

INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, investment_class)
SELECT pg_temp.id(p, 0, 0), pg_temp.id(p, 1, k), 'ZZT' || chr(64 + 4 * (p - 1) + k),
       CASE WHEN p = 2 AND k % 3 = 0 THEN 'SHORT' ELSE 'LONG' END,
       CASE WHEN p = 2 AND k % 3 = 0 THEN -150 ELSE 400 END, 100 + 10 * k + 0.25 * p, :'first'::date, 'PUBLIC'
FROM generate_series(1, 3) p CROSS JOIN generate_series(1, 4) k
UNION ALL
SELECT pg_temp.id(3, 0, 0), pg_temp.id(3, 1, 5), 'ZZTB', 'LONG', 100, 800, :'first', 'PUBLIC'
UNION ALL
SELECT pg_temp.id(3, 0, 0), pg_temp.id(3, 1, 6), 'ZZTC', 'LONG', 120, 210, :'first', 'PUBLIC'
UNION ALL
SELECT pg_temp.id(2, 0, 0), pg_temp.id(2, 1, 6), 'SPY', 'LONG', 900, 55, :'first', 'PUBLIC';

INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, underlying_symbol,
                       strike_price, expiration_date, investment_class)
VALUES (pg_temp.id(3, 0, 0), pg_temp.id(3, 1, 7), 'ZZTA  270115C00100000', 'LC', 5, 18.4, :'first', 'ZZTA', 100,
        '2027-01-15', 'OPTIONS'),
       (pg_temp.id(3, 0, 0), pg_temp.id(3, 1, 8), 'HOUSE', 'LONG', 10, 2500, :'first', NULL, NULL, NULL, 'PRIVATE');
