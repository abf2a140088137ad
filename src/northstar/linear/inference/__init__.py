"""What is known after a fit: errors, tests and intervals, influence, findings in words, pictures.

Start reading at ``summaries``. ``fitted`` says what is needed of a model, ``design`` holds it
against rows again, ``distributions`` are the t and F behind every p value.
"""
