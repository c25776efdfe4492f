{#
  The one-minute bars of the planned slices, one per key and bar start. Where loads disagree about a bar the order is:
  rank of the source, newest load, last line; the rest stands, with the reason, in int_quotes__set_aside.

  instrument_type: 'option', 'future' or 'index'.
  key:             the column that identifies what the bar is of: contract_id, or underlying for an index.
  columns:         the columns to give, in order.
#}
{% macro dedupe_minute_bars(instrument_type, key, columns) %}
{% if instrument_type not in ('option', 'future', 'index') %}
  {{ exceptions.raise_compiler_error("dedupe_minute_bars: instrument_type is option, future or index, not " ~ instrument_type) }}
{% endif %}
with

bars as (

    select * from {{ ref('int_minute_bars__identified') }}
    where load_id = any({{ loads_to_build() }})
        and instrument_type = '{{ instrument_type }}'
        -- not plainly `is null`: the planner takes that to be one row in two hundred, and builds its hashes on the wrong side
        and case when quarantine_reason is null then true else false end

),

slices as (

    select * from {{ slices_to_build() }} as planned

),

loads as (

    select loads.load_id, ranks.rank as source_rank
    from {{ source('audit', 'loads') }} as loads
    left join {{ ref('source_ranks') }} as ranks
        on loads.source = ranks.source and loads.dataset = ranks.dataset

),

ranked as (

    select
        bars.*,
        row_number() over (
            partition by bars.{{ key }}, bars.bar_start
            order by loads.source_rank asc nulls last, bars.load_id desc, bars.line desc
        ) as precedence
    from bars
    inner join slices
        on bars.underlying = slices.underlying and bars.session_date = slices.session_date
    inner join loads on bars.load_id = loads.load_id

),

winners as (

    select {{ columns | join(', ') }}
    from ranked
    where precedence = 1

)

select * from winners
{% endmacro %}
