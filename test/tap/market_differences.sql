-- What is stored otherwise than the market has it, at most ten rows of each table; nothing where all is as it should be.
-- The folder $PB_EXPECTED has the rows that market_server.py gives. History may be shorter than the market's, and has no
-- gap.
CREATE TEMP TABLE price (symbol text, date date, open float8, high float8, low float8, close float8, adj_close float8,
                         volume bigint, adjustment text);
CREATE TEMP TABLE action (symbol text, ex_date date, kind text, numerator float8, denominator float8, amount float8);
CREATE TEMP TABLE yield (series text, date date, rate float8);
CREATE TEMP TABLE profile (symbol text, company_name text, sector text, industry text, is_etf boolean);
\copy price FROM PROGRAM 'cat "$PB_EXPECTED/expected_market_data_cache"' (FORMAT csv)
\copy action FROM PROGRAM 'cat "$PB_EXPECTED/expected_corporate_actions"' (FORMAT csv)
\copy yield FROM PROGRAM 'cat "$PB_EXPECTED/expected_interest_rates"' (FORMAT csv)
\copy profile FROM PROGRAM 'cat "$PB_EXPECTED/expected_company_profiles"' (FORMAT csv)

-- A fallback may have no adjusted close of the newest session, where it is the close.
SELECT 'price', coalesce(e.symbol, m.symbol), coalesce(e.date, m.date), e.close, m.close, e.adj_close, m.adj_close,
       e.volume, m.volume, m.adjustment, m.is_final, m.data_source
FROM (SELECT e.* FROM price AS e
      JOIN (SELECT symbol, min(date) AS first FROM market_data_cache GROUP BY 1) AS s USING (symbol)
      WHERE e.date >= s.first) AS e
FULL JOIN market_data_cache AS m USING (symbol, date)
WHERE (e.open, e.high, e.low, e.close, e.volume) IS DISTINCT FROM (m.open, m.high, m.low, m.close, m.volume)
   OR abs(e.adj_close - coalesce(m.adj_close, m.close)) > 0 OR NOT m.is_final
ORDER BY 3 DESC, 2
LIMIT 10;

SELECT 'action', coalesce(e.symbol, a.symbol), coalesce(e.ex_date, a.ex_date), e.kind, a.kind, e.amount, a.amount,
       a.ratio_numerator, a.ratio_denominator
FROM (SELECT e.* FROM action AS e
      WHERE (e.symbol, e.ex_date) IN (SELECT symbol, date FROM market_data_cache)) AS e
FULL JOIN corporate_actions AS a USING (symbol, ex_date, kind)
WHERE (e.numerator / e.denominator, e.amount) IS DISTINCT FROM (a.ratio_numerator / a.ratio_denominator, a.amount)
ORDER BY 2, 3
LIMIT 10;

SELECT 'yield', series, date, e.rate, r.rate
FROM (SELECT e.* FROM yield AS e
      JOIN (SELECT series, min(date) AS first FROM interest_rates GROUP BY 1) AS s USING (series)
      WHERE e.date >= s.first) AS e
FULL JOIN interest_rates AS r USING (series, date)
WHERE e.rate IS DISTINCT FROM r.rate
ORDER BY 2, 3
LIMIT 10;

SELECT 'profile', p.symbol, e.company_name, p.company_name, e.sector, p.sector, e.industry, p.industry,
       e.is_etf, p.is_etf
FROM company_profiles AS p
LEFT JOIN profile AS e USING (symbol)
WHERE (e.company_name, e.sector, e.industry, e.is_etf)
      IS DISTINCT FROM (p.company_name, p.sector, p.industry, coalesce(p.is_etf, false))
ORDER BY 2
LIMIT 10;
