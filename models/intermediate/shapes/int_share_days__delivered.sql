{{ delivered('share_days') }}
