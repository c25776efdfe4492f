-- A split or bonus turns so many shares into so many others, a dividend has an amount that the share was worth; a row that
-- lacks it, or has both, would adjust prices by something else than it says.

select exchange, symbol, ex_date, kind, shares_before, shares_after, amount
from {{ ref('int_equities__corporate_actions') }}
where
    not coalesce(
        case
            when kind in ('split', 'bonus') then shares_before > 0 and shares_after > 0 and shares_before <> shares_after and amount is null
            when kind = 'dividend' then amount > 0 and shares_before is null and shares_after is null
        end,
        false
    )
