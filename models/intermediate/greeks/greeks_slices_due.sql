{{ config(meta={'says_what_is_due': true}) }}

{%- set feeds, closes, intervals = [], [], [] -%}
{%- for feed in feeds_of_greeks() -%}
    {%- do feeds.append("('" ~ [feed.kind, feed.stage, feed.shape, feed.model, feed.type] | join("', '") ~ "')") -%}
{%- endfor -%}
{%- for model, instrument_type in closes_of_greeks().items() -%}
    {%- do closes.append("('" ~ model ~ "', '" ~ instrument_type ~ "')") -%}
{%- endfor -%}
{%- for kind, bar_intervals in intervals_of_greeks().items() -%}
    {%- for bar_interval in bar_intervals -%}
        {%- do intervals.append("('" ~ kind ~ "', '" ~ bar_interval ~ "')") -%}
    {%- endfor -%}
{%- endfor -%}

with

slices as (

    select * from {{ ref('int_loads__slices') }}

),

built_loads as (

    select * from {{ records_of_all('built_loads') }}

),

computed as (

    select * from {{ own_table('enrichment', 'greeks_slices') }}

),

-- A load whose raw table has several shapes stands once for each, however many views give its rows.
loads_of_shapes as (

    select
        loads.load_id,
        shapes.shape,
        bool_and(shapes.states_underlying_price) as states_underlying_price
    from {{ source('audit', 'loads') }} as loads
    inner join {{ ref('shapes') }} as shapes on loads.raw_table = shapes.raw_table
    group by loads.load_id, shapes.shape

),

-- The models that the priced rows come from, each with the shape and the instruments of the rows that it reads.
feeds as (

    select *
    from (
        values
        {{ feeds | join(',\n        ') }}
    ) as listed (kind, stage, shape, model, instrument_type)

),

-- Each stage by itself: a slice is due from the moment that the first of them has changed.
slice_loads as (

    select
        slices.exchange,
        slices.slice_group as underlying,
        slices.session_date,
        feeds.kind,
        string_agg(
            feeds.stage || ':' || slices.load_id, ',' order by feeds.stage, slices.load_id
        ) filter (where feeds.stage not in ('hours', 'days')) as load_ids,
        array_agg(slices.load_id order by slices.load_id) filter (where feeds.stage = 'options') as options_of,
        array_agg(slices.load_id order by slices.load_id) filter (where feeds.stage = 'forwards') as forwards_of,
        array_agg(slices.load_id order by slices.load_id) filter (where feeds.stage = 'hours') as hours_of,
        array_agg(slices.load_id order by slices.load_id) filter (where feeds.stage = 'days') as days_of
    from slices
    inner join loads_of_shapes on slices.load_id = loads_of_shapes.load_id
    inner join built_loads on slices.load_id = built_loads.load_id
    inner join feeds
        on built_loads.model = feeds.model
        and slices.instrument_type = feeds.instrument_type
        and loads_of_shapes.shape = feeds.shape
    group by
        slices.exchange,
        slices.slice_group,
        slices.session_date,
        feeds.kind

),

-- Rows that do not state the underlying's price take it from the day's files of indices and of shares.
loads_of_official_closes as (

    select
        priceless.exchange,
        priceless.underlying,
        priceless.session_date,
        string_agg(closes.load_id::text, ',' order by closes.load_id) as load_ids
    from (
        select
            slices.exchange,
            slices.slice_group as underlying,
            slices.session_date
        from slices
        inner join loads_of_shapes on slices.load_id = loads_of_shapes.load_id
        where
            loads_of_shapes.shape = 'contract_days'
            and not loads_of_shapes.states_underlying_price
            and slices.instrument_type = 'option'
        group by slices.exchange, slices.slice_group, slices.session_date
    ) as priceless
    inner join slices as closes
        on priceless.exchange = closes.exchange
        and priceless.session_date = closes.session_date
        and closes.slice_group in (priceless.underlying, '*')
    inner join built_loads
        on closes.load_id = built_loads.load_id
        and (built_loads.model, closes.instrument_type) in (
            {{ closes | join(',\n            ') }}
        )
    group by priceless.exchange, priceless.underlying, priceless.session_date

),

intervals as (

    select *
    from (
        values
        {{ intervals | join(',\n        ') }}
    ) as listed (kind, bar_interval)

),

rules as (

    select * from {{ ref('greeks_rules') }}

),

special_expiries as (

    select
        expiries.exchange,
        expiries.expiry,
        expiries.expires_at
    from {{ ref('int_expiries__dated') }} as expiries
    inner join {{ ref('nse_special_sessions') }} as special
        on expiries.expiry = special.session_date and special.segment = 'fo'

),

current_slices as (

    select
        slice_loads.exchange,
        slice_loads.underlying,
        slice_loads.session_date,
        intervals.bar_interval,
        rules.version as rules_version,
        -- between the models of a build, or after one that failed, the inputs of the options do not come from the same
        -- loads yet
        slice_loads.options_of = slice_loads.forwards_of
        and case intervals.bar_interval
            when 'hour' then slice_loads.options_of = slice_loads.hours_of
            when 'built day' then slice_loads.options_of = slice_loads.days_of
            else true
        end as is_ready,
        rules.version || '/' || md5(concat_ws(
            '|', slice_loads.load_ids, rates.interest_rate,
            case when slice_loads.kind = 'official' then loads_of_official_closes.load_ids end,
            (
                select
                    string_agg(
                        -- a moment's text depends on the reader's time zone
                        extract(epoch from special_expiries.expires_at)::text, ',' order by special_expiries.expiry
                    )
                from special_expiries
                where
                    special_expiries.exchange = slice_loads.exchange
                    and special_expiries.expiry >= slice_loads.session_date
            )
        )) as inputs_version
    from slice_loads
    inner join intervals on slice_loads.kind = intervals.kind
    inner join rules on slice_loads.kind = rules.kind
    left join {{ ref('int_rates__daily') }} as rates on slice_loads.session_date = rates.session_date
    left join loads_of_official_closes
        on slice_loads.exchange = loads_of_official_closes.exchange
        and slice_loads.underlying = loads_of_official_closes.underlying
        and slice_loads.session_date = loads_of_official_closes.session_date
    where slice_loads.options_of is not null

),

due as (

    select
        coalesce(current_slices.exchange, computed.exchange) as exchange,
        coalesce(current_slices.underlying, computed.underlying) as underlying,
        coalesce(current_slices.session_date, computed.session_date) as session_date,
        coalesce(current_slices.bar_interval, computed.bar_interval) as bar_interval,
        current_slices.inputs_version,
        coalesce(current_slices.is_ready, current_slices.inputs_version is null) as is_ready,
        coalesce(split_part(computed.inputs_version, '/', 1) = current_slices.rules_version, false) as has_same_rules
    from current_slices
    full join computed
        on current_slices.exchange = computed.exchange
        and current_slices.underlying = computed.underlying
        and current_slices.session_date = computed.session_date
        and current_slices.bar_interval = computed.bar_interval
    where
        current_slices.inputs_version is distinct from computed.inputs_version
        -- built anew, perhaps from the same loads: a calendar or a rank lets other rows of them in
        or (computed.exchange, computed.underlying, computed.session_date, computed.bar_interval) in (
            select
                listed.exchange,
                listed.underlying,
                listed.session_date,
                listed.bar_interval
            from {{ own_table('enrichment', 'greeks_due') }} as listed
            where listed.has_new_rows
        )

)

select * from due
