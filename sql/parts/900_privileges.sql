-- The last part, when every function exists. What is not cheap is taken from PUBLIC; grant_analytics_roles gives it to
-- roles. The owner of the extension may grant it also where the functions belong to somebody else, as in a database
-- whose owner installs the extension without being a superuser.

DO $$
DECLARE
  extension_owner CONSTANT text := $name$@extowner@$name$;
  routine         regprocedure;
BEGIN
  FOR routine IN
    SELECT f.function FROM _portfolio_batch.executing_roles() AS f WHERE f.role_kind <> 'public'
  LOOP
    EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', routine);
    IF (SELECT p.proowner FROM pg_proc AS p WHERE p.oid = routine) <> extension_owner::regrole THEN
      EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %s WITH GRANT OPTION', routine, extension_owner);
    END IF;
  END LOOP;
END
$$;
