"""Programs that run in processes of their own, because they run the squad's code or its model.

Each takes the path of a JSON order as its one argument and writes its answer to a file.
"""
