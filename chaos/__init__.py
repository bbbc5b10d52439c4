"""What is done to Pagemill on purpose, to see that nothing is lost and nothing doubled. See `scripts/chaos --help`."""
