-- The sections of the report from documents that are written by hand, so that each figure is told from its neighbors: every
-- one of them is different, and the words beside it are compared as well.

\ir include/prelude.psql
SELECT plan(24);

-- Text of markup as a reader sees it, with a plain minus sign, space and square.
CREATE FUNCTION pg_temp.shown(markup text) RETURNS text LANGUAGE sql AS $$
  SELECT translate(replace(regexp_replace(markup, '<[^>]*>', '', 'g'), '&amp;', '&'), chr(8722) || chr(8239) || chr(178), '- 2')
$$;
CREATE FUNCTION pg_temp.at(markup text, path text) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT v::text FROM unnest(xpath(path, xmlparse(DOCUMENT '<page>' || markup || '</page>'))) AS v
$$;
-- The texts of a chart whose class begins so, in the order in which they stand.
CREATE FUNCTION pg_temp.words(markup text, path text) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(pg_temp.shown(v), ' | ') FROM pg_temp.at(markup, path) AS v
$$;

-- Key figures --------------------------------------------------------------------------------------------------------

CREATE TEMP TABLE document AS
SELECT '{"snapshot": {"total_value": 1000, "daily_pnl": 12, "daily_return": 0.0123, "mtd_pnl": 34, "ytd_pnl": -56,
          "cumulative_pnl": 78, "cumulative_realized_pnl": 9, "gross_exposure": 1310, "net_exposure": 420,
          "cash_value": 150, "beta": 1.25, "beta_r_squared": 0.81, "beta_coverage": 0.97,
          "realized_volatility_63d": 0.163, "realized_volatility_21d": 0.121, "expected_volatility_21d": 0.214,
          "expected_volatility_method": "har", "volatility_trend": "rising", "effective_positions": 12.3, "hhi": 813,
          "top_3_concentration": 0.41, "top_10_concentration": 0.76,
          "total_long": 865, "total_short": -445, "long_count": 7, "short_count": 5, "symbol_count": 9, "option_count": 3,
          "private_positions": 2, "benchmark_date": "2024-07-10",
          "sector_exposure": {
            "Energy": {"long": 0.31, "short": -0.11, "net": 0.2, "benchmark": 0.05, "active": 0.15},
            "Technology": {"long": 0.42, "short": -0.02, "net": 0.4, "benchmark": 0.49, "active": -0.09},
            "Unmapped": {"long": 0, "short": -0.08, "net": -0.08}}},
        "factors": [{"model": "ridge", "factor": "market", "exposure": 1.1}, {"model": "rate", "exposure": -4.5}],
        "correlation": {"diversification_ratio": 1.45, "effective_bets": 6.7}}'::jsonb AS data;

CREATE FUNCTION pg_temp.tiles(data jsonb) RETURNS TABLE (label text, figures text, note text) LANGUAGE sql AS $$
  SELECT pg_temp.shown((xpath('/div/dt', t.tile))[1]::text),
         pg_temp.shown(regexp_replace((xpath('/div/dd', t.tile))[1]::text, '<small>.*', '')),
         pg_temp.shown((xpath('/div/dd/small', t.tile))[1]::text)
  FROM unnest(xpath('//dl/div', xmlparse(DOCUMENT _portfolio_batch.report_tiles(data)))) AS t (tile)
$$;
SELECT results_eq('SELECT t.* FROM document AS d, pg_temp.tiles(d.data) AS t',
  $$VALUES ('Day P&L', '12', '1.23 %'), ('Month to date', '34', NULL), ('Year to date', '-56', NULL),
           ('Since inception', '78', 'realized 9'), ('Gross / net exposure', '131 % / 42 %', 'of net asset value'),
           ('Cash', '150', NULL), ('Market beta', '1.25', 'R2 0.81, covers 97 %'),
           ('Yield +100 bp', '-4.50 %', 'of NAV, market unchanged'),
           ('Realized volatility', '16.3 %', '63 sessions; 21: 12.1 %'),
           ('Expected volatility', '21.4 %', '21 sessions, HAR, rising'),
           ('Effective positions', '12.3', 'HHI 813, top 10 76 %'),
           ('Diversification ratio', '1.45', 'effective bets 6.7')$$, 'key figures and what is said below them');
SELECT is((SELECT string_agg(v, ' ') FROM document AS d, pg_temp.at(_portfolio_batch.report_tiles(d.data), '//data/@data-metric') AS v),
          'daily_pnl daily_return mtd_pnl ytd_pnl cumulative_pnl cumulative_realized_pnl gross_over_equity '
          'net_over_equity cash_value beta beta_r_squared rate_effect realized_volatility_63d expected_volatility_21d '
          'effective_positions hhi diversification_ratio', 'by the names of the figures');
SELECT is((SELECT string_agg(trim_scale(v::numeric)::text, ' ') FROM document AS d,
                  pg_temp.at(_portfolio_batch.report_tiles(d.data), '//data/@value') AS v),
          '12 0.0123 34 -56 78 9 1.31 0.42 150 1.25 0.81 -0.045 0.163 0.214 12.3 813 1.45', 'with their exact values');
