{#
  Read symbols by the grammars of their dialect (facts.symbol_grammars), and of no other: the same text is another contract in
  another dialect. One row per symbol that a grammar of its dialect fits, read by the fitting grammar of the smallest precedence.

  A pattern may hold these placeholders, none of which is a group by itself:
    {listed}      an index of facts.listed_underlyings, the longest that lets the rest fit: used where figures follow the name
    {underlying}  any name of the exchange, stocks included: used where the text after it leaves one reading
    {month}       JAN to DEC
    {strike}      a number, decimals included
    {feed}        the suffix of GlobalDataFeeds' NSE segments, or none

  symbols: a relation with dialect and vendor_symbol, one row per pair.
#}
{% macro symbol_readings(symbols) %}
with

listed_names as (

    select '(?:' || string_agg(underlying, '|' order by length(underlying) desc, underlying asc) || ')' as pattern
    from {{ ref('listed_underlyings') }}

),

grammars as materialized (

    select
        spelled.*,
        replace(replace(replace(replace(replace(
            spelled.pattern,
            '{listed}', listed_names.pattern),
            '{underlying}', '[A-Z0-9&-]+'),
            '{month}', '(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)'),
            '{strike}', '\d+(?:\.\d+)?'),
            '{feed}', '(?:\.(?:NFO|NSE_IDX|NC\.NSE|NSE))?'
        ) as regex
    from {{ ref('symbol_grammars') }} as spelled
    cross join listed_names

),

-- materialized, or each match would be made once to filter and once more to read
matches as materialized (

    select
        symbols.dialect,
        symbols.vendor_symbol,
        grammars.precedence,
        regexp_match(upper(btrim(symbols.vendor_symbol)), grammars.regex) as parts
    from {{ symbols }} as symbols
    inner join grammars on symbols.dialect = grammars.dialect

),

texts as (

    select
        matches.dialect,
        matches.vendor_symbol,
        grammars.precedence,
        grammars.instrument_type,
        grammars.month_means,
        grammars.refused_because,
        grammars.month_group is not null as names_month,
        grammars.day_group is not null as names_day,
        matches.parts[grammars.underlying_group] as underlying,
        matches.parts[grammars.day_group] as day_text,
        matches.parts[grammars.month_group] as month_text,
        matches.parts[grammars.year_group] as year_text,
        matches.parts[grammars.strike_group]::numeric as strike,
        matches.parts[grammars.option_type_group] as option_type
    from matches
    inner join grammars
        on matches.dialect = grammars.dialect and matches.precedence = grammars.precedence
    where matches.parts is not null

),

-- The first day of the month stands for the month where a symbol names no day.
dated as (

    select
        texts.*,
        case
            when pg_input_is_valid(written.day_of_expiry, 'date') then written.day_of_expiry::date
        end as named_date
    from texts
    cross join lateral (
        select
            lpad(texts.year_text, 4, '20') || '-' || case length(texts.month_text)
                when 1 then strpos('123456789OND', texts.month_text)
                when 2 then texts.month_text::integer
                else array_position(
                    array['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
                    texts.month_text
                )
            end || '-' || coalesce(texts.day_text, '1') as day_of_expiry
    ) as written

),

-- Indices have names instead of a grammar: a text that is none of these names is not an index.
named as (

    select
        dated.*,
        indices.underlying as index_underlying
    from dated
    left join {{ ref('underlying_names') }} as indices
        on dated.instrument_type = indices.instrument_type and dated.underlying = indices.vendor_name
    where dated.instrument_type is distinct from 'index' or indices.underlying is not null

)

select distinct on (dialect, vendor_symbol)
    dialect,
    vendor_symbol,
    precedence,
    instrument_type,
    coalesce(index_underlying, underlying) as underlying,
    case when names_day then named_date end as expiry,
    date_trunc('month', named_date)::date as contract_month,
    month_means,
    names_month,
    names_month and named_date is null as is_impossible_date,
    strike,
    option_type,
    refused_because
from named
order by dialect, vendor_symbol, precedence
{% endmacro %}
