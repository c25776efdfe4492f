{# The length of a bar as NautilusTrader and `tickmart list` write it: 15-MINUTE, 1-HOUR, 1-WEEK, 3-MONTH. #}
{% macro name_of_length(interval) -%}
{%- set months = "(extract(year from " ~ interval ~ ") * 12 + extract(month from " ~ interval ~ "))::int" %}
{%- set days = "extract(day from " ~ interval ~ ")::int" %}
{%- set seconds = "extract(epoch from " ~ interval ~ ")::int" -%}
case
    when {{ months }} > 0 then {{ months }} || '-MONTH'
    when {{ days }} > 0 and {{ days }} % 7 = 0 then {{ days }} / 7 || '-WEEK'
    when {{ days }} > 0 then {{ days }} || '-DAY'
    when {{ seconds }} % 3600 = 0 then {{ seconds }} / 3600 || '-HOUR'
    when {{ seconds }} % 60 = 0 then {{ seconds }} / 60 || '-MINUTE'
    else {{ seconds }} || '-SECOND'
end
{%- endmacro %}
