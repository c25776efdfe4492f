-- A split or bonus says how many shares become how many others, a dividend says the amount that the share was worth. A row that lacks its
-- figures, or has both kinds, would adjust prices by something other than it says.

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
