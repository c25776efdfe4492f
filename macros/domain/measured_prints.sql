{#
  How good prints are (see measured_rows). One row per exchange, instrument type, underlying, session and source.

  shape: 'trades' or 'quotes'.
  price: what is held against its neighbours, in SQL.
  size, bid, ask: columns of the prints; NULL, in SQL, where they have none.
#}
{% macro measured_prints(shape, price, size='null::numeric', bid='null::numeric', ask='null::numeric') %}
{%- set key = ['exchange', 'instrument_type', 'underlying', 'session_date', 'source'] -%}
with

sessions as (

    select * from {{ ref('int_sessions__dated') }}

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

prints_rows as (

    select
        session_date,
        instrument_id,
        exchange,
        instrument_type,
        underlying,
        source,
        sequence,
        timestamp as row_start,
        timestamp as row_end,
        is_regular,
        is_preferred,
        ({{ price }})::double precision as price,
        {{ size }} as volume,
        {{ bid }} as bid,
        {{ ask }} as ask
    from {{ ref('int_' ~ shape ~ '__deduped') }}

),

{{ measured_rows(
    'prints', ['session_date', 'instrument_id', 'exchange', 'instrument_type', 'underlying', 'source'],
    order_by='row_start, sequence', bars=false
) }},

instruments as (

    select
        prints.exchange,
        prints.instrument_type,
        prints.underlying,
        prints.session_date,
        prints.source,
        prints.rows,
        prints.rows_not_preferred,
        case when sessions.opens_at is not null then prints.outside_hours end as outside_hours,
        {{ 'prints.without_volume' if shape == 'trades' else 'null::bigint' }} as without_volume,
        null::bigint as expected,
        null::bigint as missing,
        case when prints.instrument_type not in ('option', 'unknown') then prints.longest_gap end as longest_gap,
        prints.outliers,
        prints.stale,
        prints.quoted,
        case when prints.quoted > 0 then prints.crossed end as crossed,
        prints.median_spread,
        prints.widest_spread
    from prints_by_instrument as prints
    left join exchanges on prints.exchange = exchanges.exchange
    left join sessions
        on prints.exchange = sessions.exchange
        and prints.session_date = sessions.session_date
        and {{ segment_of('prints.instrument_type') }} = sessions.segment

)

{{ measured_groups(key) }}
{% endmacro %}
