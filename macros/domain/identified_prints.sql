{#
  Prints (trades or quotes) with the instrument that they are of, held against the calendar. One row per landed row.

  A print has `print_key`, a text that two rows share if they are the same print: what it says (`statement`), and which of equal prints of its
  load it is (`place`), because equal prints in one file can be genuine. Where the source numbers its prints the number decides.

  shape:   'trades' or 'quotes'.
  columns: what a print of this shape says.
  number:  the column with the source's own number of the print, where it has one.
#}
{% macro identified_prints(shape, columns, number=none) %}
with

prints as (

    select * from {{ ref('int_' ~ shape ~ '__delivered') }}

),

symbols as (

    select * from {{ ref('int_symbols__identified') }}

),

sessions as (

    select * from {{ ref('int_sessions__dated') }}

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

instruments as (

    {{ numbers_of_instruments() | indent(4) }}

),

stated as (

    select
        prints.*,
        {{ statement_of_print(columns) | indent(8) }} as statement,
        {% if number -%}
            prints.{{ number }} as source_number
        {%- else -%}
            null::text as source_number
        {%- endif %}
    from prints

),

keyed as (

    select
        stated.*,
        case
            when source_number is null
                then row_number() over (
                    partition by load_id, dialect, vendor_symbol, vendor_expiry, timestamp, statement, source_number
                    order by line
                )
        end as place
    from stated

),

identified as (

    select
        -- ids
        keyed.vendor_symbol,
        symbols.contract_id,
        coalesce(symbols.contract_id, instruments.instrument_id) as instrument_id,
        symbols.exchange,
        symbols.instrument_type,
        symbols.underlying,
        symbols.expiry,
        keyed.statement,
        keyed.place,
        coalesce(keyed.source_number, keyed.statement || '|' || keyed.place) as print_key,

        -- times
        keyed.session_date,
        keyed.timestamp,
        coalesce(keyed.timestamp >= sessions.opens_at and keyed.timestamp < sessions.closes_at, true) as is_regular,

        -- what it says
        {% for column in columns -%}
            keyed.{{ column }},
        {% endfor %}
        -- judgement
        coalesce(
            keyed.quarantine_reason,
            case
                when symbols.vendor_symbol is null then 'symbol is missing'
                when symbols.unknown_reason is not null then symbols.unknown_reason
                when sessions.session_date is null and symbols.exchange <> '' then 'no session on this date'
                when keyed.session_date > symbols.expiry then 'after the expiry of the contract'
            end
        ) as quarantine_reason,

        -- provenance
        keyed.load_id,
        keyed.line

    from keyed
    left join symbols
        on keyed.dialect = symbols.dialect
        and keyed.vendor_symbol = symbols.vendor_symbol
        and case when keyed.vendor_expiry = symbols.vendor_expiry then true else false end -- noqa: ST02
    left join instruments
        on symbols.exchange = instruments.exchange
        and symbols.instrument_type = instruments.instrument_type
        and symbols.underlying = instruments.symbol
        and symbols.contract_id is null
    left join exchanges on symbols.exchange = exchanges.exchange
    left join sessions
        on symbols.exchange = sessions.exchange
        and keyed.session_date = sessions.session_date
        and {{ segment_of('symbols.instrument_type') }} = sessions.segment

)

select * from identified
{% endmacro %}


{# What a print says as one text. #}
{% macro statement_of_print(columns) -%}
concat_ws(
    '|',
    {% for column in columns -%}
        coalesce({{ 'trim_scale(prints.' ~ column ~ ')' if column in ['price', 'size', 'bid', 'bid_size', 'ask', 'ask_size'] else 'prints.' ~ column }}::text, '')
        {{- ',' if not loop.last }}
    {% endfor -%}
)
{%- endmacro %}
