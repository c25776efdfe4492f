{#
  The rows of a raw table of anybody's files, read as was found out when each file was loaded (`audit.loads.options`): what they are of, at
  which moment, and their numbers. What a kind of row makes of the moment and the numbers is its staging view's.

  Gives load_id, line; dialect, exchange, vendor_symbol, vendor_expiry, instrument_type, underlying, expiry, strike, option_type as the shapes
  have them; moment (timestamptz), time_text, session_zone and evening (how much of a day before midnight belongs to the next session);
  bar_interval, label, after_label, adjusted_for, is_percent, states_range of the
  file; id_reason, why the row cannot be told apart, and time_reason, why it has no moment; each of `numbers` as a number and as `<name>_text`,
  and the columns `texts` as they are.

  table:    the raw table in the source raw_any.
  numbers:  its columns with numbers that are read.
  texts:    further columns to carry along.
#}
{% macro anybodys_rows(table, numbers, texts=[]) %}
{%- set reading = "options #>> '{{reading,{}}}'" %}
{#- The symbols of the Options Clearing Corporation: root, YYMMDD, C or P, strike times 1,000 in eight figures. -#}
{%- set option_symbol = '^([A-Z0-9.]{1,6}) *(\\d{2})(\\d{2})(\\d{2})([CP])(\\d{8})$' %}
{%- set has_parts = table == 'any_bars' %}
raw_rows as (

    select * from {{ source('raw_any', table) }}

),

-- How each file is read, as was found out when it was loaded.
readings as (

    select
        load_id,
        {{ reading.format('time,pattern') }} as time_pattern,
        {{ reading.format('time,iso') }} as time_iso,
        {{ reading.format('time,unit') }} as time_unit,
        {{ reading.format('expiry,pattern') }} as expiry_pattern,
        {{ reading.format('expiry,iso') }} as expiry_iso,
        {{ reading.format('zone') }} as zone,
        {{ reading.format('session_zone') }} as session_zone,
        {{ reading.format('exchange') }} as exchange,
        {{ reading.format('symbol') }} as symbol,
        {{ reading.format('instrument_type') }} as instrument_type,
        ({{ reading.format('interval') }})::interval as bar_interval,
        coalesce({{ reading.format('label') }}, 'start') as label,
        ({{ reading.format('after_label') }})::interval as after_label,
        ({{ reading.format('decimal') }}) = ',' as has_decimal_comma,
        ({{ reading.format('percent') }})::boolean as is_percent,
        ({{ reading.format('symbol_is_underlying') }})::boolean as symbol_is_underlying,
        {{ reading.format('adjusted_for') }} as adjusted_for,
        options #> '{reading,columns}' @? '$.* ? (@ == "high")' as states_range
    from {{ source('audit', 'loads') }}
    where raw_table = 'raw.{{ table }}'

),

underlying_names as (

    select
        vendor_name,
        underlying,
        exchange,
        instrument_type
    from {{ ref('underlying_names') }}
    union
    select
        underlying as vendor_name,
        underlying,
        exchange,
        'index' as instrument_type
    from {{ ref('listed_underlyings') }}

),

exchanges as (

    select * from {{ ref('exchanges') }}

),

-- Where sessions open on the evening before, such as those of futures in Chicago, so much of an evening belongs to the next day.
evening_opens as (

    select
        sessions.exchange,
        interval '24 hours' - min((sessions.opens_at at time zone exchanges.time_zone)::time - time '00:00') as evening
    from {{ source('enrichment', 'exchange_sessions') }} as sessions
    inner join exchanges on sessions.exchange = exchanges.exchange
    where (sessions.opens_at at time zone exchanges.time_zone)::date < sessions.session_date
    group by sessions.exchange

),

-- Names that an exchange gives its contracts itself: their grammar reads them.
exchange_names as (

    select * from {{ ref('exchange_dialects') }}
    where names_contracts

),

rows_as_read as (

    select
        raw_rows._load_id as load_id,
        raw_rows._line as line,

        case
            when kinds.is_read_by_grammar then exchange_names.dialect
            -- what somebody says a symbol names makes it another name
            else concat_ws(' ', 'any', readings.exchange, readings.instrument_type)
        end as dialect,
        readings.exchange,
        {{ key_text('parts.vendor_symbol') }} as vendor_symbol,
        coalesce(to_char(parts.expiry, 'YYYY-MM-DD'), '') as vendor_expiry,
        case when not kinds.is_read_by_grammar then kinds.instrument_type end as instrument_type,
        case when not kinds.is_read_by_grammar then {{ key_text('parts.underlying') }} end as underlying,
        case when not kinds.is_read_by_grammar then parts.expiry end as expiry,
        case when not kinds.is_read_by_grammar then parts.strike end as strike,
        case when not kinds.is_read_by_grammar then parts.option_type end as option_type,
        case
            {{ keys_too_long({'cells.symbol': 'symbol', 'cells.underlying': 'underlying'}) -}}
        end as id_reason,

        times.moment,
        cells.time_text,
        readings.session_zone,
        coalesce(evening_opens.evening, interval '0') as evening,
        case
            when times.moment is null then 'impossible date or time: ' || left(cells.time_text, 40)
            when times.is_repeated then 'hour that a change of the clock repeats'
            when times.is_skipped then 'hour that a change of the clock skips'
        end as time_reason,

        readings.bar_interval,
        readings.label,
        readings.after_label,
        readings.adjusted_for,
        readings.is_percent,
        readings.states_range,

        {% for name in numbers -%}
            cells.{{ name }},
            cells.{{ name }}_text{{ ',' if not loop.last or texts }}
        {% endfor %}
        {%- for name in texts %}
            raw_rows.{{ name }}{{ ',' if not loop.last }}
        {%- endfor %}

    from raw_rows
    inner join readings on raw_rows._load_id = readings.load_id
    left join exchange_names on readings.exchange = exchange_names.exchange
    left join exchanges on readings.exchange = exchanges.exchange
    left join evening_opens on readings.exchange = evening_opens.exchange
    -- one evaluation per row: the planner would otherwise repeat every cast wherever its column is used
    cross join lateral (
        select
            written.*,
            {% for name in numbers -%}
                {{ vendor_number('written.' ~ name ~ '_text') }} as {{ name }}{{ ',' if not loop.last }}
            {% endfor %}
        from (
            select
                btrim(coalesce(raw_rows.symbol, readings.symbol)) as symbol,
                {{ 'btrim(raw_rows.underlying)' if has_parts else 'null::text' }} as underlying,
                {{ 'left(upper(btrim(raw_rows.option_type)), 4)' if has_parts else 'null::text' }} as option_type,
                {{ "coalesce(btrim(raw_rows.expiry), '')" if has_parts else "''" }} as expiry_text,
                {{ vendor_number('raw_rows.strike') if has_parts else 'null::numeric' }} as stated_strike,
                concat_ws(' ', btrim(raw_rows.time), btrim(raw_rows.clock)) as time_text,
                {% for name in numbers -%}
                    case
                        when readings.has_decimal_comma then translate(btrim(coalesce(raw_rows.{{ name }}, '')), ',.', '.')
                        else btrim(coalesce(raw_rows.{{ name }}, ''))
                    end as {{ name }}_text{{ ',' if not loop.last }}
                {% endfor %}
        ) as written
        offset 0
    ) as cells
    cross join lateral (
        {{ moment_as_read('cells.time_text', 'readings') | indent(8) }}
        offset 0
    ) as times
    left join underlying_names as names_of_symbol
        on readings.exchange = names_of_symbol.exchange and upper(cells.symbol) = upper(names_of_symbol.vendor_name)
    left join underlying_names as names_of_underlying
        on readings.exchange = names_of_underlying.exchange
        and upper(coalesce(cells.underlying, case when readings.symbol_is_underlying then cells.symbol end))
        = upper(names_of_underlying.vendor_name)
    cross join lateral (
        select
            found.*,
            found.instrument_type is null as is_read_by_grammar
        from (
            select
                regexp_match(cells.symbol, '{{ option_symbol }}') as option_symbol,
                case
                    -- without its expiry it is no option that can be told, and nothing else either
                    when cells.stated_strike > 0 or cells.option_type in ('CE', 'PE', 'C', 'P', 'CALL', 'PUT') then 'option'
                    when cells.symbol ~ '{{ option_symbol }}' then 'option'
                    when readings.instrument_type = 'future' and cells.expiry_text <> '' then 'future'
                    when exchange_names.dialect is not null and cells.symbol ~ '\d[^ ]*(?:CE|PE|FUT)$' then null
                    when readings.instrument_type is not null then readings.instrument_type
                    when names_of_symbol.underlying is not null then names_of_symbol.instrument_type
                    -- a place where nothing but contracts trade has no shares
                    when readings.exchange = '' or exchanges.segments !~ 'cash' then 'unknown'
                    else 'equity'
                end as instrument_type
        ) as found
    ) as kinds
    cross join lateral (
        select
            stated.*,
            case
                when kinds.instrument_type in ('option', 'future')
                    then concat_ws(' ', stated.underlying, trim_scale(stated.strike), stated.option_type)
                else cells.symbol
            end as vendor_symbol
        from (
            select
                case
                    when kinds.option_symbol is not null then kinds.option_symbol[1]
                    when kinds.instrument_type in ('option', 'future')
                        then coalesce(
                            names_of_underlying.underlying,
                            upper(cells.underlying),
                            case
                                when readings.symbol_is_underlying or kinds.instrument_type = 'future' then upper(cells.symbol)
                            end
                        )
                    when kinds.instrument_type = 'index' then coalesce(names_of_symbol.underlying, cells.symbol)
                    else cells.symbol
                end as underlying,
                case
                    when kinds.option_symbol is not null
                        then {{ date_of_parts('kinds.option_symbol[2]', 'kinds.option_symbol[3]', 'kinds.option_symbol[4]') }}
                    else {{ day_as_read('cells.expiry_text', 'readings.expiry_pattern', 'readings.expiry_iso') }}
                end as expiry,
                case
                    when kinds.option_symbol is not null then kinds.option_symbol[6]::numeric / 1000
                    when kinds.instrument_type = 'option' then cells.stated_strike
                end as strike,
                case
                    when kinds.option_symbol is not null then kinds.option_symbol[5] || 'E'
                    when kinds.instrument_type = 'option' and left(cells.option_type, 1) in ('C', 'P')
                        then left(cells.option_type, 1) || 'E'
                end as option_type
        ) as stated
    ) as parts

)
{%- endmacro %}


{#
  The moment of a text as its file was found to be read. One row: moment (NULL where the text has another form), is_repeated (the clock showed
  this time twice that night) and is_skipped (it never did).

  text:     the text column, date and clock together.
  readings: the relation with time_pattern, time_iso (a regular expression and what makes YYYY-MM-DD HH:MM:SS of it), or time_unit
            (s, ms, us or ns since 1970), and zone, NULL where the text names its zone itself.
#}
{% macro moment_as_read(text, readings) -%}
{%- set of_zone = 'local.written::timestamp at time zone ' ~ readings ~ '.zone' -%}
{%- set is_of_clock = readings ~ '.zone is not null and ' ~ readings ~ '.time_unit is null' -%}
{%- set back = ') at time zone ' ~ readings ~ '.zone' -%}
select
    case
        when {{ readings }}.time_unit is not null then local.counted
        when {{ readings }}.zone is null then local.written::timestamptz
        else {{ of_zone }}
    end as moment,
    {{ is_of_clock }} and (
        (({{ of_zone }}) - interval '1 hour'{{ back }} = local.written::timestamp
        or (({{ of_zone }}) + interval '1 hour'{{ back }} = local.written::timestamp
    ) as is_repeated,
    {{ is_of_clock }} and ({{ of_zone }}{{ back }} <> local.written::timestamp as is_skipped
from (
    select
        case
            when {{ readings }}.time_unit is not null and {{ text }} ~ '^\s*\d{9,19}(?:\.\d+)?\s*$'
                then to_timestamp(
                    trunc(
                        {{ text }}::numeric
                        / case {{ readings }}.time_unit when 's' then 1 when 'ms' then 1e3 when 'us' then 1e6 else 1e9 end, 6
                    )::double precision
                )
        end as counted,
        {{ written_as_read(text, readings ~ '.time_pattern', readings ~ '.time_iso') }} as written
    from (select 1) as once
    offset 0
) as local
{%- endmacro %}


{# The day of a text as its file was found to be read; see moment_as_read. #}
{% macro day_as_read(text, pattern, iso) -%}
{{ written_as_read(text, pattern, iso) }}::timestamp::date
{%- endmacro %}


{# A text in the form YYYY-MM-DD HH:MM:SS; NULL where it has another form than its file's, or is no time. #}
{% macro written_as_read(text, pattern, iso) -%}
(case
    when
        {{ text }} ~ {{ pattern }}
        and pg_input_is_valid(rtrim(regexp_replace({{ text }}, {{ pattern }}, {{ iso }}), ' :'), 'timestamptz')
        -- beyond microseconds the last figures are cut: rounded, a bar's end would lie after it
        then regexp_replace(
            rtrim(regexp_replace({{ text }}, {{ pattern }}, {{ iso }}), ' :'), '([.,]\d{6})\d+', '\1'
        )
end)
{%- endmacro %}


{# The day of a year of two figures, a month and a day; NULL where there is none such. #}
{% macro date_of_parts(year, month, day) -%}
case
    when pg_input_is_valid('20' || {{ year }} || '-' || {{ month }} || '-' || {{ day }}, 'date')
        then ('20' || {{ year }} || '-' || {{ month }} || '-' || {{ day }})::date
end
{%- endmacro %}
