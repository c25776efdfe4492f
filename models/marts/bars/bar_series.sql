with

-- The registries say where to look among bars, which are many.
instruments as (

    select
        exchange,
        instrument_type,
        symbol as underlying
    from {{ ref('int_instruments__registered') }}
    union
    select
        exchange,
        instrument_type,
        underlying
    from {{ ref('int_contracts__described') }}

),

bars as (

    select * from {{ ref('int_bars__deduped') }}

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

bar_series as (

    select
        -- ids
        instruments.underlying,
        instruments.exchange,
        instruments.instrument_type,

        -- which bars
        bars.bar_interval,
        {{ name_of_length('bars.bar_interval') }} as length,
        bars.adjusted_for,
        bars.source,

        -- how many
        count(distinct bars.instrument_id) as instruments,
        count(*) as bars,
        count(*) filter (where bars.is_preferred) as preferred_bars,

        -- from when to when
        min(bars.session_date) as first_session,
        max(bars.session_date) as last_session,
        min(
            {{ ended_on('bars') }}
        ) as first_date,
        max(
            {{ ended_on('bars') }}
        ) as last_date

    from instruments
    inner join bars
        on instruments.exchange = bars.exchange
        and instruments.underlying = bars.underlying
        and instruments.instrument_type = bars.instrument_type
    left join exchanges on instruments.exchange = exchanges.exchange
    group by
        instruments.underlying,
        instruments.exchange,
        instruments.instrument_type,
        bars.bar_interval,
        bars.adjusted_for,
        bars.source

)

select * from bar_series
