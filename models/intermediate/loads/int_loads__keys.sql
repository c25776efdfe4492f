{{ config(
    materialized='by_load',
    indexes=[{'columns': ['load_id']}],
    meta={'built_from': 'ledger', 'shapes': ['bars', 'trades', 'quotes', 'contract_days', 'chain_snapshots', 'instruments'], 'keeps': 'each load'},
) }}

{%- set parts = ['instrument_type', 'underlying', 'expiry', 'strike', 'option_type'] -%}
{%- set key = ['load_id', 'dialect', 'exchange', 'vendor_symbol', 'vendor_expiry'] + parts %}

with

-- Dates are read after the grouping, once per distinct text.
texts as (

    {% for shape in ['bars', 'trades', 'quotes'] -%}
        select
            {{ key | join(',\n            ') }},
            '{{ shape }}' as shape,
            vendor_date,
            min(line) as first_line,
            max(line) as last_line,
            count(*) as rows
        from {{ ref('int_' ~ shape ~ '__delivered') }}
        where load_id = any({{ loads_to_build() }})
        group by
            {{ key | join(',\n            ') }},
            vendor_date
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

bars_and_prints as (

    select
        {{ key | join(',\n        ') }},
        shape,
        instrument_type is not null as states_parts,
        true as states_contract,
        ({{ vendor_date('vendor_date') }}) as session_date,
        first_line,
        last_line,
        rows
    from texts

),

rows_with_parts as (

    select
        {{ key | join(',\n        ') }},
        'contract_days' as shape,
        -- if a row says other terms than its name, nobody can say which contract it belongs to
        coalesce(quarantine_reason, '') <> 'symbol differs from the terms in the row' as states_contract,
        session_date,
        line
    from {{ ref('int_contract_days__delivered') }}
    where load_id = any({{ loads_to_build() }})
    union all
    select
        {{ key | join(',\n        ') }},
        'chain_snapshots' as shape,
        true as states_contract,
        session_date,
        line
    from {{ ref('int_chain_snapshots__delivered') }}
    where load_id = any({{ loads_to_build() }})
    union all
    -- a list of instruments has other things too, and symbols that nobody reads
    select
        {{ key | join(',\n        ') }},
        'instruments' as shape,
        quarantine_reason is null as states_contract,
        session_date,
        line
    from {{ ref('int_instruments__delivered') }}
    where
        load_id = any({{ loads_to_build() }})
        and instrument_type in ('option', 'future')
        and dialect is not null

),

with_parts as (

    select
        {{ key | join(',\n        ') }},
        shape,
        true as states_parts,
        states_contract,
        session_date,
        min(line) as first_line,
        max(line) as last_line,
        count(*) as rows
    from rows_with_parts
    group by
        {{ key | join(',\n        ') }},
        shape,
        states_contract,
        session_date

),

keys as (

    select * from bars_and_prints
    union all
    select * from with_parts

)

select * from keys
