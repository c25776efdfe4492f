-- Adjusting moves prices and not returns: from one session to the next a difference-adjusted close changes by the
-- rupees, and a ratio-adjusted close by the proportion, of the contract that was held between them. At a roll that is
-- the contract entered if both were priced before it, and the contract left if they were priced on the roll's session.

with

closes as (

    select
        exchange,
        underlying,
        roll_rule,
        position,
        contract_id,
        session_date,
        difference_adjusted_close,
        ratio_adjusted_close,
        lag(contract_id) over in_time as previous_contract_id,
        lag(session_date) over in_time as previous_session,
        lag(difference_adjusted_close) over in_time as previous_difference_adjusted_close,
        lag(ratio_adjusted_close) over in_time as previous_ratio_adjusted_close
    from {{ ref('futures_continuous') }}
    where {{ newest_underlyings('future') }}
    window in_time as (partition by exchange, underlying, roll_rule, position order by session_date)

),

rolls as (

    select * from {{ ref('futures_rolls') }}
    where {{ newest_underlyings('future') }}

),

-- the contracts' own prices, from the mart that knows of no rolls
prices as (

    select
        contract_id,
        session_date,
        coalesce(close, settlement_price) as price
    from {{ ref('futures_daily') }}
    where is_preferred and {{ newest_underlyings('future') }}

),

held as (

    select
        closes.*,
        case
            when rolls.compared_on = closes.session_date then closes.previous_contract_id
            else closes.contract_id
        end as held_contract_id
    from closes
    left join rolls
        on closes.exchange = rolls.exchange
        and closes.underlying = rolls.underlying
        and closes.roll_rule = rolls.roll_rule
        and closes.position = rolls.position
        and closes.session_date = rolls.session_date

),

changes as (

    select
        held.*,
        difference_adjusted_close - previous_difference_adjusted_close as difference_of_adjusted,
        ratio_adjusted_close / previous_ratio_adjusted_close as ratio_of_adjusted,
        prices.price - previous_prices.price as difference_of_contract,
        prices.price / previous_prices.price as ratio_of_contract
    from held
    left join prices
        on held.held_contract_id = prices.contract_id and held.session_date = prices.session_date
    left join prices as previous_prices
        on held.held_contract_id = previous_prices.contract_id and held.previous_session = previous_prices.session_date

)

select *
from changes
where
    (difference_of_adjusted is not null and difference_of_adjusted is distinct from difference_of_contract)
    or (ratio_of_adjusted is not null and (abs(ratio_of_adjusted - ratio_of_contract) < 1e-9) is not true)
