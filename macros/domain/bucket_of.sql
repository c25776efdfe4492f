{#
  Start of the bucket that a moment lies in.

  moment: an expression, timestamptz.
  bucket: 'hour' or 'day'.
#}
{% macro bucket_of(moment, bucket) %}
{%- set origins = {'hour': '2000-01-03 09:15+05:30', 'day': '2000-01-03 00:00+05:30'} -%}
{%- if bucket not in origins -%}
  {{ exceptions.raise_compiler_error("bucket_of: bucket is hour or day, not " ~ bucket) }}
{%- endif -%}
time_bucket(interval '1 {{ bucket }}', {{ moment }}, timestamptz '{{ origins[bucket] }}')
{%- endmacro %}
