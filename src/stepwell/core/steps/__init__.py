"""One module per thing an SDK can report about a step, all of the same shape.

`report(draft, opcode)` decides what the report means for the run. It returns None, or the error
that ends the run at once.
"""
