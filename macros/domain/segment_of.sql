{# The segment of the exchange whose sessions an instrument has; `exchanges` stands beside it, left-joined. #}
{% macro segment_of(instrument_type) -%}
case
    when {{ instrument_type }} in ('option', 'future') or exchanges.segments !~ 'cash' then 'fo'
    when {{ instrument_type }} = 'index' then 'index'
    else 'cash'
end
{%- endmacro %}
