"""What trains: folders copied into a job and run by any interpreter."""
