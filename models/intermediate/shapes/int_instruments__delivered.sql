{{ delivered('instruments') }}
