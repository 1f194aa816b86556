-- Collection of market data: procedures of the second library, which is loaded when one of them is called. PUBLIC
-- executes none of them; the runner does (170_roles.sql).

CREATE PROCEDURE @extschema@.collect_market_data(target_date date DEFAULT NULL, symbols text[] DEFAULT NULL,
                                                 kinds text[] DEFAULT NULL, deadline integer DEFAULT NULL)
LANGUAGE c AS '$libdir/portfolio_batch_collect', 'pb_collect_market_data';
COMMENT ON PROCEDURE @extschema@.collect_market_data(date, text[], text[], integer) IS
'Collects what the engines need and the tables lack up to a session (default: the newest that has settled): prices,
prices of options, corporate actions and yields, from the tables of price_sources and the providers that
provider_priority switches on, one after the other. symbols: only these, also where nothing came for them lately. kinds:
prices, options, corporate_actions, yields. deadline: minutes, after which nothing more is asked (default:
portfolio_batch.collect_deadline). Must be called outside a transaction block: it commits chunk by chunk, and holds
neither transaction nor snapshot while it waits. The record is in collections, each answer in collection_results. Where
another session is collecting it says so and does nothing. Errors: 2D000 inside a transaction block, 22023 for a session
that has not settled and an unknown kind, 25006 on a standby.';

CREATE PROCEDURE _portfolio_batch.collect_for_batch(target_date date)
LANGUAGE c AS '$libdir/portfolio_batch_collect', 'pb_collect_for_batch';
COMMENT ON PROCEDURE _portfolio_batch.collect_for_batch(date) IS
'Phases 1 and 1.5 of daily_batch, in transactions of their own, before any date is computed: what collect_market_data
and collect_fundamentals do for the session. Called by daily_batch where a source is switched on.';

CREATE FUNCTION @extschema@.import_prices_csv(staging regclass, mapping text DEFAULT '{}', source text DEFAULT 'csv')
RETURNS TABLE (row_count bigint, written bigint, unchanged bigint, quarantined bigint, rejected bigint, symbols bigint,
               reasons text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1 AS '$libdir/portfolio_batch_collect', 'pb_import_prices_csv';
COMMENT ON FUNCTION @extschema@.import_prices_csv(regclass, text, text) IS
'Takes prices of a file into market_data_cache that the client has copied into a table, mostly a temporary one, with
COPY … FROM STDIN or the copy command of psql. Columns symbol, date and close; also open, high, low, adj_close,
volume, currency, adjustment (raw or split); mapping names others, as for register_price_source: {"close": "price",
"adjustment": "=split"}. They may all be texts. source becomes data_source. Prices pass the gates of a collection, and
suspects go to price_quarantine; a final price of another source stays, what a price was before it changed is kept.
Returns rows, written, unchanged (there already, or of another source), quarantined, rejected (values that are no
number or date, contradictions, days before the calendar) with the first reasons, and symbols. The record is in
collections. The caller needs the rights to read the staging table and to write prices; a superuser''s call has those
of the owner of the tables. Errors: 22023 for an argument that is no good, 42703 that names each column that does not
fit, 42501.';
