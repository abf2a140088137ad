"""Where bytes are kept for long: a local folder, or any store that fsspec reaches."""
