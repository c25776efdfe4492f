{#
  Returns the combinations that occur more than once.

  columns: the columns that together identify a row.
#}
{% test unique_combination(model, columns) %}
select {{ columns | join(', ') }}, count(*) as times_found
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
