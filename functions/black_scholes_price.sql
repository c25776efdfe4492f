-- Black-76 with a discount factor, term by term; erfc instead of 1 - erf keeps the far tail.
select
    discount * side * (
        forward * erfc(-side * d1 / sqrt(2::double precision)) / 2
        - strike * erfc(-side * (d1 - deviation) / sqrt(2::double precision)) / 2
    )
from (
    select
        case when is_call then 1 else -1 end as side,
        volatility * sqrt(years) as deviation,
        ln(forward / strike) / (volatility * sqrt(years)) + volatility * sqrt(years) / 2 as d1
) as terms
