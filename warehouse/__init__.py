"""What loaders, Greeks and exporters stand on: settings, the database, the embedded server, dbt."""
