-- Who writes the rows of a symbol when portfolios are divided among workers: one that is sure to meet it.

\ir include/prelude.psql
SELECT plan(7);

SELECT pg_temp.add_portfolio(1, 100000, '2024-07-09');
SELECT pg_temp.add_portfolio(2, 100000, '2024-07-09');
SELECT pg_temp.add_lot(1, 11, 'CALL', 1, 5, '2024-07-09');
SELECT pg_temp.add_lot(2, 21, 'AAA', 100, 100, '2024-07-09');
UPDATE positions SET position_type = 'LC', investment_class = 'OPTIONS', underlying_symbol = 'AAA', strike_price = 100,
                     expiration_date = '2024-12-20'
 WHERE id = pg_temp.id(11);

CREATE FUNCTION pg_temp.owners(delta float8, price float8) RETURNS text LANGUAGE plpgsql AS $$
DECLARE counts integer[];
BEGIN
  DELETE FROM position_greeks;
  INSERT INTO position_greeks (portfolio_id, position_id, calculation_date, delta, underlying_price)
  VALUES (pg_temp.id(1), pg_temp.id(11), '2024-07-09', delta, price);
  SELECT b.symbol_counts INTO counts
    FROM _portfolio_batch.shard_plan('2024-07-09', ARRAY[pg_temp.id(1), pg_temp.id(2)], 2) AS b;
  RETURN counts::text;
END $$;
SELECT is(pg_temp.owners(0.5, 100), '{1,0}', 'an option with a delta and a price stands for what it is written on');
SELECT is(pg_temp.owners(d, p), '{0,1}', format('not with delta %s and price %s', d, p))
FROM (VALUES (NULL::float8, 100::float8), (0.5, NULL), ('NaN', 100), (0.5, 'NaN'), ('Infinity', 100), (0.5, 'Infinity')) AS v (d, p);

SELECT * FROM finish();
ROLLBACK;
