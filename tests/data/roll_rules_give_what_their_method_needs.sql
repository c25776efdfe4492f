-- A rule by expiry says how many sessions before the expiry it rolls; for the other rules the number would have no
-- meaning.

select
    roll_rule,
    method,
    sessions_before_expiry
from {{ ref('roll_rules') }}
where (sessions_before_expiry is not null) <> (method = 'expiry')