SELECT is((SELECT string_agg(t.label || ': ' || t.note, '; ')
             FROM document AS d,
                  pg_temp.tiles(jsonb_set(d.data, '{snapshot}', (d.data -> 'snapshot') - '{realized_volatility_21d,beta_coverage,
                    expected_volatility_method,volatility_trend,top_10_concentration}'::text[]) - 'correlation') AS t
            WHERE t.label ~ 'vol|beta|positions|ratio'),
          'Market beta: R2 0.81, covers n/a; Realized volatility: 63 sessions; 21: n/a; Expected volatility: 21 sessions; '
          'Effective positions: HHI 813; Diversification ratio: effective bets n/a', 'what is not known');

-- Exposures ----------------------------------------------------------------------------------------------------------

-- Three snapshots, the first of them three days before the last: gross 1, 1.2, 1.6 and net -0.4, 0.2, 0.8 of the value.
-- From 56 to 440 across, and from 96 (-0.4) up to 12 (1.6): 84 / 2 units for one of the value.
CREATE TEMP TABLE course AS
SELECT data || '{"history": [{"date": "2024-07-08", "value": 1000, "gross": 1000, "net": -400},
                             {"date": "2024-07-09", "value": 1000, "gross": 1200, "net": 200},
                             {"date": "2024-07-10", "value": -5, "gross": 1200, "net": 200},
                             {"date": "2024-07-11", "value": 2000, "gross": 3200, "net": 1600}]}' AS data FROM document;
CREATE TEMP TABLE exposures AS SELECT _portfolio_batch.report_exposures(data) AS text FROM course;
SELECT is((SELECT pg_temp.words(text, '//p[@class="note"]') FROM exposures),
          'Lots: 7 long, 5 short, of 9 symbols; of these 3 options, 2 private. Market values, and percent of net asset value.', 'counts');
SELECT is((SELECT pg_temp.words(text, '//svg[1]/text[not(contains(@class, "middle"))]') FROM exposures),
          'Long | 865 | 86.5 % | Short | -445 | -44.5 % | Net | 420 | 42.0 % | Gross | 1,310 | 131.0 %',
          'long, short, net and gross in money and in percent');
SELECT is((SELECT string_agg(v, ' / ') FROM exposures, pg_temp.at(text, '//path/@d') AS v),
          'M56.0,37.2 184.0,28.8 440.0,12.0 / M56.0,96.0 184.0,70.8 440.0,45.6', 'the curves of gross and net');
SELECT is((SELECT string_agg(v, ' / ') FROM exposures, pg_temp.at(text, '//path/@class') AS v), 'curve / curve second',
          'of which net is the second');
SELECT is((SELECT string_agg(concat_ws(' ', (xpath('/text/text()', v))[1], (xpath('/text/@y', v))[1]), ', ')
           FROM exposures, unnest(xpath('//text[@class="" and @x="448"]', xmlparse(DOCUMENT '<page>' || text || '</page>'))) AS v),
          'gross 16.0, net 49.6', 'and their names beside their ends');

-- Sectors ------------------------------------------------------------------------------------------------------------

CREATE TEMP TABLE sectors AS SELECT _portfolio_batch.report_sectors(data) AS text FROM document;
SELECT is((SELECT pg_temp.words(text, '//g/text') FROM sectors),
          'Technology | 42.0 % | -2.0 % | 40.0 % | Energy | 31.0 % | -11.0 % | 20.0 % | '
          'Unmapped | 0.0 % | -8.0 % | -8.0 %', 'sectors by their net exposure, which is the last figure');
SELECT is((SELECT pg_temp.words(text, '//p[@class="note"]') FROM sectors),
          'Percent of net asset value; the upright mark is the net exposure. Options count by their delta, or at market '
          'value without one. Against the benchmark of 10 Jul 2024, net less benchmark: Energy 15.0 %, Technology -9.0 %.',
          'active weights are not the net ones');
