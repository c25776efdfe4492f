{{ config(
    materialized='by_load',
    indexes=[{'columns': ['load_id']}],
    meta={'built_from': 'slices', 'sources': [
        'nse-minute', 'nse-bhavcopy', 'nse-cash', 'nse-index', 'nse-option-chain', 'kite-instruments',
    ], 'keeps': 'current loads'},
) }}

-- depends_on: {{ ref('int_loads__slices') }}

{#-
  The kinds of files whose rows compete, by source: the rows as identified, where the winners stand, and what a winner and its
  losers have in common: a contract or, where there is none, a name. `values`: what may differ; an index has no volume.
  `time`: the moment that they share, the start of a bar unless said otherwise.
-#}
{%- set bar_values = ['open', 'high', 'low', 'close', 'volume', 'open_interest'] -%}
{%- set snapshot_values = [
    'bid', 'bid_size', 'ask', 'ask_size', 'last_price', 'lots_traded', 'open_interest_lots', 'change_in_open_interest_lots',
    'total_buy_quantity', 'total_sell_quantity', 'underlying_price', 'vendor_implied_volatility',
] -%}
{%- set kinds = {
    'nse-minute': {
        'rows': ref('int_minute_bars__identified'),
        'contract_id': 'contract_id',
        'bar_of': "case when instrument_type = 'index' then underlying end",
        'underlying': 'underlying',
        'values': [
            'open', 'high', 'low', 'close',
            "case when instrument_type <> 'index' then volume end",
            "case when instrument_type <> 'index' then open_interest end",
        ],
        'winners': [
            {'in': ref('int_options__quotes_deduped'), 'contract_id': 'contract_id', 'bar_of': 'null::text', 'values': bar_values},
            {'in': ref('int_futures__quotes_deduped'), 'contract_id': 'contract_id', 'bar_of': 'null::text', 'values': bar_values},
            {
                'in': ref('int_spot__prices_deduped'), 'contract_id': 'null::bigint', 'bar_of': 'underlying',
                'values': ['open', 'high', 'low', 'close', 'null', 'null'],
            },
        ],
    },
    'nse-bhavcopy': {
        'rows': ref('int_fo_bhavcopy__identified'),
        'contract_id': 'contract_id',
        'bar_of': 'null::text',
        'underlying': 'underlying',
        'values': bar_values + ['settlement_price'],
        'winners': [
            {
                'in': ref('int_fo_bhavcopy__deduped'), 'contract_id': 'contract_id', 'bar_of': 'null::text',
                'values': bar_values + ['settlement_price'],
            },
        ],
    },
    'nse-cash': {
        'rows': ref('int_cash_bhavcopy__identified'),
        'contract_id': 'null::bigint',
        'bar_of': 'vendor_symbol',
        'underlying': 'exchange',
        'values': ['open', 'high', 'low', 'close', 'volume'],
        'winners': [
            {
                'in': ref('int_equities__official_deduped'), 'contract_id': 'null::bigint', 'bar_of': "symbol || ' ' || series",
                'values': ['open', 'high', 'low', 'close', 'volume'],
            },
        ],
    },
    'nse-index': {
        'rows': ref('int_index_closes__identified'),
        'contract_id': 'null::bigint',
        'bar_of': 'underlying',
        'underlying': 'underlying',
        'values': ['open', 'high', 'low', 'close'],
        'winners': [
            {
                'in': ref('int_spot__closes_deduped'), 'contract_id': 'null::bigint', 'bar_of': 'underlying',
                'values': ['open', 'high', 'low', 'close'],
            },
        ],
    },
    'nse-option-chain': {
        'rows': ref('int_option_chain__identified'),
        'contract_id': 'contract_id',
        'bar_of': 'null::text',
        'underlying': 'underlying',
        'time': 'timestamp',
        'values': snapshot_values,
        'winners': [
            {
                'in': ref('int_options__snapshots_deduped'), 'contract_id': 'contract_id', 'bar_of': 'null::text',
                'values': snapshot_values,
            },
        ],
    },
} %}

{%- set duplicates = reasons_of_duplicates() %}

with

loads as (

    select * from {{ source('audit', 'loads') }}
    where load_id = any({{ loads_to_build() }})

),

reach as (

    select
        (min(slices.session_date) - 1)::timestamptz as from_time,
        (max(slices.session_date) + 2)::timestamptz as to_time
    from {{ ref('int_loads__slices') }} as slices
    where slices.load_id = any({{ loads_to_build() }})

),

-- A list of instruments is no bar that could win or lose: a row that can be read counts.
instruments as not materialized (

    select * from {{ ref('stg_kite__instruments') }}
    where load_id = any({{ loads_to_build() }})

),

wins as (

    select
        load_id,
        count(*) as rows
    from (
        {% for kind in kinds.values() -%}
            {%- set time = kind.get('time', 'bar_start') -%}
            {%- for winners in kind['winners'] -%}
                select load_id
                from {{ winners['in'] }}
                where {{ time }} >= (select from_time from reach) and {{ time }} < (select to_time from reach)
                union all
            {% endfor -%}
        {%- endfor -%}
        select load_id from instruments
        where quarantine_reason is null
    ) as won
    where load_id = any({{ loads_to_build() }})
    group by load_id

),

-- Only a load with fewer winners than rows has rows to explain: a clean file costs nothing here.
incomplete_loads as (

    select
        loads.load_id,
        loads.source,
        ranks.rank as source_rank
    from loads
    left join wins on loads.load_id = wins.load_id
    left join {{ ref('source_ranks') }} as ranks on loads.source = ranks.source and loads.dataset = ranks.dataset
    where loads.rows > coalesce(wins.rows, 0)

),
{% for source, kind in kinds.items() %}
    {%- set name = source | replace('-', '_') %}
    {%- set time = kind.get('time', 'bar_start') %}
    {{ name }}_winners as not materialized (

        {% for winners in kind['winners'] -%}
            select
                load_id,
                line,
                {{ winners['contract_id'] }} as contract_id,
                {{ winners['bar_of'] }} as bar_of,
                {{ time }} as bar_start,
                array[{{ winners['values'] | join(', ') }}]::numeric[] as stated
            from {{ winners['in'] }}
            where {{ time }} >= (select from_time from reach) and {{ time }} < (select to_time from reach)
            {{ 'union all' if not loop.last }}
        {% endfor %}

    ),

    {{ name }}_rows as (

        select
            load_id,
            line,
            vendor_symbol,
            {{ kind['contract_id'] }} as contract_id,
            {{ kind['bar_of'] }} as bar_of,
            instrument_type,
            {{ kind['underlying'] }} as underlying,
            session_date,
            {{ time }} as bar_start,
            quarantine_reason,
            array[{{ kind['values'] | join(', ') }}]::numeric[] as stated
        from {{ kind['rows'] }}
        where load_id = any(array(
            select incomplete_loads.load_id from incomplete_loads
            where incomplete_loads.source = '{{ source }}'
        ))

    ),
{% endfor %}
judged as (

    {% for source in kinds -%}
        {%- set name = source | replace('-', '_') %}
        select
            own.load_id,
            own.line,
            own.vendor_symbol,
            own.contract_id,
            own.instrument_type,
            own.underlying,
            own.session_date,
            own.bar_start,
            own.quarantine_reason,
            winners.load_id as winner_load_id,
            winners.line as winner_line,
            own.stated = winners.stated as same_values
        from {{ name }}_rows as own
        left join {{ name }}_winners as winners
            on own.quarantine_reason is null
            and own.bar_start = winners.bar_start
            and coalesce(own.contract_id, -1) = coalesce(winners.contract_id, -1)
            and coalesce(own.bar_of, '') = coalesce(winners.bar_of, '')
        union all
    {% endfor %}
    select
        load_id,
        line,
        vendor_symbol,
        null::bigint as contract_id,
        instrument_type,
        underlying,
        session_date,
        null::timestamptz as bar_start,
        quarantine_reason,
        null as winner_load_id,
        null as winner_line,
        null as same_values
    from instruments
    where quarantine_reason is not null

),

losers as (

    select
        judged.*,
        own_load.source_rank as own_rank,
        winner_rank.rank as winner_rank
    from judged
    inner join incomplete_loads as own_load on judged.load_id = own_load.load_id
    left join {{ source('audit', 'loads') }} as winner_load on judged.winner_load_id = winner_load.load_id
    left join {{ ref('source_ranks') }} as winner_rank
        on winner_load.source = winner_rank.source and winner_load.dataset = winner_rank.dataset
    where
        judged.quarantine_reason is not null
        or (judged.winner_load_id, judged.winner_line) is distinct from (judged.load_id, judged.line)

),

set_aside as (

    select
        load_id,
        line,
        case when quarantine_reason is not null then 'quarantined' else 'superseded' end as outcome,
        case
            when quarantine_reason is not null then quarantine_reason
            when same_values and winner_load_id = load_id then '{{ duplicates["same file"] }}'
            when same_values then '{{ duplicates["another file"] }}'
            when winner_rank < own_rank then 'conflict: a source of better rank has other values'
            when winner_load_id < load_id then 'conflict: a file of better rank has other values'
            when winner_load_id = load_id then 'conflict: a later line of the same file has other values'
            else 'conflict: a newer load has other values'
        end as reason,
        vendor_symbol,
        instrument_type,
        underlying,
        contract_id,
        session_date,
        bar_start,
        winner_load_id,
        winner_line
    from losers

)

select * from set_aside
