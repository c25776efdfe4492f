{{ measured_prints('trades', price='price', size='size') }}
