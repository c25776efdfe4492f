{{ config(
    materialized='by_load',
    indexes=[{'columns': ['load_id']}],
    meta={'built_from': 'slices', 'sources': ['nse-minute', 'nse-bhavcopy', 'kite-instruments'], 'keeps': 'current loads'},
) }}

-- depends_on: {{ ref('int_loads__slices') }}

with

loads as (

    select * from {{ source('audit', 'loads') }}
    where load_id = any({{ loads_to_build() }})

),

reach as (

    select
        (min(slices.session_date) - 1)::timestamptz as from_time,
        (max(slices.session_date) + 2)::timestamptz as to_time
    from {{ ref('int_loads__slices') }} as slices
    where slices.load_id = any({{ loads_to_build() }})

),

-- read twice: kept as one query's worth of rows, it would be read whole, whatever the caller asks for
winners as not materialized (

    select
        load_id,
        line,
        contract_id,
        null::text as underlying,
        bar_start,
        open,
        high,
        low,
        close,
        volume,
        open_interest
    from {{ ref('int_options__quotes_deduped') }}
    where bar_start >= (select from_time from reach) and bar_start < (select to_time from reach)
    union all
    select
        load_id,
        line,
        contract_id,
        null as underlying,
        bar_start,
        open,
        high,
        low,
        close,
        volume,
        open_interest
    from {{ ref('int_futures__quotes_deduped') }}
    where bar_start >= (select from_time from reach) and bar_start < (select to_time from reach)
    union all
    select
        load_id,
        line,
        null as contract_id,
        underlying,
        bar_start,
        open,
        high,
        low,
        close,
        null as volume,
        null as open_interest
    from {{ ref('int_spot__prices_deduped') }}
    where bar_start >= (select from_time from reach) and bar_start < (select to_time from reach)

),

official_winners as not materialized (

    select
        load_id,
        line,
        contract_id,
        bar_start,
        open,
        high,
        low,
        close,
        settlement_price,
        volume,
        open_interest
    from {{ ref('int_fo_bhavcopy__deduped') }}
    where bar_start >= (select from_time from reach) and bar_start < (select to_time from reach)

),

-- A list of instruments is no bar that could win or lose: a row that can be read counts.
instruments as not materialized (

    select * from {{ ref('stg_kite__instruments') }}
    where load_id = any({{ loads_to_build() }})

),

wins as (

    select
        load_id,
        count(*) as rows
    from (
        select load_id from winners
        union all
        select load_id from official_winners
        union all
        select load_id from instruments
        where quarantine_reason is null
    ) as won
    where load_id = any({{ loads_to_build() }})
    group by load_id

),

-- Only a load with fewer winners than rows has rows to explain: a clean file costs nothing here.
incomplete_loads as (

    select
        loads.load_id,
        loads.source,
        ranks.rank as source_rank
    from loads
    left join wins on loads.load_id = wins.load_id
    left join {{ ref('source_ranks') }} as ranks on loads.source = ranks.source and loads.dataset = ranks.dataset
    where loads.rows > coalesce(wins.rows, 0)

),

minute_bars as (

    select
        bars.load_id,
        bars.line,
        bars.vendor_symbol,
        bars.contract_id,
        case when bars.instrument_type = 'index' then bars.underlying end as index_underlying,
        bars.instrument_type,
        bars.underlying,
        bars.session_date,
        bars.bar_start,
        bars.quarantine_reason,
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        null::numeric as settlement_price,
        case when bars.instrument_type <> 'index' then bars.volume end as volume,
        case when bars.instrument_type <> 'index' then bars.open_interest end as open_interest
    from {{ ref('int_minute_bars__identified') }} as bars
    where bars.load_id = any(array(
        select incomplete_loads.load_id from incomplete_loads
        where incomplete_loads.source = 'nse-minute'
    ))

),

