{#
  Variances of one session by five estimators, each over the window of the last `sessions` sessions and NULL unless every one of
  them has what the estimator needs. Columns <estimator>_<sessions>; the query defines the window over_<sessions>.

  It reads the logarithms `close_change` (close over the close before), `overnight` (open over the close before), `intraday` (close
  over open) and `high_low`, and the terms `garman_klass` and `rogers_satchell` of a session.

  sessions: how many, at least 2.
#}
{% macro variances_over(sessions) %}
{%- if sessions < 2 -%}
  {{ exceptions.raise_compiler_error("variances_over: a window has at least 2 sessions, not " ~ sessions) }}
{%- endif -%}
{%- set window = 'over_' ~ sessions -%}
{#- the weight that makes the variance of the estimator least: Yang and Zhang (2000), with alpha 1.34 -#}
{%- set weight = '(0.34 / (1.34 + ' ~ (sessions + 1) ~ '.0 / ' ~ (sessions - 1) ~ '))::double precision' %}
        case
            when count(close_change) over {{ window }} = {{ sessions }} then var_samp(close_change) over {{ window }}
        end as close_to_close_{{ sessions }},
        case
            when count(high_low) over {{ window }} = {{ sessions }}
                then avg(high_low * high_low) over {{ window }} / (4 * ln(2::double precision))
        end as parkinson_{{ sessions }},
        case
            when count(garman_klass) over {{ window }} = {{ sessions }} then avg(garman_klass) over {{ window }}
        end as garman_klass_{{ sessions }},
        case
            when count(rogers_satchell) over {{ window }} = {{ sessions }} then avg(rogers_satchell) over {{ window }}
        end as rogers_satchell_{{ sessions }},
        case
            when count(overnight + rogers_satchell) over {{ window }} = {{ sessions }}
                then
                    var_samp(overnight) over {{ window }}
                    + {{ weight }} * var_samp(intraday) over {{ window }}
                    + (1 - {{ weight }}) * avg(rogers_satchell) over {{ window }}
        end as yang_zhang_{{ sessions }}
{%- endmacro %}
