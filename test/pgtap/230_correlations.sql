-- Correlations of what portfolios hold, and the clusters they form.

\ir include/prelude.psql
SELECT plan(55);

-- Returns by symbol and session from June 3 on, in parts of 1: AAA and BBB move together, CCC against them, DDD by
-- itself; EEE never moves, GGG begins on July 5, HHH misses one session; FFF has no price. July 12 is session 28.
INSERT INTO market_data_cache (symbol, date, close, data_source)
SELECT symbol, session_date, 100 * exp(0.01 * (common * sin(1.7 * n) + own * cos(n * n))), 'test'
FROM (SELECT session_date, row_number() OVER (ORDER BY session_date) AS n
      FROM sessions_between('2024-06-03', '2024-07-31')) AS d,
     (VALUES ('SPY', 1, 0.1), ('AAA', 2, 0.3), ('BBB', 3, 0.4), ('CCC', -2, 0.2), ('DDD', 0, 1), ('EEE', 0, 0),
             ('GGG', 1, 1), ('HHH', 1, 3)) AS s (symbol, common, own)
WHERE (symbol, session_date) NOT IN (('HHH', '2024-07-01'))
  AND (symbol <> 'GGG' OR session_date >= '2024-07-05') AND session_date <= '2024-07-12';
INSERT INTO company_profiles (symbol, sector) VALUES ('AAA', ' technology'), ('BBB', 'Technology'), ('CCC', 'Energy');

SELECT pg_temp.add_portfolio(n, 100000, '2024-07-08') FROM generate_series(1, 10) AS n;
SELECT pg_temp.add_lot(1, 11, 'AAA', 150, 100, '2024-07-08'), pg_temp.add_lot(1, 12, 'BBB', 200, 100, '2024-07-08'),
       pg_temp.add_lot(1, 13, 'DDD', 250, 100, '2024-07-08'), pg_temp.add_lot(1, 14, 'EEE', 200, 100, '2024-07-08'),
       pg_temp.add_lot(1, 15, 'AAA', 250, 100, '2024-07-09'), pg_temp.add_lot(1, 16, 'GGG', 200, 100, '2024-07-08'),
       pg_temp.add_lot(1, 17, 'FUND', 10, 5000, '2024-07-08', investment_class => 'PRIVATE');
-- AAA hedged with BBB; short CCC is the same bet as AAA.
SELECT pg_temp.add_lot(2, 21, 'AAA', 400, 100, '2024-07-08'), pg_temp.add_lot(2, 22, 'BBB', -300, 100, '2024-07-08'),
       pg_temp.add_lot(2, 23, 'CCC', -200, 100, '2024-07-08');
SELECT pg_temp.add_lot(3, 31, 'FUND', 10, 5000, '2024-07-08', investment_class => 'PRIVATE');
SELECT pg_temp.add_lot(5, 51, 'AAA', 200, 100, '2024-07-08'), pg_temp.add_lot(5, 52, 'AAA', 200, 100, '2024-07-08');
SELECT pg_temp.add_lot(6, 61, 'AAA', 200, 100, '2024-07-08'), pg_temp.add_lot(6, 62, 'BBB', 20, 100, '2024-07-08');
SELECT pg_temp.add_lot(7, 71, 'FFF', 200, 100, '2024-07-08'), pg_temp.add_lot(7, 72, 'GGG', 200, 100, '2024-07-08');
SELECT pg_temp.add_lot(8, 81, 'AAA', 200, 100, '2024-07-08'), pg_temp.add_lot(8, 82, 'AAA', -200, 100, '2024-07-08');
-- As the first, but in other lots and another order.
SELECT pg_temp.add_lot(9, 99, 'BBB', 200, 100, '2024-07-08'), pg_temp.add_lot(9, 98, 'AAA', 400, 100, '2024-07-09'),
       pg_temp.add_lot(9, 97, 'FUND', 10, 5000, '2024-07-08', investment_class => 'PRIVATE'),
       pg_temp.add_lot(9, 96, 'DDD', 130, 100, '2024-07-08'), pg_temp.add_lot(9, 95, 'DDD', 120, 100, '2024-07-08'),
       pg_temp.add_lot(9, 94, 'EEE', 200, 100, '2024-07-08'), pg_temp.add_lot(9, 93, 'GGG', 200, 100, '2024-07-08');