official_rows as (

    select
        bars.load_id,
        bars.line,
        bars.vendor_symbol,
        bars.contract_id,
        null as index_underlying,
        bars.instrument_type,
        bars.underlying,
        bars.session_date,
        bars.bar_start,
        bars.quarantine_reason,
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.settlement_price,
        bars.volume,
        bars.open_interest
    from {{ ref('int_fo_bhavcopy__identified') }} as bars
    where bars.load_id = any(array(
        select incomplete_loads.load_id from incomplete_loads
        where incomplete_loads.source = 'nse-bhavcopy'
    ))

),

instrument_rows as (

    select
        load_id,
        line,
        vendor_symbol,
        null::bigint as contract_id,
        null::text as index_underlying,
        instrument_type,
        underlying,
        session_date,
        null::timestamptz as bar_start,
        quarantine_reason,
        null::numeric as open,
        null::numeric as high,
        null::numeric as low,
        null::numeric as close,
        null::numeric as settlement_price,
        null::bigint as volume,
        null::bigint as open_interest
    from instruments
    where quarantine_reason is not null

),

judged as (

    select
        minute_bars.*,
        winners.load_id as winner_load_id,
        winners.line as winner_line,
        array[
            minute_bars.open, minute_bars.high, minute_bars.low, minute_bars.close,
            minute_bars.volume, minute_bars.open_interest
        ] = array[
            winners.open, winners.high, winners.low, winners.close,
            winners.volume, winners.open_interest
        ] as same_values
    from minute_bars
    left join winners
        on minute_bars.quarantine_reason is null
        and minute_bars.bar_start = winners.bar_start
        and coalesce(minute_bars.contract_id, -1) = coalesce(winners.contract_id, -1)
        and coalesce(minute_bars.index_underlying, '') = coalesce(winners.underlying, '')
    union all
    select
        official_rows.*,
        official_winners.load_id as winner_load_id,
        official_winners.line as winner_line,
        array[
            official_rows.open, official_rows.high, official_rows.low, official_rows.close,
            official_rows.settlement_price, official_rows.volume, official_rows.open_interest
        ] = array[
            official_winners.open, official_winners.high, official_winners.low, official_winners.close,
            official_winners.settlement_price, official_winners.volume, official_winners.open_interest
        ] as same_values
    from official_rows
    left join official_winners
        on official_rows.quarantine_reason is null
        and official_rows.contract_id = official_winners.contract_id
        and official_rows.bar_start = official_winners.bar_start
    union all
    select
        instrument_rows.*,
        null as winner_load_id,
        null as winner_line,
        null as same_values
    from instrument_rows

),

losers as (

    select
        judged.*,
        own_load.source_rank as own_rank,
        winner_rank.rank as winner_rank
    from judged
    inner join incomplete_loads as own_load on judged.load_id = own_load.load_id
    left join {{ source('audit', 'loads') }} as winner_load on judged.winner_load_id = winner_load.load_id
    left join {{ ref('source_ranks') }} as winner_rank
        on winner_load.source = winner_rank.source and winner_load.dataset = winner_rank.dataset
    where
        judged.quarantine_reason is not null
        or (judged.winner_load_id, judged.winner_line) is distinct from (judged.load_id, judged.line)

),

set_aside as (

    select
        load_id,
        line,
        case when quarantine_reason is not null then 'quarantined' else 'superseded' end as outcome,
        case
            when quarantine_reason is not null then quarantine_reason
            when same_values and winner_load_id = load_id then 'same row again in the same file'
            when same_values then 'same row delivered by another file'
            when winner_rank < own_rank then 'conflict: a source of better rank has other values'
            when winner_load_id < load_id then 'conflict: a file of better rank has other values'
            when winner_load_id = load_id then 'conflict: a later line of the same file has other values'
            else 'conflict: a newer load has other values'
        end as reason,
        vendor_symbol,
        instrument_type,
        underlying,
        contract_id,
        session_date,
        bar_start,
        winner_load_id,
        winner_line
    from losers

)

select * from set_aside
