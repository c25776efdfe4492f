{# The number of each instrument that is no contract, by its name; the series of a share are apart. #}
{% macro numbers_of_instruments() -%}
select
    exchange,
    instrument_type,
    symbol,
    min(instrument_id) as instrument_id
from {{ ref('int_instruments__registered') }}
where series = ''
group by exchange, instrument_type, symbol
{%- endmacro %}
