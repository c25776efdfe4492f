"""The three roles, granted what their work needs wherever the database's user may do so."""

# Roles belong to the server, not to the database: they may be there already, and another database may be
# making them at this moment. dbt grants the marts when it makes them; here they are granted after a restore.
# A user who neither owns the tables nor has their owner's role changes nothing.
GRANT_ROLES = """
do $$
declare
    wanted text;
    may_create boolean := (select rolsuper or rolcreaterole from pg_roles where rolname = current_user);
    published record;
    tables_owner oid := (select nspowner from pg_namespace where nspname = 'audit');
begin
    if not pg_has_role(current_user, tables_owner, 'usage') then
        raise notice 'nothing was granted: % does not own the tables', current_user;
        return;
    end if;
    -- two that grant at once would trip over each other
    lock table audit.alembic_version in share row exclusive mode;

    foreach wanted in array array['tickmart_loader', 'tickmart_transformer', 'tickmart_analyst'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            if not may_create then
                raise notice 'role % was not made: % may not create roles', wanted, current_user;
                continue;
            end if;
            begin
                execute format('create role %I nologin', wanted);
            exception when duplicate_object or unique_violation then
                null;
            end;
        end if;
    end loop;

    if exists (select from pg_roles where rolname = 'tickmart_loader') then
        grant usage, create on schema raw to tickmart_loader;
        grant usage on schema audit to tickmart_loader;
        grant select, insert, update, delete on all tables in schema raw to tickmart_loader;
        grant usage, update on all sequences in schema raw to tickmart_loader;
        -- what earlier versions granted lets a loader lock migrations and models
        revoke insert, update, delete on all tables in schema audit from tickmart_loader;
        grant select on all tables in schema audit to tickmart_loader;
        grant insert, update on audit.loads to tickmart_loader;
        grant insert, delete on audit.rejects to tickmart_loader;
        -- of columns, which is enough for its rows (a policy says which) and not for a lock of the table
        grant insert (name), update (name) on audit.locks to tickmart_loader;
        grant usage on sequence audit.loads_load_id_seq to tickmart_loader;
        revoke all on audit.build_lock, audit.greeks_lock from tickmart_loader;
        alter default privileges in schema raw
            grant select, insert, update, delete on tables to tickmart_loader;
        alter default privileges in schema raw grant usage on sequences to tickmart_loader;
    end if;

    if exists (select from pg_roles where rolname = 'tickmart_transformer') then
        execute format('grant create on database %I to tickmart_transformer', current_database());
        grant usage on schema raw, audit, enrichment to tickmart_transformer;
        grant select on all tables in schema raw, audit to tickmart_transformer;
        grant insert, update, delete, truncate
            on audit.built_loads, audit.built_models, audit.loads_to_build, audit.slices_to_build
            to tickmart_transformer;
        grant insert, update, delete on audit.last_build, audit.left_due to tickmart_transformer;
        -- only who may change a table may lock it
        grant insert, update, delete on audit.locks to tickmart_transformer;
        grant update on audit.build_lock, audit.greeks_lock to tickmart_transformer;
        grant select, insert, update, delete, truncate on all tables in schema enrichment
            to tickmart_transformer;
        alter default privileges in schema raw grant select on tables to tickmart_transformer;
    end if;

    if exists (select from pg_roles where rolname = 'tickmart_analyst') then
        for published in
            select nspname, nspowner from pg_namespace
            where nspname in ('marts', 'facts') and pg_has_role(current_user, nspowner, 'usage')
        loop
            execute format('grant usage on schema %I to tickmart_analyst', published.nspname);
        end loop;
        for published in
            select oid, relowner from pg_class
            where relnamespace in (select oid from pg_namespace where nspname in ('marts', 'facts'))
                and relkind in ('r', 'p', 'v', 'm')
                and pg_has_role(current_user, relowner, 'usage')
                and not has_table_privilege('tickmart_analyst', oid, 'select')
        loop
            execute format('grant select on %s to tickmart_analyst', published.oid::regclass);
        end loop;
    end if;
end
$$
"""
