"""The audit: a chain of entries that shows when it was touched, and where it is sent."""
