"""Each file is a rule. Its docstring says what it looks at and when it warns; `look` asks it about a log.

RANK is its place among the others, ALWAYS whether it is asked about runs of few rounds too.
"""
