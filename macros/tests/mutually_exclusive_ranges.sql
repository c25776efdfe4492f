{#
  Returns the pairs of rows that are both in force on some date: for seeds of dated facts. An empty end is open.

  lower, upper:  the columns with the first and the last date, both included.
  partition_by:  the columns that say what the fact is about.
#}
{% test mutually_exclusive_ranges(model, lower, upper, partition_by) %}
select
    {% for column in partition_by %}earlier.{{ column }}, {% endfor %}
    earlier.{{ lower }},
    earlier.{{ upper }},
    later.{{ lower }} as other_{{ lower }},
    later.{{ upper }} as other_{{ upper }}
from (select *, ctid as place from {{ model }}) as earlier
inner join (select *, ctid as place from {{ model }}) as later
    on (earlier.{{ lower }}, earlier.place) < (later.{{ lower }}, later.place)
    and later.{{ lower }} <= coalesce(earlier.{{ upper }}, 'infinity')
    {% for column in partition_by %} and earlier.{{ column }} = later.{{ column }}{% endfor %}
union all
select
    {% for column in partition_by %}{{ column }}, {% endfor %}{{ lower }}, {{ upper }}, null, null
from {{ model }}
where {{ upper }} < {{ lower }}
{% endtest %}
