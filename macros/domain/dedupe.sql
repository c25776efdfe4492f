{#
  The CTE `winners`: one row per key and source of the planned slices, with `source` and `is_preferred`. It reads the CTE `delivered` (rows
  of the loads to build, with load_id, line, instrument_type, exchange, session_date and the key). The CTEs that it needs are written before
  it.

  Within a source the order is: file rank (a file whose name ends in `_revised` goes first among equals), the vendor's own time, newest load,
  last line. Across sources nothing is dropped: the source of best rank is preferred, and a key's other sources stand beside it. Rows that
  lose within their source stand, with the reason, in int_quotes__set_aside, and so do rows of sources that are not preferred.

  One window does both: it orders the sources by rank, and the first row of each source is its winner.

  shape:       the shape that the rows are of: sources are ranked by what they deliver of it.
  key:         the columns that identify what competes.
  group:       the column of `delivered` with the group of its slice: the underlying, or the symbol of an instrument that is no derivative.
  of_whole_markets  whether a file may be of a whole market (a slice of the group `*`).
  file_rank:   whether the rows have file_rank.
  vendor_time: the column with the vendor's own time of the row, where there is one.
#}
{% macro dedupe(shape, key, group, of_whole_markets=false, file_rank=false, vendor_time=none) %}
slices as (

    select * from {{ slices_to_build() }} as planned

),
{% if of_whole_markets %}
whole_markets as (

    select
        exchange,
        session_date
    from slices
    where slice_group = '*'

),

{% endif %}
-- A source has one rank among the rows of a shape, however many of its datasets bring such rows; one of a user's own has the rank that was
-- said last, and a source without a rank goes last.
loads as (

    select
        loads.load_id,
        loads.source,
        loads.uri ~* '_revised[^/]*$' as is_revised,
        coalesce(
            min(ranks.rank) over (partition by loads.source),
            first_value((loads.options #>> '{reading,rank}')::integer) over (
                partition by loads.source order by loads.load_id desc
            ),
            100
        ) as source_rank
    from {{ source('audit', 'loads') }} as loads
    left join {{ ref('source_ranks') }} as ranks
        on loads.source = ranks.source and loads.dataset = ranks.dataset
    where loads.raw_table in ({{ raw_tables_of([shape]) }})

),

ranked as (

    select
        delivered.*,
        loads.source,
        loads.source_rank,
        row_number() over best_first as precedence,
        lag(loads.source) over best_first as source_before
    from delivered
    {%- if of_whole_markets %}
    left join whole_markets
        on delivered.exchange = whole_markets.exchange and delivered.session_date = whole_markets.session_date
    {%- endif %}
    inner join slices
        on delivered.session_date = slices.session_date
        and {{ "case when whole_markets.session_date is null then delivered." ~ group ~ " else '*' end" if of_whole_markets else "delivered." ~ group }}
        = slices.slice_group
        -- a case, because with two more equalities the planner would expect no row at all
        and case
            when delivered.exchange = slices.exchange and delivered.instrument_type = slices.instrument_type then true
            else false
        end
    inner join loads on delivered.load_id = loads.load_id
    window
        best_first as (
            -- a key has one session, which stands first so that rows are written session by session: the rows of one session then lie
            -- together
            partition by
                delivered.session_date
                {%- for column in key if column != 'session_date' %}, delivered.{{ column }}{% endfor %}

            order by
                loads.source_rank asc,
                loads.source asc,
                {%- if file_rank %}
                delivered.file_rank asc,
                {%- endif %}
                -- only the name of a revised file says that it is revised; it counts whenever it was loaded
                loads.is_revised desc,
                {%- if vendor_time %}
                delivered.{{ vendor_time }} desc nulls last,
                {%- endif %}
                delivered.load_id desc,
                delivered.line desc
        )

),

winners as (

    select
        ranked.*,
        precedence = 1 as is_preferred
    from ranked
    where source_before is distinct from source

)
{%- endmacro %}
