with

set_aside as (

    select * from {{ ref('int_quotes__set_aside') }}
    where outcome = 'superseded'

),

loads as (

    select * from {{ source('audit', 'loads') }}

),

row_texts as (

    select * from {{ ref('int_rows__superseded') }}

),

superseded_rows as (

    select
        -- provenance
        set_aside.load_id,
        {{ line_of_file('set_aside') }} as line,
        loads.source,
        loads.uri,

        -- the row
        set_aside.vendor_symbol as symbol,
        set_aside.instrument_type,
        set_aside.underlying,
        set_aside.contract_id,
        set_aside.session_date,
        set_aside.bar_start,
        row_texts.row_text,

        -- the outcome
        set_aside.reason,
        set_aside.winner_load_id,
        {{ line_of_file('set_aside', line='winner_line', loads='winner_loads') }} as winner_line,
        winner_loads.uri as winner_uri
    from set_aside
    inner join loads on set_aside.load_id = loads.load_id
    left join row_texts on set_aside.load_id = row_texts.load_id and set_aside.line = row_texts.line
    left join loads as winner_loads on set_aside.winner_load_id = winner_loads.load_id

)

select * from superseded_rows
