{#
  Rows that the Greeks step made for daily slices. For a session of an underlying, these are the rows of the official day if there is one,
  else those of the day built from minutes; and only if they were made from today's inputs. A fit follows from all premiums of its slice, so
  a slice that is due shows nothing, and the built day does not stand in for an official one that is due.

  relation: a source with exchange, underlying, session_date and bar_interval.
#}
{% macro of_preferred_slices(relation) %}
    select made.*
    from {{ relation }} as made
    where
        {{ of_todays_inputs('made') }}
        and (
            made.bar_interval = 'day'
            or (made.exchange, made.underlying, made.session_date) not in (
                select
                    official.exchange,
                    official.underlying,
                    official.session_date
                from {{ computed('greeks_slices') }} as official
                where official.bar_interval = 'day'
                union all
                select
                    due.exchange,
                    due.underlying,
                    due.session_date
                from {{ computed('greeks_due') }} as due
                where due.bar_interval = 'day'
            )
        )
{% endmacro %}


{#
  Whether a row of the Greeks step was computed from today's inputs. A row that is due says nothing about what is there now; it is shown
  once it has been computed.

  rows: name of rows with exchange, underlying, session_date and bar_interval.
#}
{% macro of_todays_inputs(rows) -%}
(
    {{ rows }}.exchange,
    {{ rows }}.underlying,
    {{ rows }}.session_date,
    {{ rows }}.bar_interval
) not in (
    select
        due.exchange,
        due.underlying,
        due.session_date,
        due.bar_interval
    from {{ computed('greeks_due') }} as due
)
{%- endmacro %}
