"""What a run's journal shows: trees of spans, in two shapes, and what each span brought."""
