{#
  The change in open interest of an official row since the session on file before, NULL where there is none: computed by contract, for
  the exchange writes the whole interest of a re-dated contract as new. Stands in a select from joins_to_session_before.
#}
{% macro change_in_open_interest() -%}
case
            when on_file.previous_session_date is not null
                then
                    official.open_interest
                    - case
                        when previous.contract_id is not null then previous.open_interest
                        when previous_of_midnight.contract_id is not null then previous_of_midnight.open_interest
                        else 0
                    end
        end
{%- endmacro %}


{#
  Joins that put the contract's row of the session on file before beside each row of `official`.

  instrument_type: 'option' or 'future'.
#}
{% macro joins_to_session_before(instrument_type) -%}
left join {{ ref('int_sessions__on_file') }} as on_file
        on official.underlying = on_file.underlying
        and official.session_date = on_file.session_date
        and on_file.instrument_type = '{{ instrument_type }}'
    -- the exchange lists every contract each day, untraded ones too: one without a row had no open interest
    left join {{ ref('int_fo_bhavcopy__deduped') }} as previous
        on official.contract_id = previous.contract_id
        and on_file.previous_opens_at = previous.bar_start
    -- stored before the hours of its session were known: from midnight in India
    left join {{ ref('int_fo_bhavcopy__deduped') }} as previous_of_midnight
        on previous.contract_id is null
        and official.contract_id = previous_of_midnight.contract_id
        and {{ midnight_of('on_file.previous_session_date') }} = previous_of_midnight.bar_start
{%- endmacro %}
