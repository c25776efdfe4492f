-- A rule by expiry says how many sessions before it; for the others the number would have no meaning.

select
    roll_rule,
    method,
    sessions_before_expiry
from {{ ref('roll_rules') }}
where (sessions_before_expiry is not null) <> (method = 'expiry')
