"""What is known of providers: one data file each, and the readers that make them into values."""