SELECT pg_temp.add_lot(10, 101, 'AAA', 400, 100, '2024-07-08'), pg_temp.add_lot(10, 102, 'HHH', 300, 100, '2024-07-08');

SET LOCAL portfolio_batch.correlation_window = 20;
SET LOCAL portfolio_batch.correlation_min_overlap = 10;
CREATE TEMP TABLE report AS SELECT * FROM calc_correlations('2024-07-12');
SELECT results_eq('SELECT processed, skipped, failed, detail FROM report',
                  $$VALUES (4::bigint, 6::bigint, 0::bigint, 'correlations of 4 portfolios, 10 pairs, 3 clusters')$$,
                  'portfolios without a pair are skipped; no snapshot is needed');
SELECT is((SELECT count(*) FROM correlation_calculations), 10::bigint, 'every portfolio has a row');

-- Figures ------------------------------------------------------------------------------------------------------------

CREATE TEMP VIEW log_returns AS
SELECT symbol, n, r FROM (
  SELECT m.symbol, d.n, ln(m.close) - ln(lag(m.close) OVER w) AS r, d.n - lag(d.n) OVER w AS step
  FROM market_data_cache AS m
  JOIN (SELECT session_date, row_number() OVER (ORDER BY session_date) AS n
        FROM sessions_between('2024-06-03', '2024-07-31')) AS d ON d.session_date = m.date
  WINDOW w AS (PARTITION BY m.symbol ORDER BY d.n)) AS r
WHERE step = 1 AND n BETWEEN 9 AND 28;
CREATE TEMP VIEW expected AS
SELECT a.symbol AS symbol1, b.symbol AS symbol2, corr(a.r, b.r) AS r, count(*)::integer AS n
FROM log_returns AS a JOIN log_returns AS b USING (n) WHERE a.symbol COLLATE "C" < b.symbol GROUP BY 1, 2;

SELECT results_eq('SELECT portfolio_id, symbols FROM correlation_calculations WHERE symbols IS NOT NULL ORDER BY 1',
                  $$VALUES (pg_temp.id(1), '{AAA,BBB,DDD}'::text[]), (pg_temp.id(2), '{AAA,BBB,CCC}'),
                           (pg_temp.id(9), '{AAA,BBB,DDD}'), (pg_temp.id(10), '{AAA,HHH}')$$,
                  'what is held, large enough and has enough varying returns');
SELECT is((SELECT count(*) FROM pairwise_correlations), 10::bigint, 'pairwise_correlations has every pair');
SELECT is_empty($$SELECT * FROM pairwise_correlations LEFT JOIN expected AS e USING (symbol1, symbol2)
                  WHERE abs(correlation_coefficient - e.r) < 1e-12 IS NOT TRUE OR observations IS DISTINCT FROM e.n$$,
                'each the correlation of the log returns over the common sessions');
SELECT is((SELECT observations FROM pairwise_correlations WHERE symbol2 = 'HHH'), 18,
          'a missing price takes two returns away');
SELECT results_eq($$SELECT right(portfolio_id::text, 2), positions_included, positions_excluded, data_quality
                    FROM correlation_calculations WHERE reason IS NULL ORDER BY 1$$,
                  $$VALUES ('01', 4, 3, 'limited'), ('02', 3, 0, 'sufficient'), ('09', 4, 3, 'limited'),
                           ('10', 2, 0, 'limited')$$, 'lots are counted');
