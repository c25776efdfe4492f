-- depends_on: {{ ref('option_pricing_inputs') }}

with

slices as (

    select * from {{ ref('int_loads__slices') }}

),

built_loads as (

    select * from {{ source('audit', 'built_loads') }}

),

computed as (

    select * from {{ source('enrichment', 'greeks_slices') }}

),

slice_loads as (

    select
        slices.underlying,
        slices.session_date,
        case built_loads.model when 'int_fo_bhavcopy__deduped' then 'day' else 'minute' end as bar_interval,
        bool_or(slices.instrument_type = 'option') as has_options,
        string_agg(slices.load_id::text, ',' order by slices.load_id) as load_ids
    from slices
    inner join built_loads
        on slices.load_id = built_loads.load_id
        and (built_loads.model, slices.instrument_type) in (
            ('int_options__quotes_deduped', 'option'),
            ('int_spot__prices_deduped', 'index'),
            ('int_fo_bhavcopy__deduped', 'option')
        )
    group by
        slices.underlying,
        slices.session_date,
        case built_loads.model when 'int_fo_bhavcopy__deduped' then 'day' else 'minute' end

),

-- Session hours decide the time to expiry: other hours, other inputs.
rules as (

    select
        md5(string_agg(times.opens_at || times.closes_at || coalesce(times.valid_to::text, ''), ',' order by times.exchange, times.segment, times.valid_from))
        || '{{ var("underlying_staleness_limit") }}' as version
    from {{ ref('nse_session_times') }} as times

),

current_slices as (

    select
        slice_loads.underlying,
        slice_loads.session_date,
        slice_loads.bar_interval,
        md5(concat_ws('|', slice_loads.load_ids, rates.interest_rate, rules.version)) as inputs_version
    from slice_loads
    cross join rules
    left join {{ ref('int_rates__daily') }} as rates on slice_loads.session_date = rates.session_date
    where slice_loads.has_options

),

due as (

    select
        coalesce(current_slices.underlying, computed.underlying) as underlying,
        coalesce(current_slices.session_date, computed.session_date) as session_date,
        coalesce(current_slices.bar_interval, computed.bar_interval) as bar_interval,
        current_slices.inputs_version
    from current_slices
    full join computed
        on current_slices.underlying = computed.underlying
        and current_slices.session_date = computed.session_date
        and current_slices.bar_interval = computed.bar_interval
    where current_slices.inputs_version is distinct from computed.inputs_version

)

select * from due
