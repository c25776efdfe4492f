{# The reason of a row that says exactly what the row in the mart says: an exact duplicate, by where the other row came from. #}
{% macro reasons_of_duplicates() %}
  {{ return({'same file': 'same row again in the same file', 'another file': 'same row delivered by another file'}) }}
{% endmacro %}
