"""What every command of the command line does, in the groups of cli.py.

Each command imports what it needs, so that `--help` loads neither torch nor pandas.
"""
