with

loads as (

    select * from {{ source('audit', 'loads') }}

),

-- a file is found at one whole load, and at the loads that continue it
current_files as (

    select
        source,
        dataset,
        uri,
        min(coalesce(continues_load_id, load_id)) as whole_load_id
    from {{ source('audit', 'current_loads') }}
    group by source, dataset, uri

),

set_aside as (

    select * from {{ ref('set_aside_by_reason') }}

),

slices as (

    select * from {{ ref('int_loads__slices') }}

),

displaced as (

    select * from {{ ref('int_quotes__set_aside') }}
    where reason = '{{ reasons_of_duplicates()["another file"] }}'

),

built_loads as (

    select * from {{ records_of_all('built_loads') }}
    where model = 'int_quotes__set_aside'

),

load_history as (

    select
        loads.load_id,
        loads.source,
        loads.dataset,
        loads.uri,
        loads.layout,
        loads.status,
        case
            when loads.status = 'failed' then 'failed'
            when loads.unloaded_at is not null then 'unloaded'
            when current_files.whole_load_id <> coalesce(loads.continues_load_id, loads.load_id) then 'restated'
            when built_loads.load_id is null then 'not built yet'
            else 'in the marts'
        end as standing,
        case
            when current_files.whole_load_id > coalesce(loads.continues_load_id, loads.load_id)
                then current_files.whole_load_id
        end as restated_by,
        loads.rows,
        loads.rejected as rows_rejected,
        case when built_loads.load_id is not null then loads.rows - outcomes.rows_set_aside end as rows_in_marts,
        case when built_loads.load_id is not null then repeats.rows_repeated end as rows_repeated,
        case when built_loads.load_id is not null then outcomes.rows_duplicate end as rows_duplicate,
        case when built_loads.load_id is not null then outcomes.rows_superseded end as rows_superseded,
        case when built_loads.load_id is not null then outcomes.rows_quarantined end as rows_quarantined,
        loads.bytes,
        loads.sha256,
        loads.started_at,
        loads.finished_at,
        built_loads.built_at,
        loads.unloaded_at,
        loads.error,
        loads.blank_lines
    from loads
    left join current_files
        on loads.source = current_files.source
        and loads.dataset = current_files.dataset
        and loads.uri = current_files.uri
    left join built_loads on loads.load_id = built_loads.load_id
    -- counted load by load: a query for a few loads does not count the rows of all others
    left join lateral (
        select
            coalesce(sum(set_aside.rows), 0)::bigint as rows_set_aside,
            coalesce(sum(set_aside.rows) filter (where set_aside.outcome = 'duplicate'), 0)::bigint as rows_duplicate,
            coalesce(sum(set_aside.rows) filter (where set_aside.outcome = 'superseded'), 0)::bigint as rows_superseded,
            coalesce(sum(set_aside.rows) filter (where set_aside.outcome = 'quarantined'), 0)::bigint
                as rows_quarantined
        from set_aside
        where set_aside.load_id = loads.load_id
    ) as outcomes on true
    -- of rows that say the same, the newest stands: it is new only if no earlier build had the other
    left join lateral (
        select count(distinct displaced.winner_line) as rows_repeated
        from slices
        inner join displaced
            on slices.instrument_type = displaced.instrument_type
            and slices.slice_group in (displaced.underlying, '*')
            and slices.session_date = displaced.session_date
        inner join built_loads as built_before on displaced.load_id = built_before.load_id
        where
            slices.load_id = loads.load_id
            and displaced.winner_load_id = loads.load_id
            and coalesce(built_before.built_at, '-infinity') < built_loads.built_at
    ) as repeats on true

)

select * from load_history
