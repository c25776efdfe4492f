{# Who may say a contract's lot, the better word first; see the doc block lot_size_decided_by. #}
{% macro words_for_lots() %}{{ return(['bhavcopy', 'instrument dump', 'rule', 'turnover']) }}{% endmacro %}


{#
  Aggregate of lots over the rows that have the best word of all: a file that says the lots may have a part of a series alone, and
  what is said less well of the rest does not come in between.

  aggregate: max or min.
#}
{% macro lot_of_best_word(aggregate) -%}
coalesce(
        {%- for word in words_for_lots() %}
        {{ aggregate }}(lot_size) filter (where lot_size_decided_by = '{{ word }}'){{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
