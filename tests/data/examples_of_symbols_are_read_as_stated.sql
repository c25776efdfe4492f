-- The example of each grammar is read by the grammars of its dialect into the parts that stand beside it.

with

examples as (

    select
        *,
        example as vendor_symbol
    from {{ ref('symbol_grammars') }}

),

readings as (

    {{ symbol_readings('examples') | indent(4) }}

)

select
    examples.dialect,
    examples.example,
    readings.*
from examples
left join readings on examples.dialect = readings.dialect and examples.vendor_symbol = readings.vendor_symbol
where
    readings.vendor_symbol is null
    or readings.precedence <> examples.precedence
    or readings.instrument_type is distinct from examples.instrument_type
    or readings.underlying is distinct from examples.example_underlying
    or coalesce(to_char(readings.expiry, 'YYYY-MM-DD'), to_char(readings.contract_month, 'YYYY-MM'))
    is distinct from examples.example_expiry
    or readings.strike is distinct from examples.example_strike
    or readings.option_type is distinct from examples.example_option_type
    or readings.refused_because is distinct from examples.refused_because
