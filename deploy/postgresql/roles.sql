-- Rights by need, for a database of the farm on a PostgreSQL of your own. Run it in that database as its superuser, after
-- `cdb migrate` and again after each: psql -d cdb -v ON_ERROR_STOP=1 -f deploy/postgresql/roles.sql
-- Then give each of them a password (\password cdb_farm) and its address to who needs it: docs/security.md.
--
--   cdb_owner   owns the tables: for `cdb migrate` and `cdb restore`, and nothing that runs for long
--   cdb_farm    trades: reads all, adds and changes rows, deletes what is meant to be forgotten, makes no tables but the
--               partitions of raw ticks
--   cdb_reader  looks: Grafana, reports, `cdb explain`
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['cdb_owner', 'cdb_farm', 'cdb_reader'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', name);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
  END LOOP;
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());

  GRANT cdb_farm TO cdb_owner;  -- so that a migration may change the ticks too
  REVOKE ALL ON SCHEMA public FROM PUBLIC;
  GRANT USAGE, CREATE ON SCHEMA public TO cdb_owner, cdb_farm;
  GRANT USAGE ON SCHEMA public TO cdb_reader;

  FOR name IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO cdb_owner', name);
    EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, cdb_farm, cdb_reader', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %s TO cdb_farm', name);
    EXECUTE format('GRANT SELECT ON %s TO cdb_reader', name);
  END LOOP;

  -- What is forgotten after a while.
  GRANT DELETE ON alerts, deliveries, dead_letters, instruments, celery_taskmeta, celery_tasksetmeta TO cdb_farm;

  -- A day's partition is made and dropped by who owns the whole.
  FOR name IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
              WHERE schemaname = 'public' AND tablename LIKE 'market\_data%' LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO cdb_farm', name);
  END LOOP;

  GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO cdb_farm;
  GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO cdb_reader;
END
$$;

-- Tables that a migration makes later: who trades and who looks may do the usual until this is run again.
ALTER DEFAULT PRIVILEGES FOR ROLE cdb_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE ON TABLES TO cdb_farm;
ALTER DEFAULT PRIVILEGES FOR ROLE cdb_owner IN SCHEMA public GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO cdb_farm;
ALTER DEFAULT PRIVILEGES FOR ROLE cdb_owner IN SCHEMA public GRANT SELECT ON TABLES TO cdb_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE cdb_farm IN SCHEMA public GRANT SELECT ON TABLES TO cdb_reader;
