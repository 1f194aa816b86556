-- portfolio_batch 1.0.0. Made from sql/parts by make; change the parts.
\echo Use "CREATE EXTENSION portfolio_batch" to load this file. \quit

-- First of all: nothing below may be resolved through the caller's search_path.
SET LOCAL search_path TO pg_catalog, pg_temp;