SELECT is_empty($$SELECT c.portfolio_id FROM correlation_calculations AS c
                  JOIN (SELECT p.portfolio_id, avg(r) AS mean, sum(w.a * w.b * r) / sum(w.a * w.b) AS weighted,
                               avg(CASE WHEN p.portfolio_id <> pg_temp.id(2) OR (symbol1, symbol2) = ('BBB', 'CCC')
                                        THEN r ELSE -r END) AS signed
                        FROM pairwise_correlations AS p JOIN expected USING (symbol1, symbol2)
                        CROSS JOIN LATERAL (
                          SELECT abs(sum(l.quantity * m.close) FILTER (WHERE l.symbol = symbol1)) AS a,
                                 abs(sum(l.quantity * m.close) FILTER (WHERE l.symbol = symbol2)) AS b
                          FROM positions AS l JOIN market_data_cache AS m ON (m.symbol, m.date) = (l.symbol, '2024-07-12')
                          WHERE l.portfolio_id = p.portfolio_id) AS w
                        GROUP BY 1) AS e USING (portfolio_id)
                  WHERE (abs(c.avg_correlation - mean) < 1e-12 AND abs(c.weighted_avg_correlation - weighted) < 1e-12
                         AND abs(c.position_signed_correlation - signed) < 1e-12) IS NOT TRUE$$,
                'the mean correlations: plain, weighted by exposures, and with the signs of the positions');
SELECT is_empty($$SELECT * FROM pairwise_correlations AS p WHERE q_value IS DISTINCT FROM
                    (SELECT least(1, min(o.p_value / (o.rank / o.tests)))
                     FROM (SELECT p_value, (SELECT count(*) FROM pairwise_correlations AS b
                                            WHERE b.portfolio_id = a.portfolio_id AND b.p_value <= a.p_value)::float8 AS rank,
                                  (SELECT count(*) FROM pairwise_correlations AS b
                                   WHERE b.portfolio_id = a.portfolio_id) AS tests
                           FROM pairwise_correlations AS a WHERE a.portfolio_id = p.portfolio_id) AS o
                     WHERE o.p_value >= p.p_value)$$, 'q-values by the definition of Benjamini and Hochberg');
SELECT is_empty($$SELECT c.portfolio_id FROM correlation_calculations AS c JOIN pairwise_correlations AS p USING (portfolio_id)
                  GROUP BY 1, c.significant_pairs, c.total_pairs
                  HAVING (c.significant_pairs, c.total_pairs) IS DISTINCT FROM
                         (count(*) FILTER (WHERE q_value <= 0.05), count(correlation_coefficient))$$,
                'the significant pairs are those with q-values up to 0.05');
SELECT results_eq($$SELECT c.portfolio_id, t.pair ->> 'symbol1', t.pair ->> 'symbol2', (t.pair -> 'correlation')::float8,
                           (t.pair -> 'p_value')::float8, (t.pair -> 'q_value')::float8, (t.pair -> 'observations')::integer
                    FROM correlation_calculations AS c,
                         jsonb_array_elements(top_correlations) WITH ORDINALITY AS t (pair, i) ORDER BY 1, t.i$$,
                  $$SELECT portfolio_id, symbol1, symbol2, correlation_coefficient, p_value, q_value, observations
                    FROM pairwise_correlations ORDER BY 1, abs(correlation_coefficient) DESC$$,
                  'top_correlations names the pairs, the largest first, as pairwise_correlations shows them');
SELECT is_empty($$SELECT portfolio_id FROM correlation_calculations WHERE reason IS NULL AND
                  (matrix_method = 'ledoit_wolf' AND shrinkage_intensity BETWEEN 0 AND 1 AND repair_distance IS NULL
                   AND effective_bets BETWEEN 1 AND cardinality(symbols)
                   AND CASE WHEN portfolio_id = pg_temp.id(2)
                            THEN diversification_reason = 'short_positions' AND diversification_ratio IS NULL
                                 AND effective_positions IS NULL
                            ELSE diversification_reason IS NULL AND diversification_ratio >= 1
                                 AND effective_positions >= 1 END) IS NOT TRUE$$,
                'the matrix is shrunk where sessions are the same or nearly so; the ratio is of books without shorts');
