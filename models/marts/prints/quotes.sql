{{ prints_by_symbol('quotes', ['bid', 'bid_size', 'ask', 'ask_size']) }}
