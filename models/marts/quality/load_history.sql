with

loads as (

    select * from {{ source('audit', 'loads') }}

),

current_loads as (

    select * from {{ source('audit', 'current_loads') }}

),

set_aside as (

    select
        load_id,
        count(*) filter (where outcome = 'quarantined') as rows_quarantined,
        count(*) filter (where outcome = 'superseded') as rows_superseded
    from {{ ref('int_quotes__set_aside') }}
    group by load_id

),

built_loads as (

    select * from {{ source('audit', 'built_loads') }}
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
            when current_loads.load_id <> loads.load_id then 'restated'
            when built_loads.load_id is null then 'not built yet'
            else 'in the marts'
        end as standing,
        case when current_loads.load_id > loads.load_id then current_loads.load_id end as restated_by,
        loads.rows,
        loads.rejected as rows_rejected,
        case when built_loads.load_id is not null then coalesce(set_aside.rows_quarantined, 0) end as rows_quarantined,
        case when built_loads.load_id is not null then coalesce(set_aside.rows_superseded, 0) end as rows_superseded,
        loads.bytes,
        loads.sha256,
        loads.started_at,
        loads.finished_at,
        loads.unloaded_at,
        loads.error,
        loads.blank_lines
    from loads
    left join current_loads
        on loads.source = current_loads.source
        and loads.dataset = current_loads.dataset
        and loads.uri = current_loads.uri
    left join set_aside on loads.load_id = set_aside.load_id
    left join built_loads on loads.load_id = built_loads.load_id

)

select * from load_history