SELECT is_empty($$SELECT to_jsonb(a) - '{portfolio_id,created_at}'::text[]
                  FROM correlation_calculations AS a WHERE portfolio_id = pg_temp.id(1)
                  EXCEPT SELECT to_jsonb(a) - '{portfolio_id,created_at}'::text[]
                  FROM correlation_calculations AS a WHERE portfolio_id = pg_temp.id(9)$$,
                'how a holding is split into lots, and their order, changes nothing');

-- Two symbols: the ratio and the bets by hand. With equal volatilities and weights it would be sqrt(2 / (1 + rho)).
SELECT ok((SELECT abs(c.diversification_ratio - (w.a * s.a + w.h * s.h)
                      / sqrt((w.a * s.a) ^ 2 + (w.h * s.h) ^ 2 + 2 * w.a * s.a * w.h * s.h * c.avg_correlation)) < 1e-12
                  AND abs(c.effective_positions - (w.a + w.h) ^ 2
                                                  / (w.a ^ 2 + w.h ^ 2 + 2 * w.a * w.h * c.avg_correlation)) < 1e-12
             FROM correlation_calculations AS c,
                  (SELECT stddev_pop(r) FILTER (WHERE symbol = 'AAA') AS a,
                          stddev_pop(r) FILTER (WHERE symbol = 'HHH') AS h
                   FROM log_returns WHERE n IN (SELECT n FROM log_returns WHERE symbol = 'HHH')) AS s,
                  (SELECT max(400 * close) FILTER (WHERE symbol = 'AAA') AS a,
                          max(300 * close) FILTER (WHERE symbol = 'HHH') AS h
                   FROM market_data_cache WHERE date = '2024-07-12') AS w
            WHERE c.portfolio_id = pg_temp.id(10)),
          'the ratio of two, whose matrix has nothing to shrink');
-- The first principal portfolio lies at the angle atan2(2 c, v - u) / 2 to the first symbol.
SELECT ok((SELECT abs(c.effective_bets - exp(-e.p * ln(e.p) - (1 - e.p) * ln(1 - e.p))) < 1e-12
             FROM correlation_calculations AS c,
                  (SELECT var_pop(r) FILTER (WHERE symbol = 'AAA') AS v, var_pop(r) FILTER (WHERE symbol = 'HHH') AS u
                   FROM log_returns WHERE n IN (SELECT n FROM log_returns WHERE symbol = 'HHH')) AS s,
                  (SELECT max(400 * close) FILTER (WHERE symbol = 'AAA') AS a,
                          max(300 * close) FILTER (WHERE symbol = 'HHH') AS h
                   FROM market_data_cache WHERE date = '2024-07-12') AS w,
                  LATERAL (SELECT sqrt(s.v * s.u) * c.avg_correlation AS c) AS m,
                  LATERAL (SELECT atan2(2 * m.c, s.v - s.u) / 2 AS angle,
                                  (s.v + s.u) / 2 + sqrt((s.v - s.u) ^ 2 / 4 + m.c ^ 2) AS value) AS first,
                  LATERAL (SELECT (w.a * cos(first.angle) + w.h * sin(first.angle)) ^ 2 * first.value
                                  / (w.a ^ 2 * s.v + w.h ^ 2 * s.u + 2 * w.a * w.h * m.c) AS p) AS e
            WHERE c.portfolio_id = pg_temp.id(10)),
          'and the bets, by the shares of the two principal portfolios');

