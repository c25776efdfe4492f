-- Every window is partitioned by exchange and underlying, so that a filter on them reaches the rows below.
with

days as (

    select * from {{ ref('int_futures__days_preferred') }}

),

-- looked up by key for single rows, and not read whole
sessions as not materialized (

    select * from {{ ref('int_sessions__dated') }}
    where segment = 'fo'

),

roll_rules as (

    select * from {{ ref('roll_rules') }}

),

followed as (

    select
        days.*,
        coalesce(
            lead(days.session_date) over (
                partition by days.exchange, days.underlying, days.contract_id order by days.session_date
            ),
            days.last_expiry + 1
        ) as next_row_date
    from days

),

-- A contract stays listed to its expiry: a session without a row of it is a gap, and not the end of the contract.
listed as (

    select
        followed.exchange,
        followed.underlying,
        followed.contract_id,
        followed.symbol,
        followed.last_expiry,
        quoted.*
    from followed
    cross join lateral (
        select
            followed.session_date,
            followed.expiry,
            followed.bar_start,
            followed.bar_end,
            followed.source,
            followed.is_traded,
            followed.open,
            followed.high,
            followed.low,
            followed.close,
            followed.settlement_price,
            followed.volume,
            followed.open_interest
        union all
        select
            sessions.session_date,
            followed.last_expiry as expiry,
            null as bar_start,
            null as bar_end,
            null as source,
            null as is_traded,
            null as open,
            null as high,
            null as low,
            null as close,
            null as settlement_price,
            null as volume,
            null as open_interest
        from sessions
        where
            sessions.exchange = followed.exchange
            and sessions.session_date > followed.session_date
            and sessions.session_date < followed.next_row_date
    ) as quoted

),

with_rows_of_session as (

    select
        listed.*,
        count(listed.bar_start) over (
            partition by listed.exchange, listed.underlying, listed.session_date
        ) as rows_of_session
    from listed

),

-- What each rule looks at; a session with nothing on file decides nothing.
figures as (

    select
        with_rows_of_session.*,
        roll_rules.roll_rule,
        roll_rules.method,
        roll_rules.method = 'expiry'
        -- beyond the end of the calendar there are sessions too, only nobody knows them
        and with_rows_of_session.expiry <= (select max(sessions.session_date) from sessions)
        and not exists (
            select 1 from sessions
            where
                sessions.exchange = with_rows_of_session.exchange
                and sessions.session_date > with_rows_of_session.session_date
                and sessions.session_date <= with_rows_of_session.expiry
            order by sessions.session_date
            offset roll_rules.sessions_before_expiry
        ) as is_due,
        case roll_rules.method
            when 'open interest' then with_rows_of_session.open_interest
            when 'volume' then with_rows_of_session.volume
        end as figure,
        coalesce(with_rows_of_session.close, with_rows_of_session.settlement_price) as price,
        case
            when with_rows_of_session.close is not null then 'close'
            when with_rows_of_session.settlement_price is not null then 'settlement price'
        end as price_kind
    from with_rows_of_session
    cross join roll_rules
    where with_rows_of_session.rows_of_session > 0

),

-- A contract leads if its figure is above that of each nearer contract, and each nearer contract's figure is known.
compared as (

    select
        figures.*,
        figures.figure > max(figures.figure) over nearer
        and count(*) over nearer = count(figures.figure) over nearer as is_leading,
        lag(figures.contract_id) over by_expiry as nearer_contract_id,
        lag(figures.price) over by_expiry as nearer_price,
        lag(figures.price_kind) over by_expiry as nearer_price_kind,
        lag(figures.session_date) over of_contract as previous_session,
        lag(figures.price) over of_contract as previous_price,
        lag(figures.price_kind) over of_contract as previous_price_kind
    from figures
    window
        by_expiry as (
            partition by figures.exchange, figures.underlying, figures.roll_rule, figures.session_date
            order by figures.last_expiry
        ),
        nearer as (by_expiry rows between unbounded preceding and 1 preceding),
        of_contract as (
            partition by figures.exchange, figures.underlying, figures.roll_rule, figures.contract_id
            order by figures.session_date
        )

),

decided as (

    select
        compared.*,
        min(compared.last_expiry) over of_session as nearest_expiry,
        case
            when compared.method = 'expiry'
                then min(compared.last_expiry) filter (where not compared.is_due) over of_session
            else max(compared.last_expiry) filter (where compared.is_leading) over of_session
        end as decided_expiry
    from compared
    window of_session as (
        partition by compared.exchange, compared.underlying, compared.roll_rule, compared.session_date
    )

),

-- What earlier sessions decided, and never a nearer contract than was held before.
held as (

    select
        decided.*,
        greatest(
            max(decided.decided_expiry) over (by_session groups between unbounded preceding and 1 preceding),
            max(decided.nearest_expiry) over by_session
        ) as held_expiry
    from decided
    window by_session as (
        partition by decided.exchange, decided.underlying, decided.roll_rule
        order by decided.session_date
    )

),

numbered as (

    select
        held.*,
        row_number() over (
            partition by held.exchange, held.underlying, held.roll_rule, held.session_date
            order by held.last_expiry
        ) as place
    from held
    where held.last_expiry >= held.held_expiry

),

days_positioned as (

    select
        -- ids
        exchange,
        underlying,
        roll_rule,
        (array['front', 'next', 'far'])[place] as position,
        contract_id,
        symbol,
        last_expiry,
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

        -- what a roll compares
        price,
        price_kind,
        previous_session,
        previous_price,
        previous_price_kind,
        nearer_contract_id,
        nearer_price,
        nearer_price_kind

    from numbered
    where place <= 3

)

select * from days_positioned
