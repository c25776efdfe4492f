{#
  Let the models build those loads again that have rows quarantined or superseded for a reason that may no longer hold: a holiday list now
  reaches further, a name was added to the list of indices, or a contract's terms were read from a file that has been restated since.

  reasons: reasons as in int_quotes__set_aside, without the colon and the value in question that follows it.
#}
{% macro evaluate_again(reasons) %}
  {% set set_aside = relation_of('int_quotes__set_aside') %}
  {% if reasons and run_query("select to_regclass('" ~ set_aside ~ "') is not null").rows[0][0] %}
    {% call statement('evaluate_again') %}
      with evaluated as (
        delete from {{ record('built_loads') }} as built
        using {{ set_aside }} as set_aside
        where built.load_id = set_aside.load_id
          and split_part(set_aside.reason, ':', 1) in ('{{ reasons | join("', '") }}')
          {# the model at work has read the loads of this build already #}
          and built.model <> '{{ model.name }}'
        returning built.model
      )
      {{ leave_due('evaluated') }}
    {% endcall %}
  {% endif %}
{% endmacro %}
