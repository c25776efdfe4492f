"""A Python that has dbt and tickmart imported already, for the many commands that the tests start."""
