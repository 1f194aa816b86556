-- The report: one page that is well-formed, shows the numbers of the tables, escapes what people have named, refers to
-- nothing outside, and says in words what is missing.

\ir include/prelude.psql
SELECT plan(148);

-- Helpers of the markup ----------------------------------------------------------------------------------------------

SELECT is(_portfolio_batch.html_escape('<a href="x">&''</a>' || chr(7)), '&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;?',
          'what means something in HTML is escaped, control characters are gone');
SELECT is(_portfolio_batch.html_escape(NULL), NULL, 'nothing of nothing');
SELECT is(_portfolio_batch.report_number(value, decimals), shown, format('%s with %s decimals', value, decimals))
FROM (VALUES (1234567.891, 2, '1,234,567.89'), (-1234.5, 0, '&#8722;1,235'), (-0.004, 2, '0.00'), (0, 0, '0'),
             (NULL, 2, NULL), (999.995, 2, '1,000.00')) AS v (value, decimals, shown);
SELECT is(_portfolio_batch.report_percent(-0.1234), '&#8722;12.3&#8239;%', 'percent');
SELECT is(_portfolio_batch.report_compact(value), shown, 'on an axis ' || value)
FROM (VALUES (1250000, '1.25M'), (-40000, '&#8722;40k'), (2500000000, '2.5bn'), (0, '0'), (0.25, '0.25')) AS v (value,
       shown);
SELECT results_eq($$SELECT low, high, array_agg(tick::float8 ORDER BY tick)
                    FROM (VALUES (0::float8, 1::float8), (-0.07, 0), (2012345, 2420000), (-3, 5)) AS v (low, high),
                         _portfolio_batch.report_ticks(low, high, 4) AS tick GROUP BY 1, 2 ORDER BY 2, 1$$,
                  $$VALUES (-0.07::float8, 0::float8, '{-0.06,-0.04,-0.02,0}'::float8[]),
                           (0, 1, '{0,0.25,0.5,0.75,1}'), (-3, 5, '{-2,0,2,4}'),
                           (2012345, 2420000, '{2200000,2400000}')$$, 'round numbers on an axis');
SELECT is_empty('SELECT _portfolio_batch.report_ticks(1, 1, 4)', 'and none without a span');
SELECT is(_portfolio_batch.report_scale(5, 0, 10, 100, 200), 150.0, 'a place between two places');
SELECT is(_portfolio_batch.report_scale(5, 5, 5, 100, 200), 150.0, 'and the middle without a span');
SELECT is(_portfolio_batch.report_reason(reason), words, 'reason ' || COALESCE(reason, 'NULL'))
FROM (VALUES ('insufficient_data', 'too few returns'), (NULL, 'not computed for this date'),
             ('some_<new>', 'some &lt;new&gt;')) AS v (reason, words);

-- A made-up market, with names that try to be markup -----------------------------------------------------------------

SET LOCAL portfolio_batch.progress = off;
SET LOCAL portfolio_batch.correlation_threshold = 0.4;
SELECT count(*) AS loaded FROM load_sample_data(portfolios => 3, positions => 10, sessions => 25,
                                                last_session => '2026-11-20') \gset
\set evil '<script>alert("1") & ''x''</script>'
CREATE TEMP TABLE portfolio AS
SELECT id, right(split_part(name, ' (', 1), 1)::integer AS n FROM portfolios;
GRANT SELECT ON portfolio TO PUBLIC;
UPDATE portfolios SET name = :'evil', owner = '<i>' WHERE id = (SELECT id FROM portfolio WHERE n = 2);
SELECT min(symbol) AS victim FROM positions
WHERE portfolio_id = (SELECT id FROM portfolio WHERE n = 2) AND exit_date IS NULL \gset
UPDATE market_data_cache SET symbol = :'evil' WHERE symbol = :'victim';
UPDATE company_profiles SET symbol = :'evil', sector = '<b>' || :'evil' WHERE symbol = :'victim';
UPDATE positions SET symbol = :'evil' WHERE symbol = :'victim';
SELECT count(*) AS phases FROM run_daily_batch_with_backfill('2026-11-20') \gset
UPDATE correlation_clusters SET nickname = :'evil' WHERE cluster_number = 1;
UPDATE batch_jobs SET status = 'failed', sqlstate = 'XX000', error_message = :'evil'
WHERE calculation_date = '2026-11-20' AND job_name = 'volatility';
UPDATE stress_test_scenarios SET name = :'evil' WHERE scenario_id = 'market_down_5';

CREATE TEMP TABLE page AS
SELECT p.n, r.text, xmlparse(DOCUMENT r.text) AS xml FROM portfolio AS p CROSS JOIN portfolio_report(p.id) AS r (text);
SELECT is((SELECT count(xml) FROM page), 3::bigint, 'pages are well-formed XML');
GRANT SELECT ON page TO PUBLIC;

