-- The ledger counts what is in the raw tables: they hold as many rows as it says, and none of a load that was taken
-- back.

with

raw_rows as (

    {% for raw_table in raw_tables() %}
    select _load_id as load_id, count(*) as rows_found
    from {{ raw_table }}
    where {{ newest_loads('_load_id') }}
    group by _load_id
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

ledger as (

    select load_id, uri, case when unloaded_at is null then rows else 0 end as rows_expected
    from {{ source('audit', 'loads') }}
    where {{ newest_loads() }}

)

select
    coalesce(ledger.load_id, raw_rows.load_id) as load_id,
    ledger.uri,
    ledger.rows_expected,
    raw_rows.rows_found
from ledger
full join raw_rows on ledger.load_id = raw_rows.load_id
where coalesce(ledger.rows_expected, 0) <> coalesce(raw_rows.rows_found, 0)
