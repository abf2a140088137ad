"""What outgrows one machine, by Ray; needs the extra ``ray``."""