-- The values at a path of a page, or the only one; numbers of a page by their names.
CREATE FUNCTION pg_temp.at(n integer, path text) RETURNS SETOF text
LANGUAGE sql AS $$ SELECT v::text FROM page, unnest(xpath(path, page.xml)) AS v WHERE page.n = at.n $$;
CREATE FUNCTION pg_temp.one(n integer, path text) RETURNS text
LANGUAGE sql AS $$ SELECT (SELECT v FROM pg_temp.at(n, path) AS v) $$;
CREATE FUNCTION pg_temp.metric(n integer, metric text) RETURNS numeric
LANGUAGE sql AS $$ SELECT pg_temp.at(n, format('//data[@data-metric="%s"]/@value', metric))::numeric LIMIT 1 $$;
-- Attributes of all elements at a path, as rows.
CREATE FUNCTION pg_temp.attributes(n integer, path text, VARIADIC names text[]) RETURNS SETOF text[]
LANGUAGE sql AS $$
  SELECT ARRAY(SELECT (xpath('/*/@' || a.name, e))[1]::text FROM unnest(names) WITH ORDINALITY AS a (name,
      i) ORDER BY i)
  FROM page, unnest(xpath(path, page.xml)) AS e WHERE page.n = attributes.n
$$;
CREATE FUNCTION pg_temp.id_of(n integer) RETURNS uuid LANGUAGE sql AS
$$ SELECT id FROM portfolio AS p WHERE p.n = id_of.n $$;
CREATE FUNCTION pg_temp.text_of(n integer) RETURNS text LANGUAGE sql AS
$$ SELECT text FROM page AS p WHERE p.n = text_of.n $$;

-- Nothing but itself -------------------------------------------------------------------------------------------------

SELECT ok(pg_temp.text_of(n) !~* '<script|javascript:|onload|onclick|<iframe|<object|<link|<img|@import|@font-face',
          'no script, frame, image or import on page ' || n)
FROM unnest(ARRAY[1, 2, 3]) AS n;
SELECT ok(pg_temp.text_of(n) !~* 'http:|https:|//[a-z]|url\((?!#hatch\))|\ssrc=|\shref=|action=',
       'no reference to anything outside on page ' || n)
FROM unnest(ARRAY[1, 2, 3]) AS n;
SELECT is(pg_temp.one(1, '//meta[@http-equiv="Content-Security-Policy"]/@content'),
          'default-src ''none''; style-src ''unsafe-inline''', 'and the policy forbids it');
SELECT ok((SELECT bool_and(label <> '')
             FROM (SELECT unnest(xpath('//svg', xml)) FROM page) AS s (svg),
                  LATERAL (SELECT COALESCE((xpath('/svg[@role="img"]/@aria-label', s.svg))[1]::text, '')) AS l (label)),
          'every chart says what it shows');
SELECT set_eq($$SELECT unnest(xpath('//section/@id', xml))::text FROM page WHERE n = 1$$,
              '{equity,exposures,sectors,factors,risk,correlations,stress,positions,quality,lineage}'::text[],
              'all sections are there');
SELECT is(pg_temp.text_of(1), portfolio_report(pg_temp.id_of(1)), 'the same tables give the same page');

-- Names are text -----------------------------------------------------------------------------------------------------

