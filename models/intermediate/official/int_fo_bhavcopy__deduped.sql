{{ config(
    materialized='hypertable',
    meta={
        'built_from': 'slices', 'sources': ['nse-bhavcopy'], 'instrument_types': ['option', 'future'],
        'slice_key': 'contract_id', 'chunk_interval': '60 days',
        'segment_by': 'underlying', 'order_by': 'contract_id, bar_start',
    },
) }}

with

official as (

    select * from {{ ref('int_fo_bhavcopy__identified') }}
    where load_id = any({{ loads_to_build() }}) and quarantine_reason is null

),

loads as (

    select * from {{ source('audit', 'loads') }}

),

slices as (

    select * from {{ slices_to_build() }} as planned

),

ranked as (

    select
        official.*,
        row_number() over (
            partition by official.contract_id, official.session_date
            order by
                official.layout_rank asc,
                -- a revised file says so in its name alone, and counts whenever it was loaded
                loads.uri ~* '_revised[^/]*$' desc,
                official.load_id desc,
                official.line desc
        ) as precedence
    from official
    inner join loads on official.load_id = loads.load_id
    inner join slices
        on official.instrument_type = slices.instrument_type
        and official.underlying = slices.underlying
        and official.session_date = slices.session_date

),

winners as (

    select
        contract_id,
        instrument_type,
        underlying,
        expiry,
        session_date,
        bar_start,
        bar_end,
        is_traded,
        open,
        high,
        low,
        close,
        last_price,
        previous_close,
        settlement_price,
        underlying_price,
        lot_size,
        lot_size_decided_by,
        volume,
        open_interest,
        stated_change_in_open_interest,
        trades,
        turnover,
        load_id,
        line
    from ranked
    where precedence = 1

)

select * from winners
