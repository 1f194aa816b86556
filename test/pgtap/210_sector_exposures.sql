-- Exposure by sector and concentration: books small enough to add up by hand, the benchmark as of the day, and every
-- reason for a missing figure.

\ir include/prelude.psql
SELECT plan(34);

SELECT pg_temp.add_prices(symbol, '2024-06-24', ARRAY[close, close, close, close, close])
FROM (VALUES ('CHIP', 100), ('SOFT', 50), ('DRUG', 20), ('FUND', 10), ('BOND', 25), ('ODD', 40), ('SPY', 500))
     AS s (symbol, close);
INSERT INTO company_profiles (symbol, sector, is_etf, is_fund) VALUES
  ('CHIP', 'Technology', false, NULL), ('SOFT', ' information technology', NULL, NULL),
  ('DRUG', 'Healthcare', NULL, false), ('FUND', 'Financial Services', true, false),
  ('BOND', NULL, NULL, true), ('ODD', 'Unknown', NULL, NULL),
  ('HOUSE', 'Real Estate', NULL, NULL);
SELECT pg_temp.add_portfolio(1, 10000, '2024-06-28');
SELECT pg_temp.add_lot(1, 11, 'CHIP', 30, 100, '2024-06-28');   --  3000
SELECT pg_temp.add_lot(1, 12, 'SOFT', -40, 50, '2024-06-28');   -- -2000
SELECT pg_temp.add_lot(1, 13, 'DRUG', 50, 20, '2024-06-28');    --  1000
SELECT pg_temp.add_lot(1, 14, 'FUND', -50, 10, '2024-06-28');   --  -500
SELECT pg_temp.add_lot(1, 15, 'BOND', 20, 25, '2024-06-28');    --   500
SELECT pg_temp.add_lot(1, 16, 'ODD', 10, 40, '2024-06-28');     --   400
SELECT pg_temp.add_lot(1, 17, 'GHOST', 6, 50, '2024-06-28');    --   300 at its entry price; no profile
SELECT pg_temp.add_lot(1, 18, 'HOUSE', 1, 800, '2024-06-28', investment_class => 'PRIVATE');
SELECT count(*) AS snapshots FROM create_portfolio_snapshots('2024-06-28') \gset

-- Decimals as far as double precision holds them.
CREATE FUNCTION pg_temp.sectors(portfolio int, day date DEFAULT '2024-06-28')
RETURNS TABLE (sector text, long numeric, short numeric, net numeric, gross numeric, benchmark numeric, active numeric)
LANGUAGE sql AS $$
  SELECT e.key, round(s.long, 12), round(s.short, 12), round(s.net, 12), round(s.gross, 12), round(s.benchmark, 12),
         round(s.active, 12)
  FROM portfolio_snapshots AS p, jsonb_each(p.sector_exposure) AS e,
       jsonb_to_record(e.value) AS s (long numeric, short numeric, net numeric, gross numeric, benchmark numeric,
                                      active numeric)
  WHERE p.portfolio_id = pg_temp.id(portfolio) AND p.snapshot_date = day ORDER BY e.key COLLATE "C"
$$;
CREATE FUNCTION pg_temp.concentration(portfolio int, day date DEFAULT '2024-06-28',
  OUT hhi numeric, OUT effective numeric, OUT top_3 numeric, OUT top_10 numeric, OUT reason text) LANGUAGE sql AS $$
  SELECT round(hhi::numeric, 8), round(effective_positions::numeric, 8), round(top_3_concentration::numeric, 8),
         round(top_10_concentration::numeric, 8), concentration_reason
  FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(portfolio) AND snapshot_date = day
$$;

-- Sectors ------------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT processed, skipped, failed, rows_written, detail FROM calc_sector_exposures('2024-06-28')$$,
                  $$VALUES (1::bigint, 0::bigint, 0::bigint, 1::bigint, 'sectors of 1 portfolio, no benchmark')$$,
                  'a portfolio, without a benchmark');
SELECT results_eq('SELECT * FROM pg_temp.sectors(1)',
  $$VALUES ('ETFs',       0.05, -0.05, 0.00, 0.10, NULL::numeric, NULL::numeric),
           ('Healthcare', 0.10,  0.00, 0.10, 0.10, NULL, NULL),
           ('Private',    0.08,  0.00, 0.08, 0.08, NULL, NULL),
           ('Technology', 0.30, -0.20, 0.10, 0.50, NULL, NULL),
           ('Unmapped',   0.07,  0.00, 0.07, 0.07, NULL, NULL)$$,
  'long, short, net and gross over equity; funds and private assets by themselves; what has no sector is Unmapped');