SELECT matches((SELECT _portfolio_batch.report_sectors(data #- '{snapshot,sector_exposure,Energy,active}'
                                                            #- '{snapshot,sector_exposure,Energy,benchmark}') FROM document),
               'Against the benchmark of .*, net less benchmark: Technology [^,]*[.]<', 'one sector is enough to compare');

-- A book that loses from its first session ---------------------------------------------------------------------------

-- Growth 0.9, 0.945, 0.9261 of one unit of capital, which is the peak all along.
CREATE TEMP TABLE losing AS
SELECT _portfolio_batch.report_equity_curve(
  '{"history": [{"date": "2024-07-08", "value": 900, "return": -0.1, "pnl": -100, "flow": 0},
                {"date": "2024-07-09", "value": 945, "return": 0.05, "pnl": 45, "flow": 0},
                {"date": "2024-07-10", "value": 1926.1, "return": -0.02, "pnl": -18.9, "flow": 1000}]}') AS text;
SELECT is((SELECT pg_temp.words(text, '//dl/div') FROM losing),
          'Return over the period-7.39 % | Largest drawdown-10.00 % on 8 Jul 2024 | Drawdown now-7.39 % | '
          'Best session5.00 % on 9 Jul 2024 | Worst session-10.00 % on 8 Jul 2024', 'a book that loses from its first session');
SELECT ok((SELECT pg_temp.near(deepest::float8, -0.1, 1e-12) AND pg_temp.near(last::float8, -0.0739, 1e-12)
           FROM losing, pg_temp.at(text, '//path[@data-series="drawdown"]/@data-deepest') AS deepest,
                pg_temp.at(text, '//path[@data-series="drawdown"]/@data-last') AS last), 'its drawdown is drawn');
SELECT is((SELECT string_agg(v, ' ') FROM losing, pg_temp.at(text, '//tr/@data-date') AS v),
          '2024-07-10 2024-07-09 2024-07-08', 'newest first in the table');
SELECT is((SELECT pg_temp.words(text, '//tbody/tr[1]/td') FROM losing), '2024-07-10 | 1,926.10 | -18.90 | 1,000.00 | -2.00 %',
          'with value, P&L, flow and return');
SELECT is((SELECT string_agg(v, ' ') FROM losing, pg_temp.at(text, '//line[@class="flow"]/title/text()') AS v),
          '2024-07-10: capital flow 1,000.00', 'and the flow in the chart');

-- More than 260 snapshots --------------------------------------------------------------------------------------------

CREATE FUNCTION pg_temp.curve(snapshots integer) RETURNS text LANGUAGE sql AS $$
  SELECT _portfolio_batch.report_equity_curve(jsonb_build_object('history', jsonb_agg(
           jsonb_build_object('date', date '2023-01-01' + n, 'value', 1000 + n, 'return', 0, 'pnl', 0, 'flow', 0))))
  FROM generate_series(1, snapshots) AS n
$$;
SELECT is((SELECT concat_ws(' | ', pg_temp.words(c.text, '//summary'), count(*), min(v), max(v),
                            (SELECT * FROM pg_temp.at(c.text, '//path[@data-series="value"]/@data-points')))
           FROM pg_temp.curve(snapshots) AS c (text), pg_temp.at(c.text, '//tr/@data-date') AS v GROUP BY c.text),
          wanted, snapshots || ' snapshots')
FROM (VALUES (259, 'The last 259 of 259 sessions in numbers | 259 | 2023-01-02 | 2023-09-17 | 259'),
             (260, 'The last 260 of 260 sessions in numbers | 260 | 2023-01-02 | 2023-09-18 | 260'),
             (261, 'The last 260 of 261 sessions in numbers | 260 | 2023-01-03 | 2023-09-19 | 261')) AS v (snapshots, wanted);

-- The document itself ------------------------------------------------------------------------------------------------

SELECT pg_temp.add_portfolio(1, 1000, '2024-07-08') \g /dev/null
INSERT INTO portfolio_snapshots (portfolio_id, snapshot_date, total_value, daily_capital_flow, daily_pnl, daily_return,
                                 gross_exposure, net_exposure, total_long, total_short)
VALUES (pg_temp.id(1), '2024-07-08', 1001, 1, 2, 0.25, 1300, 100, 700, -600),
       (pg_temp.id(1), '2024-07-09', 1002, 3, 4, 0.5, 1400, 200, 800, -600),
       (pg_temp.id(1), '2024-07-10', 1003, 5, 6, 0.125, 1500, 300, 900, -600);
SELECT is(_portfolio_batch.report_data(pg_temp.id(1), '2024-07-09') -> 'history',
          '[{"date": "2024-07-08", "value": 1001.0000, "flow": 1.0000, "pnl": 2.0000, "return": 0.25, "gross": 1300.0000,
             "net": 100.0000},
            {"date": "2024-07-09", "value": 1002.0000, "flow": 3.0000, "pnl": 4.0000, "return": 0.5, "gross": 1400.0000,
             "net": 200.0000}]', 'the snapshots up to the date, each figure by its name');

-- Stress tests -------------------------------------------------------------------------------------------------------

-- A P&L of the shocked factors alone does not make up for the one of all, which is what the chart is ordered by.
CREATE TEMP TABLE stress AS
SELECT _portfolio_batch.report_stress('{"snapshot": {"total_value": 1000},
  "stress": [{"id": "a", "name": "Rates up", "direct": -30, "reason": "insufficient_data"},
             {"id": "b", "name": "Crash", "direct": -900, "correlated": -1200, "exceeds_equity": true, "method": "replay"},
             {"id": "c", "name": "Rally", "direct": 250, "correlated": 200, "exceeds_equity": false}]}') AS text;
SELECT is((SELECT pg_temp.words(text, '//g/text') FROM stress),
          'Crash (replay) | -900 | -1,200 | -120.0 % | Rally | 250 | 200 | 20.0 %', 'direct, correlated, and of equity');
SELECT is((SELECT pg_temp.words(text, '//section/p[not(@class)]') FROM stress), 'Rates up: n/a, too few returns.',
          'a scenario without a correlated P&L has no bar');
SELECT is((SELECT count(*) FROM stress, pg_temp.at(text, '//text[@class="end strong down"]')), 1::bigint,
          'a loss beyond the equity stands out');

SELECT * FROM finish();
ROLLBACK;
