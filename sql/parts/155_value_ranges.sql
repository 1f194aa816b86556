-- What the columns that people and loaders fill may hold. A value outside is a slip: an amount in the wrong unit, a
-- year with a digit too many, a document in the place of a name. The tables refuse it at once, by a constraint whose
-- name says which column it was. What can be told only together with other rows, such as an amount that is too large
-- to be added to the others, is let in here and is a problem of its portfolio when the batch reads it. Tables that
-- were adopted may lack these constraints; the batch leaves the same rows out (src/core/portfolio/ranges.hpp).

CREATE FUNCTION _portfolio_batch.range_check(table_kind text, table_name text, column_name text, data_type text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $$
  -- The first rule that fits the column.
  SELECT format('CONSTRAINT %I CHECK (' || rule.condition || ')',
                table_name || '_' || column_name || '_' || rule.kind, column_name)
  FROM (VALUES
    -- Prices, and what multiplies them: no product of them leaves the range of a double.
    -- 0 is the price of a worthless option.
    (1, '^market_data_cache[.](open|high|low|close|adj_close) ',   'range',
     '%2$I = 0 OR %2$I BETWEEN 1e-9 AND 1e12'),
    (1, '^positions[.](entry_price|exit_price|strike_price) ',     'range',  '%2$I BETWEEN 0 AND 1e12'),
    (1, '^position_realized_events[.]exit_price ',                 'range',  '%2$I BETWEEN 0 AND 1e12'),
    (1, '^position_marks[.]price ',                                'range',  '%2$I BETWEEN 0 AND 1e12'),
    (1, '^positions[.]quantity ',                                  'range',  '%2$I BETWEEN -1e12 AND 1e12'),
    (1, '^position_realized_events[.]quantity_closed ',            'range',  '%2$I BETWEEN 0 AND 1e12'),
    (1, '^positions[.]contract_multiplier ',                       'range',  '%2$I BETWEEN 0 AND 1e9'),
    (1, '^corporate_action(s|_legs)[.]ratio_(numerator|denominator) ', 'range',  '%2$I BETWEEN 1e-6 AND 1e6'),
    (1, '^corporate_action(s[.]amount|_legs[.]cash) ',             'range',  '%2$I BETWEEN 0 AND 1e12'),
    (1, '^interest_rates[.]rate ',                                 'range',  '%2$I BETWEEN -100 AND 1000'),
    (1, '[.](market_shock|volatility_shock) ',                     'range',  '%2$I BETWEEN -1000 AND 1000'),
    -- Symbols and names are keys of results and of their indexes; what is longer is no name.
    (1, '[.](symbol|to_symbol|underlying_symbol|long_symbol|short_symbol) ', 'length', 'octet_length(%2$I) <= 64'),
    (1, '^tags[.]name ',                                           'length', 'octet_length(%2$I) <= 1024'),
    -- Prose may be long, and a word from a list is checked with that.
    (1, '[.](description|notes|website|reason|position_type|investment_class|change_type|color|currency|adjustment|'
        'kind|frequency|fiscal_year_end|model|severity) ',         NULL,     NULL),
    (2, ' date$', 'range',  '%2$I BETWEEN ''1900-01-01'' AND ''2199-12-31'''),
    (2, ' text$', 'length', 'octet_length(%2$I) <= 256')
  ) AS rule (priority, pattern, kind, condition)
  WHERE table_kind IN ('input', 'market', 'definition', 'tag')
    AND table_name || '.' || column_name || ' ' || data_type ~ rule.pattern
  ORDER BY rule.priority
  LIMIT 1
$$;

COMMENT ON FUNCTION _portfolio_batch.range_check(text, text, text, text) IS
  'Column constraint that refuses what a column cannot mean, for the kind and name of a table and the name and type of '
  'its column: prices, quantities, ratios, rates and days outside of their range, names that are too long. NULL for '
  'kinds that the batch alone fills and for columns without such a rule.';