-- Clusters -----------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT right(c.portfolio_id::text, 2), c.cluster_number, c.nickname, array_agg(p.symbol ORDER BY p.position_id)
                    FROM correlation_clusters AS c JOIN correlation_cluster_positions AS p
                      USING (portfolio_id, calculation_date, duration_days, cluster_number)
                    GROUP BY 1, 2, 3 ORDER BY 1$$,
                  $$VALUES ('01', 1, 'Technology', '{AAA,BBB,AAA}'::text[]), ('02', 1, 'AAA lookalikes', '{AAA,CCC}'),
                           ('09', 1, 'Technology', '{AAA,BBB}')$$,
                  'a long and its short hedge are no cluster; a long and a short of its opposite are');
SELECT is_empty($$SELECT c.portfolio_id FROM correlation_clusters AS c JOIN correlation_cluster_positions AS p USING (portfolio_id)
                  JOIN correlation_calculations AS s USING (portfolio_id)
                  JOIN LATERAL (SELECT sum(abs(quantity * coalesce(close, entry_price::float8))) AS gross,
                                       sum(abs(quantity * close)) FILTER (WHERE l.symbol = ANY (s.symbols)) AS included
                                FROM positions AS l LEFT JOIN market_data_cache AS m ON (m.symbol, m.date) = (l.symbol, '2024-07-12')
                                WHERE l.portfolio_id = c.portfolio_id) AS w ON true
                  GROUP BY 1, c.total_value, c.portfolio_percentage, c.avg_correlation, s.concentration_score, w.gross, w.included
                  HAVING (abs(c.total_value - sum(p.value)) <= 0.001 AND abs(c.portfolio_percentage - sum(p.portfolio_percentage)) < 1e-12
                          AND abs(c.portfolio_percentage - c.total_value::float8 / w.gross) < 1e-9
                          AND abs(s.concentration_score - c.total_value::float8 / w.included) < 1e-9
                          AND c.avg_correlation > 0.7 AND abs(c.avg_correlation - min(p.correlation_to_cluster)) < 1e-12) IS NOT TRUE$$,
                'values, shares of the gross exposure, concentration and correlations of the clusters');

INSERT INTO tags (id, owner, name, is_archived) VALUES (pg_temp.id(901), 'me', 'Bets', false), (pg_temp.id(902), 'me', 'Old', true);
INSERT INTO position_tags (portfolio_id, position_id, tag_id)
SELECT portfolio_id, id, tag FROM positions, (VALUES (pg_temp.id(901)), (pg_temp.id(902))) AS t (tag)
WHERE id IN (pg_temp.id(15), pg_temp.id(12), pg_temp.id(21));
SELECT is((SELECT rows_written FROM calc_correlations('2024-07-12')), 1::bigint,
          'tags rename a cluster and change nothing else');
SELECT results_eq($$SELECT nickname FROM correlation_clusters ORDER BY portfolio_id$$,
                  $$VALUES ('Bets'), ('AAA lookalikes'), ('Technology')$$,
                  'a symbol carries the tags of any of its lots; tags in use go before sectors, half of the members are too few');

-- Missing --------------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT right(portfolio_id::text, 2), reason, positions_included, positions_excluded, data_quality
                    FROM correlation_calculations WHERE reason IS NOT NULL ORDER BY 1$$,
                  $$VALUES ('03', 'private', 0, 1, 'insufficient'), ('04', 'no_exposure', 0, 0, 'insufficient'),
                           ('05', 'single_symbol', 2, 0, 'insufficient'), ('06', 'below_filters', 1, 1, 'insufficient'),
                           ('07', 'insufficient_data', 0, 2, 'insufficient'), ('08', 'no_exposure', 0, 2, 'insufficient')$$,
                  'why there are no figures');
SELECT is_empty($$SELECT * FROM correlation_calculations WHERE reason IS NOT NULL
                  AND num_nonnulls(avg_correlation, weighted_avg_correlation, position_signed_correlation, significant_pairs,
                        total_pairs, top_correlations, effective_positions, effective_bets, concentration_score,
                        diversification_ratio, matrix_method, shrinkage_intensity, repair_distance, symbols, correlations,
                        pair_observations) > 0$$, 'and then there are none');

