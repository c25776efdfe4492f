{#
  The sessions of the first and the last row of something, each found by the index, as rows with `session_date`. There is no row where there
  is nothing.

  relation: a model with session_date.
  is_of:    the condition that picks the rows of that thing out of `rows_of`, by the first columns of an index.
  order_by: the column that follows these in the index.
#}
{% macro ends_of_rows(relation, is_of, order_by='bar_start') -%}
(select rows_of.session_date from {{ relation }} as rows_of where {{ is_of }} order by rows_of.{{ order_by }} asc limit 1)
            union all
            (select rows_of.session_date from {{ relation }} as rows_of where {{ is_of }} order by rows_of.{{ order_by }} desc limit 1)
{%- endmacro %}
