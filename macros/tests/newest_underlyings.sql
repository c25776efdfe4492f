{#
  A condition that holds for the underlyings which the newest loads touch (`underlyings_under_test` of them), for models in which
  a row follows from the whole history of its underlying: a condition on the session would shorten the result and not the work.
  True for every row where TICKMART_TEST_WHOLE_TABLES is set. See newest_sessions.

  instrument_type: option, future or index.
  underlying:      the column with the underlying.
#}
{% macro newest_underlyings(instrument_type, underlying='underlying') %}
  {%- if instrument_type not in ['option', 'future', 'index'] -%}
    {{ exceptions.raise_compiler_error(
      "newest_underlyings knows the instrument types option, future and index; got " ~ instrument_type) }}
  {%- endif -%}
  {%- if not execute or env_var('TICKMART_TEST_WHOLE_TABLES', '') -%}
    {{ return('true') }}
  {%- endif -%}
  {%- if load_cached_relation(relation_of('int_loads__slices')) is none -%}
    {{ return('false') }}
  {%- endif -%}
  {%- set names = run_query("
    select quote_literal(slice_group)
    from " ~ relation_of('int_loads__slices') ~ "
    where instrument_type = '" ~ instrument_type ~ "'
    group by slice_group
    order by max(load_id) desc, slice_group
    limit " ~ var('underlyings_under_test', 3)).columns[0].values() -%}
  {{ return(underlying ~ ' in (' ~ names | join(', ') ~ ')' if names else 'false') }}
{% endmacro %}