-- Filters ------------------------------------------------------------------------------------------------------------

-- Gross 22,0xx: BBB is worth about 2,000, 9 % of it.
CREATE FUNCTION pg_temp.included(minimum float8, weight float8, mode text) RETURNS integer LANGUAGE sql AS $$
  SELECT count(*)::integer FROM calc_correlations('2024-07-12', ARRAY[pg_temp.id(6)], min_position_value => minimum,
                                                  min_portfolio_weight => weight, filter_mode => mode);
  SELECT positions_included FROM correlation_calculations WHERE portfolio_id = pg_temp.id(6) $$;
SELECT results_eq($$SELECT mode, pg_temp.included(value, weight, mode)
                    FROM (VALUES (1, 10000, 0.05, 'both'), (2, 10000, 0.05, 'either'), (3, 10000, 0.05, 'value_only'),
                                 (4, 10000, 0.05, 'weight_only'), (5, 100, 0.5, 'both'), (6, 100, 0.5, 'either'),
                                 (7, 100, 0.5, 'value_only'), (8, 100, 0.5, 'weight_only')) AS f (i, value, weight, mode)
                    ORDER BY i$$,
                  $$VALUES ('both', 1), ('either', 2), ('value_only', 1), ('weight_only', 2),
                           ('both', 1), ('either', 2), ('value_only', 2), ('weight_only', 1)$$, 'the modes of the filters');
SELECT results_eq($$SELECT min_position_value, min_portfolio_weight, filter_mode, correlation_threshold, duration_days
                    FROM correlation_calculations WHERE portfolio_id = pg_temp.id(6)$$,
                  $$VALUES (100.0000, 0.5::float8, 'weight_only', 0.7::float8, 20)$$, 'what was asked for is recorded');
SELECT is((SELECT pg_temp.included(round((20 * close)::numeric, 4)::float8, 0, 'value_only') FROM market_data_cache
            WHERE (symbol, date) = ('BBB', '2024-07-12')), 2, 'the least value itself is enough');

-- Later and again ----------------------------------------------------------------------------------------------------

SELECT count(*) AS again FROM calc_correlations('2024-07-12') \gset
SELECT is((SELECT rows_written FROM calc_correlations('2024-07-12')), 0::bigint, 'a second run writes nothing');
INSERT INTO market_data_cache (symbol, date, close)
SELECT symbol, '2024-07-15', 500 FROM (VALUES ('AAA'), ('BBB'), ('CCC'), ('DDD'), ('GGG'), ('SPY')) AS s (symbol);
SELECT is((SELECT rows_written FROM calc_correlations('2024-07-12')), 0::bigint, 'nor do later prices matter');
SELECT is((SELECT rows_written FROM calc_correlations('2024-07-12', ARRAY[pg_temp.id(2), pg_temp.id(10)])), 0::bigint,
          'nor which other portfolios are computed with them');
SELECT is((SELECT rows_written FROM calc_correlations('2024-07-12', ARRAY[pg_temp.id(1), pg_temp.id(9)])), 0::bigint,
          'nor whether they are cut out of one matrix of all symbols');
SELECT is((SELECT rows_written > 0 FROM calc_correlations('2024-07-12', ARRAY[pg_temp.id(2)], duration_days => 25)),
          true, 'another window is another result');
SELECT is((SELECT count(*) FROM correlation_calculations WHERE portfolio_id = pg_temp.id(2)), 2::bigint,
          'beside the first');
SELECT is((SELECT rows_written FROM calc_correlations('2024-07-12', ARRAY[pg_temp.id(2)], correlation_threshold => 1)),
          4::bigint, 'clusters that are no more are removed: the row changes, one cluster and two lots go');
