-- The exchange's symbol says the same as the columns of its file, or of the list of instruments. This test only warns:
-- the file counts, but one of its cells may be wrong, or the exchange has begun to name contracts otherwise.
{{ config(severity='warn') }}

with

stated as (

    select * from {{ ref('int_symbols__parsed') }}
    where dialect = 'nse' and expiry_decided_by = 'file' and unknown_reason is null and {{ newest_loads() }}

),

texts as (

    select
        dialect,
        vendor_symbol
    from stated
    group by dialect, vendor_symbol

),

readings as (

    {{ symbol_readings('texts') | indent(4) }}

)

select
    stated.vendor_symbol,
    stated.vendor_expiry,
    stated.load_id,
    stated.underlying,
    stated.expiry,
    stated.strike,
    stated.option_type,
    readings.underlying as read_underlying,
    readings.expiry as read_expiry,
    readings.contract_month as read_month,
    readings.strike as read_strike,
    readings.option_type as read_option_type
from stated
left join readings on stated.dialect = readings.dialect and stated.vendor_symbol = readings.vendor_symbol
where
    stated.instrument_type is distinct from readings.instrument_type
    or stated.underlying is distinct from readings.underlying
    or stated.strike is distinct from readings.strike
    or stated.option_type is distinct from readings.option_type
    or stated.expiry <> readings.expiry
    or date_trunc('month', stated.expiry) is distinct from readings.contract_month
