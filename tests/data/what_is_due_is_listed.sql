-- A slice that the list lacks would show Greeks of other inputs as if they were of today's. The list must be complete at any moment, not
-- only at the end of a run: this is asked between the models of a run.
-- depends_on: {{ ref('options_ticks') }}, {{ ref('options_hourly') }}, {{ ref('options_daily') }}, {{ ref('option_snapshots') }}

select
    due.exchange,
    due.underlying,
    due.session_date,
    due.bar_interval
from {{ ref('greeks_slices_due') }} as due
left join {{ computed('greeks_due') }} as listed
    on due.exchange = listed.exchange
    and due.underlying = listed.underlying
    and due.session_date = listed.session_date
    and due.bar_interval = listed.bar_interval
where
    listed.underlying is null
    or (listed.has_same_rules and not due.has_same_rules and due.inputs_version is not null and exists (
        select 1 from {{ computed('greeks_slices') }} as computed
        where
            due.exchange = computed.exchange
            and due.underlying = computed.underlying
            and due.session_date = computed.session_date
            and due.bar_interval = computed.bar_interval
    ))