SELECT is((SELECT count(*) FROM correlation_clusters WHERE portfolio_id = pg_temp.id(2) AND duration_days = 20),
          0::bigint, 'of this window');

-- Options ------------------------------------------------------------------------------------------------------------

-- A put moves against its underlying, AAA at 101.6: -0.5 x 10 x 100 x price, about -51,000, beside 20,000 of BBB.
SELECT pg_temp.add_portfolio(11, 100000, '2024-07-08');
SELECT pg_temp.add_lot(11, 111, 'BBB', 200, 100, '2024-07-08');
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date, investment_class,
                       underlying_symbol, strike_price, expiration_date, contract_multiplier)
VALUES (pg_temp.id(11), pg_temp.id(112), 'AAA241220P00100000', 'LP', 10, 5, '2024-07-08', 'OPTIONS', 'AAA', 100,
        '2024-12-20', 100);
SELECT count(*) AS optionless FROM calc_correlations('2024-07-12', ARRAY[pg_temp.id(11)]) \gset
SELECT results_eq($$SELECT reason, positions_excluded FROM correlation_calculations WHERE portfolio_id = pg_temp.id(11)$$,
                  $$VALUES ('single_symbol', 1)$$, 'an option without a delta has no part');
INSERT INTO position_greeks (portfolio_id, position_id, calculation_date, delta)
VALUES (pg_temp.id(11), pg_temp.id(112), '2024-07-12', -0.5);
SELECT count(*) AS with_delta FROM calc_correlations('2024-07-12', ARRAY[pg_temp.id(11)]) \gset
SELECT results_eq($$SELECT symbols, positions_included, position_signed_correlation = -avg_correlation, concentration_score
                    FROM correlation_calculations WHERE portfolio_id = pg_temp.id(11)$$,
                  $$VALUES ('{AAA,BBB}'::text[], 2, true, 0::float8)$$,
                  'with one it stands for its underlying, and a put hedges');

-- The view -----------------------------------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.plan(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; plan text := '';
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS off) ' || statement LOOP plan := plan || line || E'\n'; END LOOP;
  RETURN plan;
END $$;
SET LOCAL enable_seqscan = off;
SELECT unalike(pg_temp.plan($$SELECT symbol1, symbol2, correlation_coefficient FROM pairwise_correlations$$), '%WindowAgg%',
              'without q_value nothing is sorted');
SELECT unalike(pg_temp.plan($$SELECT symbol1, symbol2, correlation_coefficient FROM pairwise_correlations$$), '%p\_value%',
              'and no p-value is computed');
SELECT matches(pg_temp.plan(format($$SELECT * FROM pairwise_correlations WHERE portfolio_id = %L
                                     AND calculation_date = '2024-07-12' AND duration_days = 20$$, pg_temp.id(1))),
               'WindowAgg.*Index Cond: [^\n]*portfolio_id = [^\n]*calculation_date = [^\n]*duration_days = ',
               'with it, the key is looked up before anything is computed');

-- Arguments ----------------------------------------------------------------------------------------------------------

SELECT pg_temp.raises(format('SELECT * FROM calc_correlations(''2024-07-12'', %s)', arguments), '22023', message, detail, '%_%',
                      arguments)
FROM (VALUES
  ('duration_days => 19', 'duration_days must be in 20 to 10000', 'It is 19.'),
  ('min_overlap => 9', 'min_overlap must be in 10 to 10000', 'It is 9.'),
  ('min_overlap => 21', 'min_overlap must not exceed duration_days', 'It is 21 of 20 sessions.'),
  ('min_position_value => -1', 'min_position_value must be in 0 to 1e14', 'It is -1.'),
  ('min_position_value => ''NaN''', 'min_position_value must be in 0 to 1e14', 'It is nan.'),
  ('min_portfolio_weight => 1.5', 'min_portfolio_weight must be in 0 to 1', 'It is 1.5.'),
  ('filter_mode => ''all''', 'unknown filter_mode "all"', 'It is one of %'),
  ('correlation_threshold => 1.1', 'correlation_threshold must be in -1 to 1', 'It is 1.1.')) AS e (arguments, message, detail);
