{%- set columns = [
    'session_date', 'exchange', 'underlying', 'strike', 'option_type', 'premium', 'premium_source', 'underlying_price',
    'underlying_end', 'underlying_is_stale', 'forward_price', 'forward_method', 'interest_rate', 'calendar_years_to_expiry', 'years_to_expiry',
    'is_expired', 'forward_bar_start',
] -%}
{%- set inputs_of = {
    'minute': ref('int_options__quotes_priced'),
    'hour': ref('int_options__hours_priced'),
    'built day': ref('int_options__built_days_priced'),
    'day': ref('int_options__official_priced'),
    'snapshot': ref('int_options__snapshots_priced'),
} -%}

with

inputs as (

    {% for bar_interval, priced in inputs_of.items() -%}
        {{ 'union all' if not loop.first }}
        select
            contract_id,
            '{{ bar_interval }}' as bar_interval,
            bar_start,
            bar_end,
            {{ columns | join(', ') }}
        from {{ priced }}
    {% endfor %}

)

select * from inputs
