{{ delivered('index_days') }}
