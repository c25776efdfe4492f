-- Every landed row of a load that is built is in exactly one place: it won its bar, or it is quarantined or superseded with a reason.
-- depends_on: {{ ref('int_loads__slices') }}

with

built_loads as (

    select loads.load_id, loads.uri, loads.rows
    from {{ source('audit', 'loads') }} as loads
    inner join {{ records_of_all('built_loads') }} as built
        on loads.load_id = built.load_id and built.model = 'int_quotes__set_aside'
    where {{ newest_loads('loads.load_id') }}

),

-- a load of many sessions has winners in all of them
reach as (

    select
        min(slices.session_date) as first_session,
        max(slices.session_date) as last_session,
        (min(slices.session_date) - 1)::timestamptz as from_time,
        (max(slices.session_date) + 2)::timestamptz as to_time
    from {{ ref('int_loads__slices') }} as slices
    where slices.load_id in (select load_id from built_loads)

),

places as (

    {% for winners in winners_of_shapes() %}
    select load_id, line
    from {{ ref(winners['in']) }}
    where {{ winners['time'] }} >= (select from_time from reach) and {{ winners['time'] }} < (select to_time from reach) and is_preferred
    union all
    {% endfor %}
    select load_id, line
    from {{ ref('int_instruments__delivered') }}
    where quarantine_reason is null and {{ newest_loads() }}
    union all
    select load_id, line
    from {{ ref('int_quotes__set_aside') }}

),

counted as (

    select
        load_id,
        count(*) as rows_found,
        count(distinct line) as lines_found
    from places
    where load_id in (select load_id from built_loads)
    group by load_id

)

select
    built_loads.load_id,
    built_loads.uri,
    built_loads.rows as rows_landed,
    coalesce(counted.rows_found, 0) as rows_found,
    coalesce(counted.lines_found, 0) as lines_found
from built_loads
left join counted on built_loads.load_id = counted.load_id
where (built_loads.rows, built_loads.rows)
    is distinct from (coalesce(counted.rows_found, 0), coalesce(counted.lines_found, 0))
