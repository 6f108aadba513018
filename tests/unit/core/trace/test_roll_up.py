"""What the dashboard makes of the current tree. Source: GraphQL, 9.6."""

from collections import defaultdict

import msgspec

from stepwell.core.trace.span import TraceSpan
from tests.unit.core.core_world import opcode
from tests.unit.core.trace.trace_world import ERROR, begun, current


def rows(root: TraceSpan) -> list[tuple[str, int]]:
    """Its rows: the name, and how many attempts there are."""
    steps: dict[tuple[str, int | None], TraceSpan] = {}
    groups: defaultdict[str | None, list[TraceSpan]] = defaultdict(list)
    for node in root.children:
        if node.step is not None:
            steps[node.step, node.attempt] = node
        elif node.output_id is not None:
            groups[node.group_id].append(node)
    attempts: defaultdict[str, list[TraceSpan]] = defaultdict(list)
    for (step, _), node in steps.items():
        attempts[step].append(node)
        attempts[step] += groups.pop(node.group_id, [])
    shown = [(nodes[0].queued_ms, nodes[0].name, len(nodes)) for nodes in attempts.values()]
    if groups:
        final = list(groups.values())[-1]
        name = "Function error" if final[-1].status == "FAILED" else "Finalization"
        shown.append((final[0].queued_ms, name, len(final)))
    return [(name, count) for _, name, count in sorted(shown)]


def test_a_run_is_a_row_per_step_and_one_for_its_end() -> None:
    world, run = begun(retries=2)
    world.reply(run, 500, b"{}")
    world.answer(run, opcode("StepError", "a", error=ERROR))
    world.answer(run, opcode("StepRun", "a", data=1))
    world.answer(run, opcode("Sleep", "nap", opts={"duration": "2s"}))
    world.fire(run)
    world.answer(run, opcode("StepPlanned", "b"), opcode("StepPlanned", "c"))
    for name in "bc":
        world.answer_step(run, name, opcode("StepRun", name, data=1))
    world.reply(run, 500, msgspec.json.encode(ERROR))
    assert rows(current(world, run))[-1] == ("Function error", 1)
    world.reply(run, 200, b"1")

    assert rows(current(world, run)) == [
        ("a", 3),
        ("nap", 1),
        ("b", 1),
        ("c", 1),
        ("Finalization", 2),
    ]


def test_a_run_that_checkpoints_has_the_same_rows() -> None:
    world, run = begun()
    for name in "ab":
        world.checkpoint(run, opcode("StepRun", name, data=1))
    world.reply(run, 200, b"1")
    assert [name for name, _ in rows(current(world, run))][:2] == ["a", "b"]
