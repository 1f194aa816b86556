-- The last part, when every function exists: those that write are taken from PUBLIC. grant_analytics_roles gives them
-- to the role that runs the batch.

DO $$
DECLARE
  routine regprocedure;
BEGIN
  FOR routine IN SELECT f FROM @extschema@.writing_functions() AS f LOOP
    EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', routine);
  END LOOP;
END
$$;
