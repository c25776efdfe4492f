{{ texts_of_set_aside_rows('superseded') }}
