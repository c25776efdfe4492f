-- A contract has no bar and no snapshot after the moment at which it expires. The expiry is that of the bar's own day: contracts
-- are re-dated. Without an exchange nobody says when in the day that is.

with

bars as (

    {% for model in ['int_options__quotes_deduped', 'int_futures__quotes_deduped', 'int_fo_bhavcopy__deduped'] %}
    select '{{ model }}' as model, contract_id, expiry, session_date, bar_start, bar_end
    from {{ ref(model) }}
    where {{ newest_sessions() }}
    union all
    {% endfor %}
    select
        'int_options__snapshots_deduped' as model, contract_id, expiry, session_date, timestamp as bar_start, timestamp as bar_end
    from {{ ref('int_options__snapshots_deduped') }}
    where {{ newest_sessions() }}

)

select bars.*, contracts.exchange, expiries.expires_at
from bars
inner join {{ ref('int_contracts__described') }} as contracts on bars.contract_id = contracts.contract_id
left join {{ ref('int_expiries__dated') }} as expiries on contracts.exchange = expiries.exchange and bars.expiry = expiries.expiry
where
    bars.session_date > bars.expiry
    or (contracts.exchange <> '' and (bars.bar_end <= expiries.expires_at) is not true)
