{{ delivered('bars') }}