SELECT is((SELECT (SELECT sum(gross) FROM pg_temp.sectors(1)) - round(gross_exposure / total_value, 12)
             FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(1)), 0::numeric,
          'the gross of all sectors is that of the portfolio');
SELECT is((SELECT (SELECT sum(net) FROM pg_temp.sectors(1)) - round(net_exposure / total_value, 12)
             FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(1)), 0::numeric, 'and so is the net');
SELECT results_eq('SELECT rows_written FROM calc_sector_exposures(''2024-06-28'')', 'VALUES (0::bigint)',
                  'an unchanged rerun writes nothing');

-- The benchmark ------------------------------------------------------------------------------------------------------

INSERT INTO benchmarks_sector_weights (benchmark_code, asof_date, sector, weight) VALUES
  ('SP500', '2023-12-31', 'Technology', 0.9), ('SP500', '2023-12-31', 'Energy', 0.1),
  ('SP500', '2024-06-28', 'Information Technology', 0.25), ('SP500', '2024-06-28', 'technology', 0.05),
  ('SP500', '2024-06-28', 'Health Care', 0.2), ('SP500', '2024-06-28', 'Utilities', 0.1),
  ('SP500', '2024-06-29', 'Technology', 1), ('OTHER', '2024-06-28', 'Technology', 0.7);
SELECT results_eq($$SELECT rows_written, detail FROM calc_sector_exposures('2024-06-28')$$,
                  $$VALUES (1::bigint, 'sectors of 1 portfolio against SP500 of 2024-06-28')$$,
                  'with the benchmark''s newest weights of the day or before');
SELECT results_eq('SELECT sector, net, benchmark, active FROM pg_temp.sectors(1)',
  $$VALUES ('ETFs', 0.00, 0.0, 0.00), ('Healthcare', 0.10, 0.2, -0.10), ('Private', 0.08, 0, 0.08),
           ('Technology', 0.10, 0.3, -0.20), ('Unmapped', 0.07, 0, 0.07), ('Utilities', 0, 0.1, -0.10)$$,
  'active = net - benchmark, over the sectors of both, under one name for all providers');
SELECT is((SELECT benchmark_date FROM portfolio_snapshots), '2024-06-28', 'the day of the weights is there');
SET LOCAL portfolio_batch.benchmark = 'OTHER';
SELECT matches((SELECT detail FROM calc_sector_exposures('2024-06-28')), 'against OTHER of 2024-06-28');
SELECT is((SELECT active FROM pg_temp.sectors(1) WHERE sector = 'Technology'), -0.6,
          'another benchmark by the setting');
SET LOCAL portfolio_batch.benchmark = 'MISSING';
SELECT matches((SELECT detail FROM calc_sector_exposures('2024-06-28')), 'no benchmark');
SELECT is_empty('SELECT * FROM pg_temp.sectors(1) WHERE benchmark IS NOT NULL OR active IS NOT NULL',
                'one without weights leaves both null');
SELECT results_eq('SELECT benchmark_date FROM portfolio_snapshots', 'VALUES (NULL::date)', 'and has no day');
RESET portfolio_batch.benchmark;

-- Concentration ------------------------------------------------------------------------------------------------------

-- Weights of 8,500: 3000, 2000, 1000, 800, 500, 500, 400, 300.
SELECT results_eq('SELECT * FROM pg_temp.concentration(1)',
  $$SELECT round(h, 8), round(10000 / h, 8), round(6000 / 8500.0, 8), round(1.0, 8), NULL::text
    FROM (SELECT 10000 * (9 + 4 + 1 + 0.64 + 0.25 + 0.25 + 0.16 + 0.09) / 72.25 AS h) AS s$$,
  'Herfindahl index, effective number and largest weights, by hand');
SELECT pg_temp.add_portfolio(2, 10000, '2024-06-28');
SELECT pg_temp.add_lot(2, 20 + n, s, 1000 / p, p, '2024-06-28')
FROM (VALUES (1, 'CHIP', 100), (2, 'SOFT', 50), (3, 'DRUG', 20), (4, 'FUND', 10)) AS l (n, s, p);
-- The same in ten times the lots, and hedged in part.
SELECT pg_temp.add_portfolio(3, 10000, '2024-06-28');
SELECT pg_temp.add_lot(3, 100 + n * 10 + i, s, 100 / p::numeric, p, '2024-06-28')
FROM (VALUES (4, 'CHIP', 100), (3, 'SOFT', 50), (2, 'DRUG', 20), (1, 'FUND', 10)) AS l (n, s, p),
     generate_series(0, 9) AS i;
