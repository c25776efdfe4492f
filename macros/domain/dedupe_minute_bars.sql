{#
  The one-minute bars of the planned slices, one per key, bar start and source (see dedupe).

  instrument_type: 'option', 'future' or 'index'.
  key:             the columns that identify what the bar is of: contract_id, or exchange and underlying for an index.
  columns:         the columns to give, in order.
#}
{% macro dedupe_minute_bars(instrument_type, key, columns) %}
{% if instrument_type not in ('option', 'future', 'index') %}
  {{ exceptions.raise_compiler_error("dedupe_minute_bars: instrument_type is option, future or index, not " ~ instrument_type) }}
{% endif %}
with

delivered as (

    select * from {{ ref('int_bars__identified') }}
    where {{ rows_to_build() }}
        and instrument_type = '{{ instrument_type }}'
        and is_minute_bar
        -- not plainly `is null`: the planner takes that to be one row in two hundred, and builds its hashes on the wrong side
        and case when quarantine_reason is null then true else false end

),

{{ dedupe('bars', key + ['bar_start'], group='underlying') }}

select {{ columns | join(', ') }} from winners
{% endmacro %}
