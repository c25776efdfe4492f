{#
  Joins that put beside each row of `official` the open interest from which its change is counted, before.open_interest: that of the
  contract's row in the session on file before. It is computed by contract, because the exchange writes the whole interest of a re-dated
  contract as new. It is NULL where it is not known:
    the contract has no row there, though it may have had interest: that session is not whole, the contract is on file before it, the
      exchange does not say that the interest is new, or series of that session are gone before their expiry (in the layout without
      symbols a re-dated contract is another contract);
    the two do not compare: the exchange states another interest before, because it adjusted the contract in between. Where sessions are
    missing, the exchange speaks of another day; but if the lot has changed too, the two compare only if the exchange agrees.

  instrument_type: 'option' or 'future'.
#}
{% macro joins_to_session_before(instrument_type) -%}
left join {{ ref('int_sessions__on_file') }} as on_file
        on official.exchange = on_file.exchange
        and official.underlying = on_file.underlying
        and official.session_date = on_file.session_date
        and on_file.instrument_type = '{{ instrument_type }}'
    -- a limit keeps each a search by key: joined as tables, they would be read whole for a single session
    left join lateral (
        {{ row_that_begins_at('on_file.previous_opens_at') }}
    ) as previous_of_hours on true
    -- a row that was stored before the hours of its session were known begins at midnight at the exchange
    left join lateral (
        {{ row_that_begins_at('on_file.previous_midnight', unless_found='previous_of_hours') }}
    ) as previous_of_midnight on true
    cross join lateral (
        select
            coalesce(previous_of_hours.contract_id, previous_of_midnight.contract_id) as contract_id,
            coalesce(previous_of_hours.open_interest, previous_of_midnight.open_interest) as open_interest,
            coalesce(previous_of_hours.lot_size, previous_of_midnight.lot_size) as lot_size,
            official.open_interest - official.stated_change_in_open_interest as stated_open_interest
    ) as previous
    cross join lateral (
        select
            case
                when previous.contract_id is not null
                    then case
                        when
                            previous.stated_open_interest not in (0, previous.open_interest)
                            and (on_file.previous_is_adjacent or official.lot_size <> previous.lot_size)
                            then null
                        else previous.open_interest
                    end
                when
                    on_file.previous_is_whole
                    and not on_file.renames_contracts
                    and previous.stated_open_interest = 0
                    and not exists (
                        select 1 from {{ ref('int_fo_bhavcopy__deduped') }} as earlier
                        where
                            official.contract_id = earlier.contract_id
                            -- compressed rows are found by this column
                            and official.underlying = earlier.underlying
                            and on_file.previous_opens_at > earlier.bar_start
                    )
                    then 0
            end as open_interest
    ) as before
{%- endmacro %}


{#
  The search for the row of a contract that begins at a moment, beside a row of `official`.

  moment:       an expression.
  unless_found: an earlier search, whose row makes this one needless.
#}
{% macro row_that_begins_at(moment, unless_found=none) -%}
select stored.contract_id, stored.open_interest, stored.lot_size
        from {{ ref('int_fo_bhavcopy__deduped') }} as stored
        where
            {% if unless_found %}{{ unless_found }}.contract_id is null
            and {% endif %}official.contract_id = stored.contract_id
            -- compressed rows are found by this column
            and official.underlying = stored.underlying
            and {{ moment }} = stored.bar_start
            and stored.is_preferred
        limit 1
{%- endmacro %}


{# The two columns of marts that a select gets from joins_to_session_before: the change, and the session from which it is counted. #}
{% macro change_in_open_interest() -%}
official.open_interest - before.open_interest as change_in_open_interest,
        case
            when before.open_interest is not null then on_file.previous_session_date
        end as open_interest_compared_with
{%- endmacro %}