SELECT pg_temp.add_lot(3, 200, 'CHIP', -20, 100, '2024-06-28');
SELECT pg_temp.add_lot(3, 201, 'SPY', 3, 500, '2024-06-28');
SELECT pg_temp.add_lot(3, 202, 'SPY', -3, 500, '2024-06-28');
SELECT count(*) AS snapshots FROM create_portfolio_snapshots('2024-06-28') \gset
SELECT results_eq($$SELECT processed, rows_written FROM calc_sector_exposures('2024-06-28')$$,
                  'VALUES (3::bigint, 3::bigint)', 'three portfolios');
SELECT is(pg_temp.concentration(2)::text, '(2500.00000000,4.00000000,0.75000000,1.00000000,)', 'four equal ones');
SELECT is(pg_temp.concentration(3), pg_temp.concentration(2),
          'lots of one underlying are added up, and what is hedged is no position');
SELECT results_eq('SELECT sector, long, short, gross FROM pg_temp.sectors(3) WHERE gross > 0',
  $$VALUES ('ETFs', 0.1, 0.0, 0.1), ('Healthcare', 0.1, 0, 0.1), ('Technology', 0.2, -0.2, 0.4),
           ('Unmapped', 0.15, -0.15, 0.3)$$, 'while the sectors show both sides');

-- Options: with a delta its share of the underlying, without one what they cost; sector and underlying are the same.
SELECT pg_temp.add_portfolio(4, 10000, '2024-06-28');
SELECT pg_temp.add_lot(4, 40, 'CHIP', 10, 100, '2024-06-28');
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, underlying_symbol,
                       strike_price, expiration_date, contract_multiplier, investment_class)
VALUES (pg_temp.id(4), pg_temp.id(41), 'CHIP240920P00100000', 'LP', 1, 4, '2024-06-28', 'CHIP', 100, '2024-09-20', 100,
        'OPTIONS'),
       (pg_temp.id(4), pg_temp.id(42), 'DRUG240920C00020000', 'LC', 2, 3, '2024-06-28', 'DRUG', 20, '2024-09-20', 100,
        'OPTIONS');
INSERT INTO position_greeks (portfolio_id, position_id, calculation_date, delta) VALUES
  (pg_temp.id(4), pg_temp.id(41), '2024-06-28', -0.06), (pg_temp.id(4), pg_temp.id(42), '2024-06-27', 0.5);
SELECT pg_temp.add_lot(4, 43, 'CHIP', 2, 100, '2024-06-28', investment_class => 'PRIVATE');
SELECT count(*) AS snapshots FROM create_portfolio_snapshots('2024-06-28') \gset
SELECT count(*) AS runs FROM calc_sector_exposures('2024-06-28', ARRAY[pg_temp.id(4)]) \gset
SELECT results_eq('SELECT sector, long, short FROM pg_temp.sectors(4) WHERE gross > 0',
  $$VALUES ('Healthcare', 0.06, 0.0), ('Private', 0.02, 0), ('Technology', 0.10, -0.06)$$,
  'an option counts in its underlying''s sector, by its delta of the day, else with its value');
-- 400 of CHIP, 600 of DRUG, 200 of a private asset that only has the same name.
SELECT results_eq('SELECT hhi, top_3 FROM pg_temp.concentration(4)',
                  'SELECT round(10000 * (16 + 36 + 4) / 144.0, 8), round(1.0, 8)', 'and to its underlying''s weight');

-- Greeks of the portfolio ----------------------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.greeks(n integer) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', COALESCE(net_delta::text, '-'), COALESCE(total_gamma::text, '-'), COALESCE(total_theta::text, '-'),
                   COALESCE(total_vega::text, '-'))
  FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(n) AND snapshot_date = '2024-06-28'
$$;
SELECT is(pg_temp.greeks(4), '- - - -', 'an option without a Greek of the day: no sum');
SELECT is(pg_temp.greeks(1), '- - - -', 'nor is there one without options');
UPDATE position_greeks SET calculation_date = '2024-06-28', gamma = 0.02, theta = -0.5, vega = 0.25
 WHERE position_id = pg_temp.id(42);