-- xpath gives text as it stands in the markup, attributes as they are.
CREATE FUNCTION pg_temp.plain(n integer, path text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT replace(replace(replace(v, '&lt;', '<'), '&gt;', '>'), '&amp;', '&') FROM pg_temp.at(n, path) AS v
$$;
SELECT is((SELECT * FROM pg_temp.plain(2, '//h1/text()')), :'evil', 'the name of the portfolio is shown as text');
SELECT ok((SELECT v LIKE :'evil' || ', risk report of 2026-11-20'
             FROM pg_temp.plain(2, '/html/head/title/text()') AS v),
       'also in the title');
SELECT is((SELECT count(*) FROM pg_temp.plain(2, '//section[@id="positions"]//td/text()') AS v WHERE v = :'evil'),
          1::bigint, 'a symbol');
SELECT is((SELECT count(*) FROM pg_temp.plain(2, '//section[@id="sectors"]//text/text()') AS v
            WHERE v ILIKE '<b><script>%'), 1::bigint, 'a sector');
SELECT cmp_ok((SELECT count(*) FROM pg_temp.plain(2, '//section[@id="correlations"]//*/text()') AS v WHERE v = :'evil'),
              '>=', 2::bigint, 'the nickname of a cluster, in the table and at its frame');
SELECT is((SELECT count(*) FROM pg_temp.plain(2, '//section[@id="stress"]//text/text()') AS v
            WHERE v = left(:'evil', 39) || '...' OR v = :'evil'), 1::bigint, 'a scenario');
SELECT is((SELECT count(*) FROM pg_temp.plain(2, '//section[@id="lineage"]//td/text()') AS v
            WHERE v = 'XX000 ' || :'evil'), 1::bigint, 'the message of an error');

-- The numbers of the tables ------------------------------------------------------------------------------------------

SELECT results_eq(format($$SELECT metric, pg_temp.metric(%s, metric) FROM unnest(
                     '{total_value,daily_pnl,daily_return,mtd_pnl,ytd_pnl,cumulative_pnl,cumulative_realized_pnl,
                       cash_value,beta,beta_r_squared,realized_volatility_63d,expected_volatility_21d,hhi,
                       effective_positions,diversification_ratio,avg_correlation,concentration_score}'::text[])
                     AS metric$$, n),
                  format($$SELECT v.metric, v.value::numeric
                           FROM portfolio_snapshots AS s
                           JOIN correlation_calculations AS c
                             ON c.portfolio_id = s.portfolio_id AND c.calculation_date = s.snapshot_date
                           CROSS JOIN LATERAL (VALUES
                             ('total_value', s.total_value::text), ('daily_pnl', s.daily_pnl::text),
                             ('daily_return', s.daily_return::text), ('mtd_pnl', s.mtd_pnl::text),
                             ('ytd_pnl', s.ytd_pnl::text), ('cumulative_pnl', s.cumulative_pnl::text),
                             ('cumulative_realized_pnl', s.cumulative_realized_pnl::text),
                             ('cash_value', s.cash_value::text), ('beta', s.beta::text),
                             ('beta_r_squared', s.beta_r_squared::text),
                             ('realized_volatility_63d', s.realized_volatility_63d::text),
                             ('expected_volatility_21d', s.expected_volatility_21d::text), ('hhi', s.hhi::text),
                             ('effective_positions', s.effective_positions::text),
                             ('diversification_ratio', c.diversification_ratio::text),
                             ('avg_correlation', c.avg_correlation::text),
                             ('concentration_score', c.concentration_score::text)) AS v (metric, value)
                           WHERE s.portfolio_id = %L AND s.snapshot_date = '2026-11-20'$$, pg_temp.id_of(n)),
                  'key figures of page ' || n)
FROM unnest(ARRAY[1, 2, 3]) AS n;
SELECT ok((SELECT pg_temp.one(1, '//div[@class="headline"]//data/text()') = to_char(total_value, 'FM999,999,990.00')
             FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id_of(1) AND snapshot_date = '2026-11-20'),
          'people read the same number');
SELECT ok((SELECT pg_temp.near(pg_temp.metric(n, 'rate_effect')::float8, exposure_value / 100, 1e-15)
             FROM portfolio_factor_exposures
            WHERE portfolio_id = pg_temp.id_of(n) AND model = 'rate' AND calculation_date = '2026-11-20'),
          'the effect of the yield on page ' || n)
FROM unnest(ARRAY[1, 2, 3]) AS n;

SELECT results_eq(format($$SELECT * FROM pg_temp.attributes(%s, '//path[@data-series="value"]', 'data-points',
                             'data-first', 'data-last', 'data-lowest', 'data-highest')$$, n),
                  format($$SELECT ARRAY[count(*)::text, (array_agg(total_value ORDER BY snapshot_date))[1]::text,
                                        (array_agg(total_value ORDER BY snapshot_date DESC))[1]::text,
                                        min(total_value)::text, max(total_value)::text]
                           FROM portfolio_snapshots WHERE portfolio_id = %L$$, pg_temp.id_of(n)),
                  'the curve of page ' || n)
FROM unnest(ARRAY[1, 2, 3]) AS n;
SELECT is(cardinality(regexp_split_to_array(pg_temp.one(1, '//path[@data-series="value"]/@d'), ' ')), 25,
          'has a point a snapshot');
SELECT results_eq($$SELECT a[1]::date AS v1, a[2]::numeric AS v2 FROM pg_temp.attributes(2, '//tr[@data-date]',
                      'data-date', 'data-value') AS a$$,
                  $$SELECT snapshot_date, total_value FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id_of(2)
                    ORDER BY 1 DESC$$, 'and every value is in the table below it');
WITH growth AS (
  SELECT snapshot_date, exp(sum(ln(1 + daily_return)) OVER (ORDER BY snapshot_date)) AS g
  FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id_of(2)
), down AS (SELECT g, g / greatest(1, max(g) OVER (ORDER BY snapshot_date)) - 1 AS d FROM growth)
SELECT ok((SELECT pg_temp.near(pg_temp.metric(2, 'max_drawdown')::float8, min(d), 1e-9)
                  AND pg_temp.near(pg_temp.metric(2, 'total_return')::float8, (array_agg(g))[25] - 1, 1e-9) FROM down),
          'drawdown and return');

SELECT set_eq(format($$SELECT a[1] AS v1, a[2]::numeric AS v2 FROM pg_temp.attributes(%s,
                         '//section[@id="exposures"]//text[@data-metric]', 'data-metric', 'data-value') AS a$$, n),
              format($$SELECT v.* FROM portfolio_snapshots AS s, LATERAL (VALUES ('total_long', total_long),
                         ('total_short', total_short), ('net_exposure', net_exposure),
                         ('gross_exposure', gross_exposure)) AS v
                       WHERE portfolio_id = %L AND snapshot_date = '2026-11-20'$$, pg_temp.id_of(n)),
              'exposures of page ' || n)
FROM unnest(ARRAY[1, 2, 3]) AS n;
SELECT set_eq(format($$SELECT a[1] COLLATE "default" AS v1, a[2]::float8 AS v2, a[3]::float8 AS v3, a[4]::float8 AS v4
                       FROM pg_temp.attributes(%s, '//g[@data-sector]', 'data-sector', 'data-long', 'data-short',
                                               'data-net') AS a$$, n),
              format($$SELECT key, (value ->> 'long')::float8 AS v2, (value ->> 'short')::float8 AS v3,
                              (value ->> 'net')::float8 AS v4
                       FROM portfolio_snapshots, jsonb_each(sector_exposure)
                       WHERE portfolio_id = %L AND snapshot_date = '2026-11-20'$$, pg_temp.id_of(n)),
              'sectors of page ' || n)
FROM unnest(ARRAY[1, 3]) AS n;

SELECT set_eq(format($$SELECT a[1] AS v1, a[2] AS v2, a[3]::float8 AS v3 FROM pg_temp.attributes(%s,
                         '//g[@data-factor]', 'data-model', 'data-factor', 'data-exposure') AS a$$, n),
              format($$SELECT model, factor, exposure_value FROM portfolio_factor_exposures WHERE portfolio_id = %L
                       AND calculation_date = '2026-11-20' AND model IN ('ridge', 'spread') AND factor <> 'specific'$$,
                     pg_temp.id_of(n)), 'factor betas of page ' || n)
FROM unnest(ARRAY[1, 2, 3]) AS n;
SELECT set_eq(format($$SELECT a[1] AS v1, a[2] AS v2, a[3]::float8 AS v3 FROM pg_temp.attributes(%s,
                         '//g[@data-factor]', 'data-model', 'data-factor', 'data-error') AS a$$, n),
              format($$SELECT model, factor, std_error FROM portfolio_factor_exposures WHERE portfolio_id = %L
                       AND calculation_date = '2026-11-20' AND model IN ('ridge', 'spread') AND factor <> 'specific'
                       AND std_error > 0$$, pg_temp.id_of(n)), 'and their standard errors, page ' || n)
FROM unnest(ARRAY[1, 2, 3]) AS n;
SELECT is((SELECT count(*) FROM pg_temp.at(1, '//g[@data-factor]/text[3]/text()') AS v WHERE v ~ '^\S+ to \S+$'),
          12::bigint, 'with the interval in words');

SELECT set_eq(format($$SELECT a[1] AS v1, a[2] AS v2, a[3]::float8 AS v3, a[4]::float8 AS v4 FROM pg_temp.attributes(%s,
                         '//g[@data-risk][@data-risk!="total"]', 'data-model', 'data-risk', 'data-share',
                         'data-contribution') AS a$$, n),
              format($$SELECT model, factor, percent_contribution_to_risk, contribution_to_risk
                       FROM portfolio_factor_exposures WHERE portfolio_id = %L AND calculation_date = '2026-11-20'
                       AND model IN ('ridge', 'spread')$$, pg_temp.id_of(n)), 'risk contributions of page ' || n)
FROM unnest(ARRAY[1, 2, 3]) AS n;
SELECT ok((SELECT bool_and(abs(v::float8 - 1) < 1e-9) AND count(*) = 2
             FROM pg_temp.at(2, '//g[@data-risk="total"]/@data-share') AS v), 'which add up to 100 %');

SELECT set_eq(format($$SELECT least(a[1], a[2]) COLLATE "C" AS v1, greatest(a[1], a[2]) COLLATE "C" AS v2,
                              a[3]::float8 AS v3
                       FROM pg_temp.attributes(%s, '//rect[@data-correlation]', 'data-one', 'data-other',
                                               'data-correlation') AS a$$, n),
              format($$SELECT symbol1 COLLATE "C" AS v1, symbol2 COLLATE "C" AS v2, correlation_coefficient
                       FROM pairwise_correlations WHERE portfolio_id = %L AND calculation_date = '2026-11-20'$$,
                     pg_temp.id_of(n)),
              'correlations of page ' || n)
FROM unnest(ARRAY[1, 3]) AS n;
SELECT set_eq(format($$SELECT a[1]::integer AS v1, a[2]::float8 AS v2 FROM pg_temp.attributes(%s,
                         '//tr[@data-cluster-number]', 'data-cluster-number', 'data-share') AS a$$, n),
              format($$SELECT cluster_number, portfolio_percentage FROM correlation_clusters WHERE portfolio_id = %L
                       AND calculation_date = '2026-11-20'$$, pg_temp.id_of(n)), 'clusters of page ' || n)
FROM unnest(ARRAY[1, 2, 3]) AS n;
SELECT cmp_ok((SELECT count(*) FROM correlation_clusters WHERE calculation_date = '2026-11-20'), '>', 0::bigint,
              'there are clusters to show');
SELECT is((SELECT count(*) FROM pg_temp.at(n, '//rect[@data-cluster]')),
          (SELECT count(*) FROM correlation_clusters
            WHERE portfolio_id = pg_temp.id_of(n) AND calculation_date = '2026-11-20'),
          'each with a frame, page ' || n)
FROM unnest(ARRAY[1, 2, 3]) AS n;

SELECT results_eq(format($$SELECT a[1] COLLATE "default" AS v1, a[2]::numeric AS v2, a[3]::numeric AS v3
                           FROM pg_temp.attributes(%s,
                             '//g[@data-scenario]', 'data-scenario', 'data-direct', 'data-correlated') AS a$$, n),
                  format($$SELECT scenario_id COLLATE "default", direct_pnl, correlated_pnl FROM stress_test_results
                           WHERE portfolio_id = %L AND calculation_date = '2026-11-20'
                           ORDER BY correlated_pnl, scenario_id$$, pg_temp.id_of(n)),
                  'stress tests of page ' || n || ', worst first')
FROM unnest(ARRAY[1, 2, 3]) AS n;

SELECT is((SELECT pg_temp.one(n, '//tr[@data-positions]/@data-market-value')::numeric - total_market_value
             FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id_of(n) AND snapshot_date = '2026-11-20'),
          0::numeric, 'the positions of page ' || n || ' add up to the snapshot')
FROM unnest(ARRAY[1, 2, 3]) AS n;
SELECT set_eq(format($$SELECT a[1]::uuid AS v1, a[2]::numeric AS v2 FROM pg_temp.attributes(%s, '//tr[@data-position]',
                         'data-position', 'data-market-value') AS a$$, n),
              format($$SELECT p.position_id, round((p.quantity * p.contract_multiplier
                                                    * COALESCE(q.price, p.entry_price))::numeric, 4)
                       FROM positions_asof('2026-11-20', ARRAY[%L::uuid]) AS p,
                            price_asof(p.symbol, '2026-11-20') AS q$$, pg_temp.id_of(n)),
              'at the prices of price_asof, page ' || n)
FROM unnest(ARRAY[1, 2, 3]) AS n;
SELECT is(pg_temp.one(3, '//td[@data-metric="unpriced_positions"]/text()'), '1',
       'the option without a price is flagged');
SELECT is((SELECT count(*) FROM pg_temp.at(3, '//tr[@data-figure]/td[5]/text()') AS v
            WHERE v = 'option without a delta: 1, private asset: 1'), 5::bigint,
          'and the reasons are counted, figure by figure');
SELECT is(pg_temp.one(2, '//td[@data-metric="reconciled"]/text()'), 'equal', 'positions and snapshot agree');

SELECT set_eq($$SELECT a[1] AS v1, a[2]::bigint AS v2, a[3]::bigint AS v3 FROM pg_temp.attributes(1,
                  '//tr[@data-table]', 'data-table', 'data-run-id', 'data-rows') AS a
                WHERE a[1] IN ('portfolio_snapshots', 'portfolio_model_exposures', 'symbol_volatility')$$,
              $$SELECT 'portfolio_snapshots', run_id, 1::bigint FROM portfolio_snapshots
                WHERE portfolio_id = pg_temp.id_of(1) AND snapshot_date = '2026-11-20'
                UNION SELECT 'portfolio_model_exposures', max(run_id), count(*) FROM portfolio_model_exposures
                WHERE portfolio_id = pg_temp.id_of(1) AND calculation_date = '2026-11-20'
                UNION SELECT 'symbol_volatility', max(run_id), count(*) FROM symbol_volatility
                WHERE calculation_date = '2026-11-20'
                  AND symbol IN (SELECT h.symbol FROM position_history AS h
                                 WHERE h.portfolio_id = pg_temp.id_of(1) AND h.calculation_date = '2026-11-20')$$, 'which run wrote what');
SELECT is((SELECT count(*) FROM pg_temp.at(1, '//section[@id="lineage"]//td/text()') AS v
            WHERE v = 'Settings other than the default: correlation_threshold = 0.4 (default 0.7)'), 1::bigint,
          'with the setting that is not the default');

-- As of an earlier date ----------------------------------------------------------------------------------------------

UPDATE page SET xml = xmlparse(DOCUMENT portfolio_report(pg_temp.id_of(1), '2026-11-10')) WHERE n = 1;
SELECT set_eq($$SELECT v::date FROM pg_temp.at(1, '//tr[@data-date]/@data-date') AS v$$,
              $$SELECT snapshot_date FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id_of(1)
                AND snapshot_date <= '2026-11-10'$$, 'an earlier report ends with its date');
SELECT is((SELECT pg_temp.metric(1, 'total_value') - total_value FROM portfolio_snapshots
            WHERE portfolio_id = pg_temp.id_of(1) AND snapshot_date = '2026-11-10'), 0::numeric,
          'and has its net asset value');
SELECT is((SELECT pg_temp.one(1, '//tr[@data-positions]/@data-market-value')::numeric - total_market_value
             FROM portfolio_snapshots WHERE portfolio_id = pg_temp.id_of(1) AND snapshot_date = '2026-11-10'),
          0::numeric, 'at its prices');
SAVEPOINT future;
CREATE TEMP TABLE before AS SELECT portfolio_report(pg_temp.id_of(1), '2026-11-10') AS text;
UPDATE market_data_cache SET close = 3 * close WHERE date > '2026-11-10';
DELETE FROM portfolio_snapshots WHERE snapshot_date > '2026-11-10';
SELECT is(portfolio_report(pg_temp.id_of(1), '2026-11-10'), (SELECT text FROM before), 'nothing later is in it');
SELECT is(portfolio_report(pg_temp.id_of(1)), (SELECT text FROM before),
          'without a date it is the report of the latest snapshot');
ROLLBACK TO SAVEPOINT future;

-- Splits, stale prices, lots of one symbol ---------------------------------------------------------------------------

SAVEPOINT prices;
SELECT portfolio_id AS split_portfolio, symbol AS split_symbol FROM positions
WHERE portfolio_id = pg_temp.id_of(1) ORDER BY symbol LIMIT 1 \gset
INSERT INTO corporate_actions (symbol, ex_date, kind, ratio_numerator) VALUES (:'split_symbol', '2026-11-19', 'split', 4);
SELECT is((SELECT p.price - q.price
             FROM _portfolio_batch.report_positions(:'split_portfolio', '2026-11-19') AS p,
                  price_asof(:'split_symbol', '2026-11-19') AS q
            WHERE p.symbol = :'split_symbol'), 0::float8, 'a price before a split is in shares of the day');
UPDATE market_data_cache SET adjustment = 'split' WHERE symbol = :'split_symbol';
SELECT ok((SELECT pg_temp.near(p.price, q.price, 1e-12) AND p.price > 0
             FROM _portfolio_batch.report_positions(:'split_portfolio', day) AS p, price_asof(:'split_symbol', day) AS q
            WHERE p.symbol = :'split_symbol'), 'also of split-adjusted prices, on ' || day)
FROM unnest(ARRAY['2026-11-18', '2026-11-19']::date[]) AS day;
DELETE FROM market_data_cache WHERE symbol = :'split_symbol' AND date IN ('2026-11-19', '2026-11-20');
SELECT is((SELECT (p.price_quality, p.price_date) FROM _portfolio_batch.report_positions(:'split_portfolio', '2026-11-20') AS p
            WHERE p.symbol = :'split_symbol'), ('stale'::text, '2026-11-18'::date), 'an old price is stale');
SELECT ok(portfolio_report(pg_temp.id_of(1)) ~ 'inputs have changed since the run',
          'and the report says that the positions are not those of the snapshot any more');
SELECT ok(portfolio_report(pg_temp.id_of(1)) ~ 'data-error="[0-9.e-]+"',
          'while the intervals are those of the exposures beside them');
SET LOCAL portfolio_batch.max_stale_sessions = 1;
SELECT is((SELECT p.price_quality FROM _portfolio_batch.report_positions(:'split_portfolio', '2026-11-20') AS p
            WHERE p.symbol = :'split_symbol'), 'unpriced', 'or not priced any more');
ROLLBACK TO SAVEPOINT prices;

-- What is missing is said in words -----------------------------------------------------------------------------------

SAVEPOINT emptied;
DELETE FROM portfolio_model_exposures; DELETE FROM portfolio_stress_tests; DELETE FROM correlation_calculations;
DELETE FROM portfolio_holdings; DELETE FROM symbol_model_fits; DELETE FROM factor_models;
DELETE FROM symbol_volatility; DELETE FROM correlation_clusters; DELETE FROM correlation_cluster_positions;
DELETE FROM factor_correlations; DELETE FROM batch_jobs; DELETE FROM batch_runs;
DELETE FROM portfolio_snapshots WHERE snapshot_date <> '2026-11-20';
UPDATE positions SET deleted_at = now();
UPDATE portfolio_snapshots SET beta = NULL, beta_r_squared = NULL, beta_reason = 'insufficient_data',
  realized_volatility_21d = NULL, realized_volatility_63d = NULL, expected_volatility_21d = NULL,
  expected_volatility_method = NULL, volatility_reason = 'no_exposure', sector_exposure = NULL, hhi = NULL,
  effective_positions = NULL, concentration_reason = 'no_equity', gross_exposure = 0, total_long = 0, net_exposure = 0,
  daily_return = NULL, run_id = NULL, analytics_complete = false
WHERE portfolio_id = pg_temp.id_of(1);
UPDATE page SET xml = xmlparse(DOCUMENT portfolio_report(pg_temp.id_of(1))) WHERE n = 1;
SELECT is((SELECT string_agg(v, ' ') FROM pg_temp.at(1, format('//section[@id="%s"]//p[@class="missing"]/text()',
       section))
             AS v), words, 'missing: ' || section)
FROM (VALUES ('equity', 'A curve needs two snapshots; up to this date there is one.'),
             ('exposures', 'No exposure: nothing is held on this date.'),
             ('sectors', 'No sector exposure: no positive net asset value.'),
             ('factors', 'No factor betas: not computed for this date.'),
             ('risk', 'No contributions: not computed for this date.'),
             ('correlations', 'No correlations: not computed for this date.'),
             ('stress', 'No stress tests: not computed for this date.'),
             ('positions', 'No position is open on this date.'),
             ('quality', 'No estimates: the risk engines have not run for this date.'),
             ('lineage', 'The log has no run behind these rows: engines were called by hand, or the log was purged.'))
     AS v (section, words);
SELECT is_empty($$SELECT pg_temp.at(1, '//svg')$$, 'there is no chart of nothing');
SELECT is(pg_temp.one(1, format('//span[@data-metric="%s"]/text()', metric)), words, 'missing: ' || metric)
FROM (VALUES ('beta', 'n/a: too few returns'), ('realized_volatility_63d', 'n/a: no exposure'),
             ('hhi', 'n/a: no positive net asset value'), ('diversification_ratio', 'n/a: not computed for this date'),
             ('rate_effect', 'n/a: not computed for this date')) AS v (metric, words);
SELECT is(pg_temp.one(1, '//td[@data-metric="analytics_complete"]/text()'), 'outstanding',
       'nor are the analytics complete');
ROLLBACK TO SAVEPOINT emptied;

SAVEPOINT gaps;
UPDATE portfolio_snapshots SET daily_return = NULL WHERE snapshot_date = '2026-11-12';
UPDATE portfolio_stress_tests
   SET direct_pnl[array_position(scenario_ids, 'market_down_10')] = NULL,
       correlated_pnl[array_position(scenario_ids, 'market_down_10')] = NULL,
       reasons = (SELECT array_agg(CASE WHEN u.id = 'market_down_10' THEN 'insufficient_data' END ORDER BY u.place)
                  FROM unnest(scenario_ids) WITH ORDINALITY AS u (id, place));
UPDATE correlation_calculations SET correlations[2] = NULL;
UPDATE portfolio_model_exposures
   SET exposure_values[array_position(factors, 'value')] = NULL,
       reasons = (SELECT array_agg(CASE WHEN f.name = 'value' THEN 'no_prices' END ORDER BY f.place)
                  FROM unnest(factors) WITH ORDINALITY AS f (name, place))
 WHERE 'value' = ANY (factors);
UPDATE page SET xml = xmlparse(DOCUMENT portfolio_report(pg_temp.id_of(1))) WHERE n = 1;
SELECT is(pg_temp.one(1, '//section[@id="equity"]//p[@class="missing"]/text()'),
       'No drawdown: 1 of 25 snapshots have no '
          'daily return, so the growth of capital is not known.', 'no drawdown where a return is missing');
SELECT is_empty($$SELECT pg_temp.at(1, '//path[@data-series="drawdown"]')$$, 'and none is drawn');
SELECT ok((SELECT bool_or(v ~ ': n/a, too few returns') FROM pg_temp.at(1, '//section[@id="stress"]/p/text()') AS v),
          'a scenario without a result says why');
SELECT is((SELECT count(*) FROM pg_temp.at(1, '//g[@data-scenario]')), 21::bigint, 'and has no bar');
SELECT is((SELECT count(*) FROM pg_temp.at(1, '//rect[@class="hatched"]')), 2::bigint,
          'a pair without a correlation is hatched');
SELECT is((SELECT count(*) FROM pg_temp.at(1, '//section[@id="factors"]//text/text()') AS v WHERE v = 'no prices'),
          1::bigint, 'a factor without an exposure says why');
ROLLBACK TO SAVEPOINT gaps;

-- A large book: some symbols and positions only, and it says so.
SELECT ok((SELECT _portfolio_batch.report_correlations(data, 4)
                    ~ 'The 4 largest of 10 symbols by exposure; 6 smaller ones are left out here'
                  AND _portfolio_batch.report_holdings(data, 3) ~ '7 smaller positions'
                  AND (SELECT count(*) FROM regexp_matches(_portfolio_batch.report_holdings(data, 3), 'data-position=', 'g')) = 3
             FROM _portfolio_batch.report_data(pg_temp.id_of(1), '2026-11-20') AS data),
          'what does not fit is left out, and counted');

SELECT pg_temp.id_of(1) AS large \gset
-- However large it is, so many are listed and the others counted: 300 more lots of a symbol, and 100 without a price.
SAVEPOINT large;
INSERT INTO positions (portfolio_id, id, symbol, position_type, quantity, entry_price, entry_date)
SELECT :'large', gen_random_uuid(), CASE WHEN i <= 300 THEN k.symbol ELSE 'UNPRICED' || i END, 'LONG',
       CASE WHEN i <= 300 THEN 1 ELSE 0.01 END, 10 * i, '2026-10-20'
FROM generate_series(1, 400) AS i,
     (SELECT min(symbol) AS symbol FROM positions WHERE portfolio_id = pg_temp.id_of(1) AND exit_date IS NULL) AS k;
CREATE TEMP TABLE large ON COMMIT DROP AS
SELECT _portfolio_batch.report_data(:'large', '2026-11-20') AS data, xmlparse(DOCUMENT portfolio_report(:'large')) AS page;
CREATE FUNCTION pg_temp.in_table(n integer, path text) RETURNS SETOF text LANGUAGE sql AS
$$SELECT v::text FROM large, unnest(xpath(format('//section[@id="positions"]/table[%s]%s', n, path), page)) AS v$$;
SELECT results_eq($$SELECT (data #>> '{holdings,lots}')::bigint, (data #>> '{holdings,market_value}')::numeric FROM large$$,
                  format($$SELECT count(*), sum(p.market_value) FROM _portfolio_batch.report_positions(%L, '2026-11-20') AS p$$,
                         :'large'), 'all lots of a large book are in the sums');
SELECT is((SELECT count(*) FROM pg_temp.in_table(1, '/tbody/tr[@data-position]')), 25::bigint, 'the largest are listed');
SELECT is((SELECT * FROM pg_temp.in_table(1, '/tbody/tr[26]/td[1]/text()')), '385 smaller positions', 'and the others are counted');
SELECT is((SELECT sum(v::numeric) FROM pg_temp.in_table(1, '//tr[@data-position]/@data-market-value') AS v)
          + (SELECT sum(m.market_value) FROM _portfolio_batch.report_positions(:'large', '2026-11-20') AS m
             WHERE m.position_id::text NOT IN (SELECT * FROM pg_temp.in_table(1, '//tr/@data-position'))),
          (SELECT v::numeric FROM pg_temp.in_table(1, '/tfoot/tr/@data-market-value') AS v), 'both make the sum');
SELECT results_eq($$SELECT v::uuid FROM pg_temp.in_table(2, '//tr/@data-position') AS v$$, format($$
  WITH lot AS (SELECT p.position_id, p.unrealized_pnl AS pnl FROM _portfolio_batch.report_positions(%L, '2026-11-20') AS p
               WHERE p.price_quality <> 'unpriced')
  SELECT m.position_id FROM ((SELECT * FROM lot WHERE pnl > 0 ORDER BY pnl DESC LIMIT 5)
                             UNION ALL (SELECT * FROM lot WHERE pnl < 0 ORDER BY pnl LIMIT 5)) AS m ORDER BY m.pnl DESC$$, :'large'),
  'then the five largest gains, and losses');
SELECT is((SELECT count(*) FROM pg_temp.in_table(2, '//tr[@data-position]')), 10::bigint, 'of either kind');
SELECT is((SELECT count(*) FROM pg_temp.in_table(3, '//tr[@data-position]')), 25::bigint,
          'and of the smaller ones those of which there is something to say');
SELECT is((SELECT * FROM pg_temp.in_table(3, '/tbody/tr[26]/td/text()')), 'and 75 others', 'up to a limit');
SELECT ok((SELECT page::text ~ 'UNPRICED325 \(20 Oct 2026\) and 75 others' FROM large), 'as are symbols without a price');
SELECT ok((SELECT length(page::text) FROM large) < (SELECT length(text) + 40000 FROM page WHERE n = 1),
          'so that the page is hardly longer than of ten lots');
ROLLBACK TO SAVEPOINT large;

-- Errors and rights --------------------------------------------------------------------------------------------------

SELECT pg_temp.raises($$SELECT portfolio_report(pg_temp.id(99))$$, '42704', 'portfolio does not exist: %99',
                      'No row of pb.portfolios%', 'List the portfolios%', 'an unknown portfolio');
SELECT pg_temp.raises($$SELECT portfolio_report(NULL)$$, '42704', 'portfolio does not exist: NULL', '%', '%',
                      'no portfolio');
SELECT pg_temp.raises($$SELECT portfolio_report(pg_temp.id_of(1), '2026-11-14')$$, '22023',
                      'portfolio % has no snapshot of 2026-11-14', '%', 'The nearest snapshot is of 2026-11-13;%',
                      'a date without a snapshot');
SELECT pg_temp.raises($$SELECT portfolio_report(pg_temp.id_of(1), '2030-01-02')$$, '22023', '%has no snapshot of%', '%',
                      'The nearest snapshot is of 2026-11-20;%', 'a date in the future');
SELECT pg_temp.raises($$SELECT portfolio_report(pg_temp.id_of(1), 'infinity')$$, '22008',
                      'as_of must be finite, not infinity', '', '%', 'no date of the calendar');
SELECT pg_temp.add_portfolio(50, 1000);
SELECT pg_temp.raises($$SELECT portfolio_report(pg_temp.id(50))$$, '22023', 'portfolio % has no snapshot', '%',
                      'Run the batch first%', 'a portfolio that was never run');
UPDATE portfolios SET deleted_at = now() WHERE id = pg_temp.id(50);
SELECT pg_temp.raises($$SELECT portfolio_report(pg_temp.id(50))$$, '42704', 'portfolio does not exist:%', '%', '%',
                      'a deleted portfolio');

CREATE ROLE pb_report_reader;
CREATE ROLE pb_report_stranger;
SELECT count(*) AS grants FROM grant_analytics_roles('pb_report_reader', NULL) \gset
GRANT USAGE ON SCHEMA pb TO pb_report_stranger;
SELECT is((SELECT provolatile::text FROM pg_proc WHERE proname = 'portfolio_report'), 's', 'it writes nothing');
SELECT text AS as_superuser FROM page WHERE n = 3 \gset
SET LOCAL ROLE pb_report_reader;
SELECT is(portfolio_report(pg_temp.id_of(3)), pg_temp.text_of(3), 'a reader gets the same page');
SET LOCAL datestyle = 'German, DMY';
SET LOCAL extra_float_digits = 0;
SET LOCAL timezone = 'Asia/Tokyo';
SELECT is(portfolio_report(pg_temp.id_of(3)), pg_temp.text_of(3), 'whatever the settings of the session');
RESET ROLE;
SET LOCAL ROLE pb_report_stranger;
SELECT throws_like($$SELECT portfolio_report('00000000-0000-4000-8000-000000000001')$$, 'permission denied for %',
                   'others are refused');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
