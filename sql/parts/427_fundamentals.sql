-- Fundamentals: what is due, and phase 1.5 by hand --------------------------------------------------------------------

CREATE FUNCTION @extschema@.fundamentals_due(as_of date DEFAULT NULL, symbols text[] DEFAULT NULL)
RETURNS TABLE (symbol text, kind text, is_due boolean, reason text, next_due date, last_success_at timestamptz,
               provider text)
LANGUAGE c STABLE ROWS 1000 AS '$libdir/portfolio_batch_collect', 'pb_fundamentals_due';
COMMENT ON FUNCTION @extschema@.fundamentals_due(date, text[]) IS
'Which fundamentals are to be fetched again as of a session (default: the newest closed one), and why: one row a symbol
and kind (profiles, earnings_dates, statements, estimates) of the positions open on it, their options'' underlyings
among them, or of the symbols given. reason says what decides, next_due the day from which it is due, last_success_at
when it came last, provider whose series is kept. Statements wait for the report of the expected fiscal quarter; funds,
options and private positions have none. Reads, and asks nobody.';

CREATE PROCEDURE @extschema@.collect_fundamentals(as_of date DEFAULT NULL, symbols text[] DEFAULT NULL,
                                                  force boolean DEFAULT false)
LANGUAGE c AS '$libdir/portfolio_batch_collect', 'pb_collect_fundamentals';
COMMENT ON PROCEDURE @extschema@.collect_fundamentals(date, text[], boolean) IS
'Phase 1.5: fetches the fundamentals that fundamentals_due names for the session (default: the newest closed one), from
the tables of price_sources and the providers that provider_priority switches on, one after the other: profiles,
earnings dates, statements, estimates. symbols: only these, held or not. force: whatever was answered when. What a
source does not say overwrites nothing, and statements of a symbol stay with one source. Must be called outside a
transaction block: it commits chunk by chunk, and holds neither transaction nor snapshot while it waits. The record is
in collections, each answer in collection_results, the state of each symbol in fundamental_state. Where another session
is collecting fundamentals it says so and does nothing. Errors: 2D000 inside a transaction block, 22023 for a day that
is no closed session, 25006 on a standby.';
