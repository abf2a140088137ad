"""Project templates: a squad's start on the paved road."""
