with

positioned as (

    select * from {{ ref('int_futures__days_positioned') }}

),

in_sequence as (

    select
        positioned.*,
        lag(positioned.contract_id) over in_time as from_contract_id,
        lag(positioned.symbol) over in_time as from_symbol,
        lag(positioned.expiry) over in_time as from_expiry,
        lag(positioned.session_date) over in_time as from_session,
        lag(positioned.price) over in_time as last_price_held,
        lag(positioned.price_kind) over in_time as last_price_kind_held
    from positioned
    window in_time as (
        partition by positioned.exchange, positioned.underlying, positioned.roll_rule, positioned.position
        order by positioned.session_date
    )

),

-- The session for which both contracts have a price: the last one before the roll, or else that of the roll.
compared as (

    select
        in_sequence.*,
        coalesce(contract_id <> from_contract_id, false) as is_roll,
        case
            when contract_id = from_contract_id or from_contract_id is null then null
            when previous_session = from_session and last_price_held is not null and previous_price is not null
                then 'priced'
            when nearer_contract_id = from_contract_id and nearer_price is not null and price is not null
                then 'priced on the session of the roll'
            when last_price_held is null then 'no price of the contract left'
            else 'no price of the contract entered'
        end as roll_status
    from in_sequence

),

priced as (

    select
        compared.*,
        case roll_status
            when 'priced' then from_session
            when 'priced on the session of the roll' then session_date
        end as compared_on,
        case roll_status
            when 'priced' then last_price_held
            when 'priced on the session of the roll' then nearer_price
        end as from_price,
        case roll_status
            when 'priced' then last_price_kind_held
            when 'priced on the session of the roll' then nearer_price_kind
        end as from_price_kind,
        case roll_status
            when 'priced' then previous_price
            when 'priced on the session of the roll' then price
        end as to_price,
        case roll_status
            when 'priced' then previous_price_kind
            when 'priced on the session of the roll' then price_kind
        end as to_price_kind
    from compared

),

gaps as (

    select
        priced.*,
        to_price - from_price as difference,
        case when from_price > 0 and to_price > 0 then trim_scale(to_price / from_price) end as ratio
    from priced

),

-- A roll with an unknown gap ends the adjustment: nothing is said about what lies before it.
summed as (

    select
        gaps.*,
        case
            when count(*) filter (where gaps.is_roll and gaps.difference is null) over later = 0
                then coalesce(sum(gaps.difference) over later, 0)
        end as difference_adjustment,
        case
            when count(*) filter (where gaps.is_roll and gaps.ratio is null) over later = 0
                then exp(coalesce(sum(ln(gaps.ratio::double precision)) over later, 0))::numeric
        end as ratio_adjustment
    from gaps
    window later as (
        partition by gaps.exchange, gaps.underlying, gaps.roll_rule, gaps.position
        order by gaps.session_date desc
        rows between unbounded preceding and 1 preceding
    )

),

days_rolled as (

    select
        -- ids
        exchange,
        underlying,
        roll_rule,
        position,
        contract_id,
        symbol,
        expiry,

        -- times
        session_date,
        bar_start,
        bar_end,

        -- where the row is from
        source,
        is_traded,

        -- prices and quantities
        open,
        high,
        low,
        close,
        settlement_price,
        volume,
        open_interest,

        -- the roll into the contract, on its first session
        is_roll,
        from_contract_id,
        from_symbol,
        from_expiry,
        from_session,
        roll_status,
        compared_on,
        from_price,
        from_price_kind,
        to_price,
        to_price_kind,
        difference,
        ratio,

        -- what all later rolls come to
        difference_adjustment,
        ratio_adjustment

    from summed

)

select * from days_rolled
