{#
  Returns the newest value where it is too old, or where there is none at all.

  not_before: the oldest that the newest value may be, as an SQL expression, such as `current_date + 30` for a calendar.
#}
{% test recency(model, column_name, not_before) %}
select max({{ column_name }}) as newest
from {{ model }}
having coalesce(max({{ column_name }}) < {{ not_before }}, true)
{% endtest %}
