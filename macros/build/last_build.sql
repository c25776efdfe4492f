{# Forget the work that earlier runs left and noted (leave_due): this run does it, or notes it again. #}
{% macro forget_what_was_left() %}
  {% if execute and flags.WHICH in ('run', 'build', 'seed') %}
    delete from {{ record('left_due') }}
  {% endif %}
{% endmacro %}


{#
  The end of a statement that lets other models build loads again. Some of these models may have run already, so something stays due after
  this build.

  changed: a CTE with what the statement changed; if it is empty, nothing is noted.
#}
{% macro leave_due(changed) -%}
insert into {{ record('left_due') }} (model) select '{{ model.name }}' where exists (select from {{ changed }})
{%- endmacro %}
