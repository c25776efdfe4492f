{{ identified_prints('quotes', ['bid', 'bid_size', 'ask', 'ask_size']) }}
