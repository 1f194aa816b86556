-- Lineage: what a portfolio's date was computed from -----------------------------------------------------------------

CREATE FUNCTION @extschema@.lineage(portfolio_id uuid, calculation_date date DEFAULT NULL)
RETURNS TABLE (kind text, name text, detail text, input_digest bigint, first_price date, last_price date,
               prices bigint, newest_fetched_at timestamp with time zone)
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_lineage';
COMMENT ON FUNCTION @extschema@.lineage(uuid, date) IS
'What a portfolio''s snapshot of a date (default: the latest closed session) was computed from, as it is stored:
portfolio, its name, the date and the digest of everything; run, the run_id that computed it last, the code_version and
computed_at (UTC); parameter, each setting of that run with its value; input, each part of the inputs, what it covers
and its digest; symbol, each one that is held, a factor or both, with the digest of its prices and, as
market_data_cache has them now, first and last day and number of the usable prices within reach of the estimates, and
the newest fetched_at. Digests are 64-bit hashes (XXH64). They are NULL where they are not known: before the risk
phase has run, after an engine was called by hand, and of symbols for private lots, options themselves and lots closed
since the snapshot before. Digests of symbols belong to the newest estimate of the date, which a run for other
portfolios may have made. Parameters are gone when the record of the run is. Errors: 22023 for NULL, and for a date
without a snapshot, 42704 for an unknown portfolio.';

CREATE FUNCTION @extschema@.lineage_diff(portfolio_id uuid, calculation_date date DEFAULT NULL,
                                         other_date date DEFAULT NULL)
RETURNS TABLE (kind text, name text, input_digest bigint, other_digest bigint, remark text)
LANGUAGE c STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'pb_lineage_diff';
COMMENT ON FUNCTION @extschema@.lineage_diff(uuid, date, date) IS
'Which inputs of a portfolio''s date (default: the latest closed session) differ from those of another date or, without
one, from what they are now; no row: none does. One row for each that does: code (remark: the versions), input (a part
as lineage() lists them; remark of settings: which one, from which value to which) and symbol (remark: only on one side,
or possibly, where prices differ and no digest of the symbol is stored). Between two dates the windows of prices, yields
and sessions differ by themselves, which the remark says. What there is now is read with the settings of the date''s
run, so that a changed setting does not make its windows differ as well. Nothing is written. Errors: those of lineage(),
55000 where it is not known what a date was computed from, and those of the batch for rows that cannot be used.';
