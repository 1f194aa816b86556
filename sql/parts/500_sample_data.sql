-- Sample data -------------------------------------------------------------------------------------------------------

CREATE FUNCTION @extschema@.load_sample_data(portfolios integer DEFAULT 3, positions integer DEFAULT 25,
                                             sessions integer DEFAULT 87, seed bigint DEFAULT 1,
                                             symbols integer DEFAULT NULL, history integer DEFAULT 400,
                                             last_session date DEFAULT NULL)
RETURNS TABLE (table_name text, rows_loaded bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 7 AS 'MODULE_PATHNAME', 'pb_load_sample_data';
COMMENT ON FUNCTION @extschema@.load_sample_data(integer, integer, integer, bigint, integer, integer, date) IS
'Fills the input tables with a made-up market, for trying the product out and for measuring it: the factor funds (SPY,
VTV, VUG, MTUM, QUAL, IWM, USMV, TLT), stocks STK0001 … with sectors, a ten-year yield, and portfolios in turn long
only, long/short with a partial close and a contribution, and with an option and a private asset. portfolios: how many;
positions: lots of each; sessions: how many sessions the portfolios have lived, ending with last_session (default: the
latest closed session); history: sessions with prices before that; symbols: stocks (default: at least 60). The same
arguments give the same rows on every machine; rows that exist are left alone. Returns the rows added by table.';

