"""Several sequences in one decode step, on real models of each cache class."""

from __future__ import annotations

from generating import Run, assistant, begin, generate, prefilled, spoken, step, user
from mlx_lm.models.cache import make_prompt_cache

from anyclaude_mlx.loaded import Loaded
from anyclaude_mlx.mlx_engine import batch

questions = ["list files", "read a.txt", "why " * 30, "x", "write b", "run it", "stop", "go on"]


def together(loaded: Loaded, conversations: list[list[dict[str, object]]]) -> list[Run]:
    """Each joins when those before it have decoded for a while; each leaves when it is done."""
    runs, decoding = [], []
    for messages in conversations:
        run, sequence = begin(loaded, messages, 40)
        runs.append(run)
        decoding.append(prefilled(sequence))
        for _ in range(5):
            decoding = step(decoding)
    spoken(decoding)
    return runs


def test_eight_together_say_what_each_says_alone(pair: tuple[Loaded, Loaded]) -> None:
    warm, cold = pair
    assert warm.decodes_together
    talks = [[user(question)] for question in questions]
    first = together(warm, talks)
    assert [run.tokens for run in first] == [generate(cold, talk, 40).tokens for talk in talks]

    # What they left in the cache is as good as what a sequence alone leaves.
    later = [
        [*talk, assistant(warm.tokenizer.decode(run.tokens)), user("and then?")]
        for talk, run in zip(talks, first, strict=True)
    ]
    again = together(warm, later)
    assert [run.tokens for run in again] == [generate(cold, talk, 40).tokens for talk in later]
    assert all(run.accepted.cached_tokens > 0 for run in again)


def test_rows_that_change_places_are_noticed_and_forbid_batches(
    pair: tuple[Loaded, Loaded], monkeypatch: object
) -> None:
    model = pair[0].model._model  # type: ignore[attr-defined]

    def fresh() -> list[object]:
        return make_prompt_cache(model)

    assert batch.can_batch(model, fresh)
    right = batch.Side.update_and_fetch

    def swapped(side, keys, values):  # type: ignore[no-untyped-def]
        fetched_keys, fetched_values = right(side, keys, values)
        return fetched_keys[::-1], fetched_values[::-1]

    monkeypatch.setattr(batch.Side, "update_and_fetch", swapped)  # type: ignore[attr-defined]
    assert not batch.can_batch(model, fresh)
