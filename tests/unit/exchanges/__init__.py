"""What a venue family makes of records and errors."""
