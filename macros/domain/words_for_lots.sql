{# The sources that may say a contract's lot, the better one first; see the doc block lot_size_decided_by. #}
{% macro words_for_lots() %}{{ return(['bhavcopy', 'instrument dump', 'rule', 'turnover']) }}{% endmacro %}


{#
  Aggregate of lots over the rows with the best source of all. A file that says the lots may have only a part of a series, and weaker
  statements about the rest do not interfere.

  aggregate: max or min.
#}
{% macro lot_of_best_word(aggregate) -%}
coalesce(
        {%- for word in words_for_lots() %}
        {{ aggregate }}(lot_size) filter (where lot_size_decided_by = '{{ word }}'){{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