SELECT throws_ok($$SELECT * FROM calc_correlations('2024-07-13')$$, '22023', NULL, 'a day that is no session');

-- Rights -------------------------------------------------------------------------------------------------------------

CREATE ROLE pb_reader;
CREATE ROLE pb_runner;
SELECT count(*) AS grants FROM grant_analytics_roles('pb_reader', 'pb_runner') \gset
SET LOCAL ROLE pb_runner;
SELECT is((SELECT rows_written FROM calc_correlations('2024-07-12', ARRAY[pg_temp.id(2)])), 4::bigint,
          'the runner may run it');
SET LOCAL ROLE pb_reader;
SELECT throws_ok($$SELECT * FROM calc_correlations('2024-07-12')$$, '42501',
                 'permission denied for function calc_correlations', 'a reader may not');
SELECT isnt((SELECT q_value FROM pairwise_correlations LIMIT 1), NULL, 'but reads the results');
RESET ROLE;

-- Names of sectors -----------------------------------------------------------------------------------------------------

-- The sector of AAA as its tag, as a bucket of the snapshot and as the name of a cluster of AAA and BBB.
SELECT count(*) FROM create_portfolio_snapshots('2024-07-12', ARRAY[pg_temp.id(9)]) \g /dev/null
CREATE FUNCTION pg_temp.sector(of_aaa text, of_bbb text, OUT tag text, OUT bucket text[], OUT cluster text) LANGUAGE plpgsql AS $$
BEGIN
  UPDATE company_profiles SET sector = CASE symbol WHEN 'AAA' THEN of_aaa ELSE of_bbb END WHERE symbol IN ('AAA', 'BBB');
  PERFORM restore_sector_tags('2024-07-12', ARRAY[pg_temp.id(9)]);
  PERFORM calc_sector_exposures('2024-07-12', ARRAY[pg_temp.id(9)]);
  PERFORM calc_correlations('2024-07-12', ARRAY[pg_temp.id(9)]);
  tag = (SELECT t.name FROM position_tags AS l JOIN tags AS t ON t.id = l.tag_id
         WHERE l.position_id = pg_temp.id(98) AND t.is_system);
  bucket = (SELECT array_agg(k ORDER BY k) FROM portfolio_snapshots AS s, jsonb_object_keys(s.sector_exposure) AS k
            WHERE s.portfolio_id = pg_temp.id(9) AND s.snapshot_date = '2024-07-12' AND k <> 'Private');
  cluster = (SELECT nickname FROM correlation_clusters WHERE portfolio_id = pg_temp.id(9));
END $$;
SELECT results_eq(format('SELECT * FROM pg_temp.sector(%L, %L)', aaa, bbb),
                  format('VALUES (%L, %L::text[], %L)', tag, bucket, cluster), what)
FROM (VALUES ('Financial Services', ' financials ', 'Financials', '{Financials,Unmapped}', 'Financials', 'a sector has one name everywhere'),
             ('space mining', 'SPACE MINING', 'Space Mining', '{"Space Mining",Unmapped}', 'Space Mining', 'one that no provider has, too'),
             ('N/A', 'none', 'Uncategorized', '{Unmapped}', 'AAA lookalikes', 'no sector is none everywhere'),
             ('Data not available', 'Technology', 'Uncategorized', '{Technology,Unmapped}', 'AAA lookalikes', 'by another text'),
             (' Unknown', '-', 'Uncategorized', '{Unmapped}', 'AAA lookalikes', 'by others'),
             (NULL, '', 'Uncategorized', '{Unmapped}', 'AAA lookalikes', 'and by nothing'))
     AS v (aaa, bbb, tag, bucket, cluster, what);

SELECT * FROM finish();
ROLLBACK;
