with

gathered as (

    select * from {{ ref('int_forwards__gathered_by_minute') }}

),

with_underlying as (

    select
        gathered.*,
        coalesce(spot.close, earlier_spot.close) as underlying_price,
        coalesce(spot.bar_end, earlier_spot.bar_end) as underlying_end,
        coalesce(
            gathered.bar_end - coalesce(spot.bar_end, earlier_spot.bar_end)
            > interval '{{ var("underlying_staleness_limit") }}',
            false
        ) as underlying_is_stale
    from gathered
    left join {{ ref('int_spot__prices_deduped') }} as spot
        on gathered.exchange = spot.exchange
        and gathered.underlying = spot.underlying
        and gathered.session_date = spot.session_date
        and gathered.bar_start = spot.bar_start
        and spot.is_preferred
    -- if the index has no bar of this minute, its last one of the session, however old; its age decides later
    left join lateral (
        select
            past.close,
            past.bar_end
        from {{ ref('int_spot__prices_deduped') }} as past
        where
            spot.bar_end is null
            and gathered.exchange = past.exchange
            and gathered.underlying = past.underlying
            and gathered.session_date = past.session_date
            and past.is_preferred
            and past.bar_start < gathered.bar_start
            and past.bar_start >= gathered.bar_start - interval '1 day'
        order by past.bar_start desc
        limit 1
    ) as earlier_spot on true

),

{{ fitted_forwards('with_underlying') }}

select * from fitted
