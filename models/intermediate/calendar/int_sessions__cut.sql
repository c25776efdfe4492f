with

-- Files that have a whole session each.
current_loads as (

    select * from {{ source('audit', 'current_loads') }}
    where raw_table in ({{ raw_tables_of(['contract_days', 'share_days', 'index_days']) }})

),

slices as not materialized (

    select * from {{ ref('int_loads__slices') }}

),

-- A download that broke off ends in the middle of a line, and that line is rejected.
cut_loads as (

    select current_loads.load_id
    from current_loads
    inner join {{ source('audit', 'rejects') }} as rejects on current_loads.load_id = rejects.load_id
    where current_loads.rejected > 0 and rejects.reason like 'cut:%'
    group by current_loads.load_id

),

-- Another file may have the session whole.
cut as (

    select
        slices.exchange,
        slices.slice_group,
        slices.instrument_type,
        slices.session_date
    from cut_loads
    inner join slices on cut_loads.load_id = slices.load_id
    where
        not exists (
            select 1
            from slices as other_slices
            inner join current_loads on other_slices.load_id = current_loads.load_id
            where
                other_slices.exchange = slices.exchange
                and other_slices.slice_group in (slices.slice_group, '*')
                and other_slices.instrument_type = slices.instrument_type
                and other_slices.session_date = slices.session_date
                and other_slices.load_id not in (select cut_loads.load_id from cut_loads)
        )
    group by slices.exchange, slices.slice_group, slices.instrument_type, slices.session_date

)

select * from cut
