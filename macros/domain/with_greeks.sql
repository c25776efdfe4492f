{#
  Option bars with their contract's terms, volatility and Greeks. A row shows Greeks only if they were computed from today's
  inputs; else it is `pending`.

  Where a slice's inputs are those last used (nearly always, everywhere), every one of its rows has Greeks, and the Greeks and their inputs
  stand ready in the Greeks' tables (greeks_of). An inner join adds them by key, in the order of both keys, and bounds on time and session
  reach the chunks of both sides. Only the rows of slices that are due are priced again and compared one by one, to show those whose inputs
  have not changed (docs/decisions/0007-greeks-are-joined-by-slice.md).

  bars:         relation of the bars: contract_id, expiry, session_date, bar_start, bar_end, `columns` and `further`.
  priced:       relation of the same bars with pricing inputs.
  bar_interval: 'minute', 'hour', 'built day', 'day' or 'snapshot', as in option_pricing_inputs.
  further:      columns of both relations to carry along.
  columns:      what a bar states; by default prices and quantities.
  of_several_sources  whether `bars` has rows of several sources; only those that are preferred count.
#}
{% macro with_greeks(bars, priced, bar_interval, further=[], columns=columns_of_bars(), of_several_sources=false) %}
{% if bar_interval not in ('minute', 'hour', 'built day', 'day', 'snapshot') %}
  {{ exceptions.raise_compiler_error("with_greeks: bar_interval is minute, hour, built day, day or snapshot, not " ~ bar_interval) }}
{% endif %}
{% set columns = ['contract_id', 'expiry', 'session_date', 'bar_start', 'bar_end'] + columns + further %}
{% set has_vendor_volatility = 'vendor_implied_volatility' in columns %}
{% set results = [
    'implied_volatility', 'delta', 'gamma', 'theta', 'vega', 'rho',
    'vanna', 'volga', 'charm', 'speed', 'color', 'veta',
] %}
    select
        {% for column in columns %}bars.{{ column }}, {% endfor %}
        contracts.symbol,
        contracts.exchange,
        contracts.underlying,
        contracts.strike,
        contracts.option_type,
        greeks.premium,
        greeks.premium_source,
        greeks.underlying_price,
        greeks.forward_price,
        greeks.forward_method,
        greeks.discount_factor,
        greeks.years_to_expiry,
        {% for column in results %}greeks.{{ column }}, {% endfor %}
        {% if not has_vendor_volatility %}null::double precision as vendor_implied_volatility,{% endif %}
        greeks.greeks_status
    from {{ bars }} as bars
    inner join {{ ref('int_contracts__described') }} as contracts on bars.contract_id = contracts.contract_id
    inner join {{ greeks_of(bar_interval) }} as greeks
        on {{ is_of_bar('bars', bar_interval) }}
    -- not `not exists`: TimescaleDB carries bounds only over joins of the outermost level, and an anti-join would take that level
    where (contracts.exchange, contracts.underlying, bars.session_date) not in (
        select
            due.exchange,
            due.underlying,
            due.session_date
        from {{ computed('greeks_due') }} as due
        where due.bar_interval = '{{ bar_interval }}'
    )
    {% if of_several_sources %}and bars.is_preferred{% endif %}
    union all
    select
        {% for column in columns %}priced.{{ column }}, {% endfor %}
        priced.symbol,
        priced.exchange,
        priced.underlying,
        priced.strike,
        priced.option_type,
        priced.premium,
        priced.premium_source,
        priced.underlying_price,
        priced.forward_price,
        priced.forward_method,
        exp(-priced.interest_rate * priced.calendar_years_to_expiry) as discount_factor,
        priced.years_to_expiry,
        {% for column in results %}greeks.{{ column }}, {% endfor %}
        {% if not has_vendor_volatility %}null::double precision as vendor_implied_volatility,{% endif %}
        coalesce(greeks.greeks_status, 'pending') as greeks_status
    from {{ priced }} as priced
    inner join {{ computed('greeks_due') }} as due
        on priced.exchange = due.exchange
        and priced.underlying = due.underlying
        and priced.session_date = due.session_date
        and due.bar_interval = '{{ bar_interval }}'
    left join {{ greeks_of(bar_interval) }} as greeks
        on {{ is_of_bar('priced', bar_interval) }}
        and due.has_same_rules
        -- arrays, because NULL equals NULL in them
        and array[priced.premium, priced.underlying_price] = array[greeks.premium, greeks.underlying_price]
        and array[priced.forward_price, priced.interest_rate, priced.years_to_expiry]
        = array[greeks.forward_price, greeks.interest_rate, greeks.years_to_expiry]
    -- asked once and before all else: where nothing is due, as nearly always, no row is priced to find that out
    where exists (
        select 1 from {{ computed('greeks_due') }} as any_due
        where any_due.bar_interval = '{{ bar_interval }}'
    )
{% endmacro %}


{#
  The table with the Greeks of an interval. Greeks of minutes and moments, hundreds per contract and session, lie apart from those of hours
  and days: otherwise years of the latter would be spread over as many chunks.
#}
{% macro greeks_of(bar_interval) %}
  {{- return(computed('option_greeks' if bar_interval in ('minute', 'snapshot') else 'option_greeks_coarse')) -}}
{% endmacro %}


{#
  The condition that `greeks`, from the table of that interval, are those of a bar. It compares the whole key, so that they are known to be
  one row, and a bound on any part of the key is a bound on both sides.
#}
{% macro is_of_bar(bars, bar_interval) -%}
{{ bars }}.contract_id = greeks.contract_id
        and {{ bars }}.session_date = greeks.session_date
        and {{ bars }}.bar_start = greeks.bar_start
        {%- if bar_interval in ('minute', 'snapshot') %}
        and {{ bars }}.bar_end = greeks.bar_end
        {%- endif %}
        and greeks.bar_interval = '{{ bar_interval }}'
{%- endmacro %}


{# What a bar of an option states beside that, where its source does. #}
{% macro columns_of_option_bars() %}
  {{ return(['bid', 'ask', 'vendor_implied_volatility']) }}
{% endmacro %}


{# What a bar states: prices and quantities. #}
{% macro columns_of_bars() %}
  {{ return(['open', 'high', 'low', 'close', 'volume', 'open_interest']) }}
{% endmacro %}
