-- Data dictionary, inputs: what users own. Each row is a column in table order; a row without a column name is the
-- table itself, a name that begins with @ an index. create_analytics_tables builds and checks the tables from this.

CREATE FUNCTION _portfolio_batch.analytics_columns_inputs()
RETURNS TABLE (table_name text, column_name text, data_type text, modifiers text, comment text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path TO pg_catalog, pg_temp
AS $columns$
  VALUES
    -- portfolios
    ('portfolios', NULL, 'input',
     'PRIMARY KEY (id)',
     'Portfolios: what a desk owns and is measured on, one row each.'),
    ('portfolios', 'id',             'uuid',                     'NOT NULL DEFAULT gen_random_uuid()',
     'Identifier of the portfolio.'),
    ('portfolios', 'name',           'text',                     'NOT NULL',
     'Name shown to people.'),
    ('portfolios', 'owner',          'text',                     NULL,
     'Person or desk that owns the portfolio; NULL when nobody in particular does.'),
    ('portfolios', 'currency',       'text',
     'NOT NULL DEFAULT ''USD'' CHECK (currency ~ ''^[A-Z]{3}$'')',
     'ISO 4217 code of the currency of every amount of the portfolio; nothing is converted.'),
    ('portfolios', 'inception_date', 'date',                     NULL,
     'First day the portfolio is measured on; NULL means the first entry date of its positions.'),
    ('portfolios', 'initial_equity', 'numeric(20,4)',            NULL,
     'Net asset value at the close of the session before inception, in currency, with the lots held by then at what '
     'they were worth; of a new book the cash it begins with. Never changed by the batch; NULL when not known, and '
     'then no snapshot can be made.'),
    ('portfolios', 'equity_balance', 'numeric(20,4)',            NULL,
     'Net asset value of the latest snapshot, in currency, written by the batch; NULL before the first snapshot.'),
    ('portfolios', 'is_active',      'boolean',                  'NOT NULL DEFAULT true',
     'Whether the batch processes the portfolio when none is named.'),
    ('portfolios', 'created_at',     'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was inserted.'),
    ('portfolios', 'updated_at',     'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was last changed by the batch or by its owner.'),
    ('portfolios', 'deleted_at',     'timestamp with time zone', NULL,
     'Time the portfolio was deleted; NULL while it exists.'),

    -- positions
    ('positions', NULL, 'input',
     'PRIMARY KEY (portfolio_id, id), '
     'FOREIGN KEY (portfolio_id) REFERENCES %1$I.portfolios (id), '
     'CONSTRAINT positions_quantity_sign CHECK (quantity <> 0 AND (position_type IN (''LONG'', ''LC'', ''LP'')) '
     '= (quantity > 0)), '
     'CONSTRAINT positions_exit_complete CHECK ((exit_date IS NULL) = (exit_price IS NULL)), '
     'CONSTRAINT positions_exit_after_entry CHECK (exit_date >= entry_date)',
     'Positions: one row per lot, with the quantity as it was opened.'),
    ('positions', 'portfolio_id',          'uuid',                     'NOT NULL',
     'Portfolio that holds the lot.'),
    ('positions', 'id',                    'uuid',                     'NOT NULL DEFAULT gen_random_uuid()',
     'Identifier of the lot within its portfolio.'),
    ('positions', 'symbol',                'text',                     'NOT NULL CHECK (symbol <> '''')',
     'Symbol of the instrument, spelled as in market_data_cache; for an option the option''s own symbol.'),
    ('positions', 'position_type',         'text',
     'NOT NULL CHECK (position_type IN (''LONG'', ''SHORT'', ''LC'', ''LP'', ''SC'', ''SP''))',
     'LONG or SHORT holding, or option: LC long call, LP long put, SC short call, SP short put.'),
    ('positions', 'quantity',              'numeric',                  'NOT NULL',
     'Shares or contracts as opened and as traded, positive when long and negative when short; never changed by a '
     'partial close or a split.'),
    ('positions', 'entry_price',           'numeric',                  'NOT NULL CHECK (entry_price >= 0)',
     'Price paid or received per share at entry, as traded.'),
    ('positions', 'entry_date',            'date',                     'NOT NULL',
     'Trade date of the entry.'),
    ('positions', 'exit_price',            'numeric',                  'CHECK (exit_price >= 0)',
     'Price per share at which the last of the lot was closed; NULL while any of it is open.'),
    ('positions', 'exit_date',             'date',                     NULL,
     'Trade date on which the last of the lot was closed; what no row of position_realized_events closed until '
     'then is closed on it; NULL while any of it is open.'),
    ('positions', 'underlying_symbol',     'text',                     NULL,
     'Symbol of the underlying of an option; NULL for everything else.'),
    ('positions', 'strike_price',          'numeric',                  'CHECK (strike_price > 0)',
     'Strike of an option on its entry date; splits of the underlying divide it. NULL for everything else.'),
    ('positions', 'expiration_date',       'date',                     NULL,
     'Day on which an option expires; from then on it is worth its intrinsic value at the close of the underlying on '
     'that day. NULL for everything else.'),
    ('positions', 'contract_multiplier',   'numeric',                  'CHECK (contract_multiplier > 0)',
     'Shares per contract on the entry date; NULL means 100 for options that are not PRIVATE and 1 for everything '
     'else. A split of the underlying that makes no whole number of shares multiplies it.'),
    ('positions', 'investment_class',      'text',
     'CHECK (investment_class IN (''PUBLIC'', ''OPTIONS'', ''PRIVATE''))',
     'PUBLIC, OPTIONS or PRIVATE; NULL means that the position type decides.'),
    ('positions', 'investment_subtype',    'text',                     NULL,
     'Finer class chosen by the owner; NULL when none was.'),
    ('positions', 'last_price',            'numeric',                  NULL,
     'Latest price of the lot, in shares of the day it was written for, written by the batch; of a PRIVATE lot its '
     'newest mark, which position_marks holds; NULL when there is none.'),
    ('positions', 'last_price_date',       'date',                     NULL,
     'Day of last_price, written by the batch; NULL when there is none.'),
    ('positions', 'market_value',          'numeric(20,4)',            NULL,
     'What the open quantity counts for in the snapshot, negative when short, written by the batch: at last_price or, '
     'where there never was one, at the trade price; NULL before its first run.'),
    ('positions', 'unrealized_pnl',        'numeric(20,4)',            NULL,
     'market_value less the cost of the open quantity, a gain positive, written by the batch; NULL when never '
     'priced.'),
    ('positions', 'realized_pnl',          'numeric(20,4)',            NULL,
     'Gains of what was closed so far, computed from lot, closings and splits, a gain positive, written by the batch; '
     'NULL before its first run.'),
    ('positions', 'settles',               'uuid',                     NULL,
     'Option lot of the same portfolio whose exercise or assignment opened this lot, written by '
     'settle_expired_options; NULL for what was traded.'),
    ('positions', 'notes',                 'text',                     NULL,
     'Remarks of the owner; NULL when there are none.'),
    ('positions', 'created_at',            'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was inserted.'),
    ('positions', 'updated_at',            'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was last changed by the batch or by its owner.'),
    ('positions', 'deleted_at',            'timestamp with time zone', NULL,
     'Time the lot was deleted as a mistake, on every date; NULL while it counts.'),
    ('positions', '@positions_symbol_idx', 'index',                    '(symbol)',
     'Who holds a symbol: prices and profiles are joined by it.'),

    -- position_realized_events
    ('position_realized_events', NULL, 'input',
     'PRIMARY KEY (portfolio_id, id), '
     'FOREIGN KEY (portfolio_id, position_id) REFERENCES %1$I.positions (portfolio_id, id)',
     'Closing trades: quantity on a date = quantity as opened less what was closed on or before it.'),
    ('position_realized_events', 'portfolio_id',                           'uuid',                     'NOT NULL',
     'Portfolio that holds the lot.'),
    ('position_realized_events', 'id',                                     'uuid',
     'NOT NULL DEFAULT gen_random_uuid()',
     'Identifier of the closing trade within its portfolio.'),
    ('position_realized_events', 'position_id',                            'uuid',                     'NOT NULL',
     'Lot that was closed in part or in full.'),
    ('position_realized_events', 'trade_date',                             'date',                     'NOT NULL',
     'Trade date of the close.'),
    ('position_realized_events', 'quantity_closed',                        'numeric',
     'NOT NULL CHECK (quantity_closed > 0)',
     'Shares or contracts closed, without sign, in shares of the trade date (after splits until then).'),
    ('position_realized_events', 'exit_price',                             'numeric',
     'NOT NULL CHECK (exit_price >= 0)',
     'Price received or paid per share, as traded.'),
    ('position_realized_events', 'realized_pnl',                           'numeric(20,4)',            NULL,
     'Gain of the close as the broker reported it, a gain positive; the audit compares it with what the batch computes '
     'from lot, closing and splits, and nothing else reads it; NULL when the broker did not say.'),
    ('position_realized_events', 'symbol',                                 'text',                     NULL,
     'Symbol of what was closed, where a corporate action spun it off from the lot; NULL for the lot itself, whatever '
     'its name is by then. close_position fills it.'),
    ('position_realized_events', 'settles',                                'uuid',                     NULL,
     'Option lot of the same portfolio whose settlement closed this, written by settle_expired_options; NULL for what '
     'was traded.'),
    ('position_realized_events', 'created_at',                             'timestamp with time zone',
     'NOT NULL DEFAULT now()',
     'Time the row was inserted.'),
    ('position_realized_events', '@position_realized_events_position_idx', 'index',
     '(portfolio_id, position_id, trade_date)',
     'The closing trades of a lot up to a date.'),

    -- position_marks
    ('position_marks', NULL, 'input',
     'PRIMARY KEY (portfolio_id, position_id, mark_date), '
     'FOREIGN KEY (portfolio_id, position_id) REFERENCES %1$I.positions (portfolio_id, id)',
     'Prices of PRIVATE lots that their owner sets by hand, a history: on a date the newest on or before it counts.'),
    ('position_marks', 'portfolio_id', 'uuid',                     'NOT NULL',
     'Portfolio that holds the lot.'),
    ('position_marks', 'position_id',  'uuid',                     'NOT NULL',
     'Lot that is marked.'),
    ('position_marks', 'mark_date',    'date',                     'NOT NULL',
     'Day from which the price counts, until that of the next mark.'),
    ('position_marks', 'price',        'numeric',                  'NOT NULL CHECK (price >= 0)',
     'Price per share, in shares of mark_date; splits after it divide it. 0 when the lot is worthless.'),
    ('position_marks', 'source',       'text',                     NULL,
     'Where the price comes from, such as a statement of the fund; NULL when nobody wrote it down.'),
    ('position_marks', 'created_at',   'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was inserted or last changed by mark_position.'),

    -- equity_changes
    ('equity_changes', NULL, 'input',
     'PRIMARY KEY (portfolio_id, id), '
     'FOREIGN KEY (portfolio_id) REFERENCES %1$I.portfolios (id)',
     'Capital paid into or taken out of a portfolio.'),
    ('equity_changes', 'portfolio_id',             'uuid',                     'NOT NULL',
     'Portfolio whose equity changes.'),
    ('equity_changes', 'id',                       'uuid',                     'NOT NULL DEFAULT gen_random_uuid()',
     'Identifier of the change within its portfolio.'),
    ('equity_changes', 'change_type',              'text',
     'NOT NULL CHECK (change_type IN (''CONTRIBUTION'', ''WITHDRAWAL''))',
     'CONTRIBUTION raises the equity, WITHDRAWAL lowers it.'),
    ('equity_changes', 'amount',                   'numeric(20,4)',            'NOT NULL CHECK (amount > 0)',
     'Amount in the portfolio''s currency, without sign.'),
    ('equity_changes', 'change_date',              'date',                     'NOT NULL',
     'Day of the change; a day without a session counts for the next one.'),
    ('equity_changes', 'notes',                    'text',                     NULL,
     'Remarks of the owner; NULL when there are none.'),
    ('equity_changes', 'created_at',               'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was inserted.'),
    ('equity_changes', 'deleted_at',               'timestamp with time zone', NULL,
     'Time the change was deleted as a mistake; NULL while it counts.'),
    ('equity_changes', '@equity_changes_date_idx', 'index',                    '(portfolio_id, change_date)',
     'The capital flows of a portfolio in a span of days.'),

    -- cash_events
    ('cash_events', NULL, 'input',
     'PRIMARY KEY (portfolio_id, id), '
     'FOREIGN KEY (portfolio_id) REFERENCES %1$I.portfolios (id), '
     'FOREIGN KEY (portfolio_id, position_id) REFERENCES %1$I.positions (portfolio_id, id), '
     'CONSTRAINT cash_events_dividend_of CHECK (kind <> ''DIVIDEND'' OR position_id IS NOT NULL '
     'OR symbol IS NOT NULL), '
     'CONSTRAINT cash_events_only_dividends CHECK (kind = ''DIVIDEND'' OR ex_date IS NULL)',
     'What an account was paid and charged: P&L that is no trade and no capital flow.'),
    ('cash_events', 'portfolio_id',          'uuid',                     'NOT NULL',
     'Portfolio of the account.'),
    ('cash_events', 'id',                    'uuid',                     'NOT NULL DEFAULT gen_random_uuid()',
     'Identifier of the event within its portfolio.'),
    ('cash_events', 'kind',                  'text',
     'NOT NULL CHECK (kind IN (''FEE'', ''COMMISSION'', ''INTEREST'', ''DIVIDEND'', ''WITHHOLDING'', ''BORROW'', '
     '''TAX'', ''OTHER''))',
     'FEE of management or custody, COMMISSION, INTEREST, DIVIDEND received, WITHHOLDING tax, BORROW cost of shorts, '
     'TAX, OTHER. Returns before fees leave out FEE and nothing else.'),
    ('cash_events', 'amount',                'numeric(20,4)',            'NOT NULL CHECK (amount <> 0)',
     'What the account gains, in the portfolio''s currency: interest received positive, a fee negative.'),
    ('cash_events', 'event_date',            'date',                     'NOT NULL',
     'Day it was booked; a day without a session counts for the next one.'),
    ('cash_events', 'position_id',           'uuid',                     NULL,
     'Lot that it belongs to; NULL when it belongs to the portfolio or to a symbol.'),
    ('cash_events', 'symbol',                'text',                     'CHECK (symbol <> '''')',
     'Of a DIVIDEND that is not of one lot: whose; NULL otherwise.'),
    ('cash_events', 'ex_date',               'date',                     NULL,
     'Of a DIVIDEND: its ex-date, which tells which one of corporate_actions was received; NULL means the oldest that '
     'was not received yet.'),
    ('cash_events', 'notes',                 'text',                     NULL,
     'Remarks of the owner; NULL when there are none.'),
    ('cash_events', 'created_at',            'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was inserted.'),
    ('cash_events', 'deleted_at',            'timestamp with time zone', NULL,
     'Time the event was deleted as a mistake; NULL while it counts.'),
    ('cash_events', '@cash_events_date_idx', 'index',                    '(portfolio_id, event_date)',
     'The cash events of a portfolio in a span of days.'),

    -- tags
    ('tags', NULL, 'tag',
     'PRIMARY KEY (id), '
     'CONSTRAINT tags_system_has_no_owner CHECK (NOT is_system OR owner IS NULL)',
     'Labels for positions: the sector tags that the batch keeps (is_system) and whatever users add.'),
    ('tags', 'id',                    'uuid',                     'NOT NULL DEFAULT gen_random_uuid()',
     'Identifier of the tag.'),
    ('tags', 'owner',                 'text',                     NULL,
     'User whose tag it is; NULL for system tags.'),
    ('tags', 'name',                  'text',                     'NOT NULL CHECK (name <> '''')',
     'Name of the tag; of a system tag the sector.'),
    ('tags', 'color',                 'text',                     'CHECK (color ~ ''^#[0-9A-Fa-f]{6}$'')',
     'Color as #RRGGBB; NULL when none was chosen.'),
    ('tags', 'description',           'text',                     NULL,
     'What the tag means; NULL when nobody wrote it down.'),
    ('tags', 'display_order',         'integer',                  NULL,
     'Order in lists, smallest first; NULL sorts last.'),
    ('tags', 'is_system',             'boolean',                  'NOT NULL DEFAULT false',
     'Whether the batch keeps the tag; it never touches any other.'),
    ('tags', 'is_archived',           'boolean',                  'NOT NULL DEFAULT false',
     'Whether the tag is out of use; the batch leaves archived tags alone.'),
    ('tags', 'usage_count',           'integer',                  'DEFAULT 0',
     'Positions that carry the tag, as whoever keeps it counts them; NULL for system tags, which the view tag_usage '
     'counts.'),
    ('tags', 'created_at',            'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was inserted.'),
    ('tags', 'updated_at',            'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the row was last changed.'),
    ('tags', '@tags_system_name_idx', 'unique index',             '(name) WHERE is_system',
     'One system tag per sector.'),

    -- position_tags
    ('position_tags', NULL, 'tag',
     'PRIMARY KEY (portfolio_id, position_id, tag_id), '
     'FOREIGN KEY (portfolio_id, position_id) REFERENCES %1$I.positions (portfolio_id, id), '
     'FOREIGN KEY (tag_id) REFERENCES %1$I.tags (id)',
     'Which position carries which tag.'),
    ('position_tags', 'portfolio_id',           'uuid',                     'NOT NULL',
     'Portfolio that holds the lot.'),
    ('position_tags', 'position_id',            'uuid',                     'NOT NULL',
     'Lot that carries the tag.'),
    ('position_tags', 'tag_id',                 'uuid',                     'NOT NULL',
     'Tag it carries.'),
    ('position_tags', 'is_system',              'boolean',                  'NOT NULL DEFAULT false',
     'Whether the batch made the link; it never removes any other.'),
    ('position_tags', 'assigned_at',            'timestamp with time zone', 'NOT NULL DEFAULT now()',
     'Time the tag was assigned.'),
    ('position_tags', 'assigned_by',            'text',                     NULL,
     'Who assigned it; NULL when not known.'),
    ('position_tags', '@position_tags_tag_idx', 'index',                    '(tag_id)',
     'The positions of a tag, and the check when a tag is deleted.'),

    -- tag_usage
    ('tag_usage', NULL, 'view',
     'SELECT t.id AS tag_id, t.name, t.is_system, count(l.tag_id) AS usage_count'
     ' FROM %1$I.tags AS t LEFT JOIN %1$I.position_tags AS l ON l.tag_id = t.id'
     ' GROUP BY t.id, t.name, t.is_system',
     'How many positions carry each tag, of those that the reader may see.'),
    ('tag_usage', 'tag_id',      'uuid',    NULL,
     'Tag.'),
    ('tag_usage', 'name',        'text',    NULL,
     'Its name.'),
    ('tag_usage', 'is_system',   'boolean', NULL,
     'Whether the batch keeps the tag.'),
    ('tag_usage', 'usage_count', 'bigint',  NULL,
     'Positions that carry it.')
$columns$;

COMMENT ON FUNCTION _portfolio_batch.analytics_columns_inputs() IS
  'Data dictionary of portfolios, positions, their trades and tags: tables, columns with type and constraints, '
  'indexes and comments, in table order. Takes no argument and reads no table. A row without a column name '
  'describes the table (its kind, its constraints), a name that begins with @ an index of it.';
