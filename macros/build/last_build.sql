{# What earlier runs noted of work that they left (leave_due) is done by this one, or noted again. #}
{% macro forget_what_was_left() %}
  {% if execute and flags.WHICH in ('run', 'build', 'seed') %}
    delete from {{ record('left_due') }}
  {% endif %}
{% endmacro %}


{#
  The end of a statement that lets other models build loads again: some of them may have run already, so that this build is not the
  last for which something is due.

  changed: a CTE with what it changed; where that is nothing, nothing is noted.
#}
{% macro leave_due(changed) -%}
insert into {{ record('left_due') }} (model) select '{{ model.name }}' where exists (select from {{ changed }})
{%- endmacro %}