SELECT count(*) AS snapshots FROM create_portfolio_snapshots('2024-06-28', ARRAY[pg_temp.id(4)]) \gset
SELECT is(pg_temp.greeks(4), '94 - - -', 'quantity x 100 x delta of the options, not of shares');
UPDATE position_greeks SET gamma = 0.01, theta = -0.125, vega = 0.5 WHERE position_id = pg_temp.id(41);
UPDATE positions SET quantity = -2, position_type = 'SC' WHERE id = pg_temp.id(42);
SELECT count(*) AS snapshots FROM create_portfolio_snapshots('2024-06-28', ARRAY[pg_temp.id(4)]) \gset
SELECT is(pg_temp.greeks(4), '-106 -3 87.5 0', 'and of the others, short ones with the sign turned');

-- Missing figures ----------------------------------------------------------------------------------------------------

SELECT pg_temp.add_portfolio(5, 1000, '2024-06-28');                   -- holds nothing
SELECT pg_temp.add_portfolio(6, 1000, '2024-06-28');                   -- owes more than it has
SELECT pg_temp.add_lot(6, 60, 'CHIP', -30, 50, '2024-06-28');
SELECT pg_temp.add_portfolio(7, 1000, '2024-06-28');                   -- hedged to nothing
SELECT pg_temp.add_lot(7, 70, 'CHIP', 3, 100, '2024-06-28');
SELECT pg_temp.add_lot(7, 71, 'CHIP', -3, 100, '2024-06-28');
SELECT count(*) AS snapshots FROM create_portfolio_snapshots('2024-06-28') \gset
SELECT pg_temp.add_portfolio(8, 1000, '2024-06-28');                   -- without a snapshot
SELECT results_eq($$SELECT processed, skipped, rows_written, detail
                    FROM calc_sector_exposures('2024-06-28', ARRAY[pg_temp.id(5), pg_temp.id(6), pg_temp.id(7),
                                                                   pg_temp.id(8)])$$,
                  $$VALUES (3::bigint, 1::bigint, 3::bigint, 'sectors of 3 portfolios against SP500 of 2024-06-28, '
                                                             '1 portfolio without snapshot')$$,
                  'a portfolio without a snapshot is skipped and counted');
SELECT is(pg_temp.concentration(5)::text, '(,,,,no_exposure)', 'nothing held: no concentration');
SELECT results_eq('SELECT sector, net, active FROM pg_temp.sectors(5)',
                  $$VALUES ('Healthcare', 0.0, -0.2), ('Technology', 0, -0.3), ('Utilities', 0, -0.1)$$,
                  'cash is below the benchmark in every sector');
SELECT is(pg_temp.concentration(6)::text, '(10000.00000000,1.00000000,1.00000000,1.00000000,no_equity)',
          'without equity there is still a concentration');
SELECT results_eq('SELECT sector_exposure FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id(6)',
                  'VALUES (NULL::jsonb)', 'but nothing over equity');
SELECT is(pg_temp.concentration(7)::text, '(,,,,no_exposure)', 'a perfect hedge concentrates nothing');
SELECT is((SELECT gross FROM pg_temp.sectors(7) WHERE sector = 'Technology'), 0.6, 'but has both sides');

-- What must not matter -----------------------------------------------------------------------------------------------

CREATE TEMP TABLE before AS SELECT * FROM pg_temp.contents(kinds => '{result}');
SELECT pg_temp.add_prices('CHIP', '2024-07-01', '{900}');
INSERT INTO benchmarks_sector_weights (benchmark_code, asof_date, sector, weight)
VALUES ('SP500', '2024-07-01', 'Energy', 1);
SELECT pg_temp.add_lot(1, 19, 'DRUG', 100, 20, '2024-07-01');
SELECT results_eq($$SELECT rows_written FROM calc_sector_exposures('2024-06-28', ARRAY[pg_temp.id(1)])$$,
                  'VALUES (0::bigint)', 'nothing after the day matters');
SELECT set_eq($$SELECT * FROM pg_temp.contents(kinds => '{result}')$$, 'SELECT * FROM before', 'not a row changes');

CREATE ROLE pb_stranger;
GRANT USAGE ON SCHEMA pb TO pb_stranger;
SET LOCAL ROLE pb_stranger;
SELECT throws_ok($$SELECT * FROM calc_sector_exposures('2024-06-28')$$, '42501', NULL, 'nobody without rights');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
