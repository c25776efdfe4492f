{#
  A vendor's text that is to be a key (a symbol, an expiry, a series), NULL where it is longer than any key may be: an entry of an index has
  room for 2,704 bytes, and one longer cell would stop every build.

  column: the text column.
#}
{% macro key_text(column) -%}
case when octet_length({{ column }}) <= {{ longest_key() }} then {{ column }} end
{%- endmacro %}


{# Bytes of the longest key. The longest name of an index has about 60. #}
{% macro longest_key() %}{{ return(100) }}{% endmacro %}


{#
  Branches of a `case` that say which of a row's keys is longer than a key may be.

  names: what each is called, by text column.
#}
{% macro keys_too_long(names) -%}
{% for column, name in names.items() -%}
when octet_length({{ column }}) > {{ longest_key() }} then '{{ name }} is longer than {{ longest_key() }} bytes'
            {% endfor %}
{%- endmacro %}
