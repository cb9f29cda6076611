"""Prompts: incremental ids equal whole ones, and generated ids are put back where they were."""

from __future__ import annotations

from generating import assistant, system, tools, user

from anyclaude_mlx.loaded import Loaded
from anyclaude_mlx.prompt.known import ChatPrompt
from anyclaude_mlx.prompt.prompt import Plan

question = [system, user("Read a.txt")]


def ids_of(loaded: Loaded, messages: list[dict[str, object]]) -> list[int]:
    return list(loaded.prompter.plan(ChatPrompt(messages, tools)).tokens)


def test_pieces_give_the_ids_of_the_whole(pair: tuple[Loaded, Loaded]) -> None:
    loaded, _ = pair
    messages = [
        *question,
        assistant("häß ok\n"),
        user("  \n<|im_end|> 'x' "),
        assistant(""),
        user("b"),
    ]

    prompt = ChatPrompt(messages, tools)
    text = loaded.prompter.render(prompt, opening=True)

    assert ids_of(loaded, messages) == loaded.tokenizer.encode(text, add_special_tokens=False)


def test_generated_ids_are_reused_only_for_the_answer_that_was_sent(
    full: Loaded,
) -> None:
    prompt = ChatPrompt(question, tools)
    plan = full.prompter.plan(prompt)
    words = full.tokenizer.encode(" bade", add_special_tokens=False)
    end = next(iter(full.tokenizer.eos_token_ids))
    odd = [*full.tokenizer.encode("b", add_special_tokens=False), *words, end]
    full.prompter.remember(plan, prompt, odd, assistant("b bade"))

    same = ids_of(full, [*question, assistant("b bade"), user("go on")])
    changed = ids_of(full, [*question, assistant("b badebade"), user("go on")])

    assert same[: len(plan.tokens) + len(odd)] == [*plan.tokens, *odd]
    assert changed[len(plan.tokens) :][: len(odd)] != odd


def test_an_answer_cut_by_the_limit_gets_the_end_mark_of_the_template(
    full: Loaded,
) -> None:
    prompt = ChatPrompt(question, tools)
    plan = full.prompter.plan(prompt)
    words = full.tokenizer.encode(" bade", add_special_tokens=False)
    full.prompter.remember(plan, prompt, words, assistant(" bade"))

    after = ids_of(full, [*question, assistant(" bade"), user("go on")])[len(plan.tokens) :]

    assert after[: len(words)] == words
    assert after[len(words)] in full.tokenizer.eos_token_ids


def test_boundaries_are_where_another_request_would_leave(full: Loaded) -> None:
    messages = [*question, assistant("no"), user("Write b.txt")]
    plan = full.prompter.plan(ChatPrompt(messages, tools))
    other = ids_of(full, [system, user("Something else")])
    rewound = ids_of(full, [*question, assistant("no"), user("Something else")])

    def common(one: list[int]) -> int:
        pairs = zip(one, plan.tokens, strict=False)
        return next(i for i, (a, b) in enumerate(pairs) if a != b)

    # A boundary lies before the turn marker; what differs stands two tokens behind it.
    for place in (common(other), common(rewound)):
        assert any(place - 8 <= boundary <= place for boundary in plan.boundaries)


def test_instructions_are_the_tokens_that_every_conversation_has_in_common(full: Loaded) -> None:
    plans = [
        full.prompter.plan(ChatPrompt(messages, tools))
        for messages in (question, [*question, assistant("no"), user("Write b.txt")])
    ]
    bare = full.prompter.plan(ChatPrompt([user("Read a.txt")], None))
    longer = full.prompter.plan(ChatPrompt([system, user("x")], [*tools, *tools]))

    assert plans[0].instruction_tokens == plans[1].instruction_tokens
    rest = full.tokenizer.decode(list(plans[0].tokens[plans[0].instruction_tokens :]))
    assert rest.startswith("<|im_start|>user\nRead a.txt")
    assert bare.instruction_tokens == 0
    assert (longer.instruction_tokens or 0) > (plans[0].instruction_tokens or 0)


def test_a_boundary_lies_before_the_words_of_the_user(full: Loaded) -> None:
    def plan(words: str, own_chars: int) -> Plan:
        said = user(f"A reminder. é {words}")
        return full.prompter.plan(ChatPrompt([system, said], tools, own_chars=own_chars))

    one, other = plan("read b.txt", 10), plan("write it", 8)
    common = next(
        i for i, (a, b) in enumerate(zip(one.tokens, other.tokens, strict=False)) if a != b
    )

    assert max(boundary for boundary in one.boundaries if boundary <= common) >= common - 2
    assert len(plan("read b.txt", 0).boundaries) == len(one.boundaries) - 1
    assert plan("read b.txt", 99999).boundaries == plan("read b.txt", 0).boundaries


def test_boundaries_lie_where_a_rewind_would_lead_to_ever_more_sparsely(full: Loaded) -> None:
    said: list[dict[str, object]] = [system]
    for turn in range(20):
        said += [user(f"question {turn} of many"), assistant("no")]
    plan = full.prompter.plan(ChatPrompt([*said, user("the last")], tools))

    parted = {
        back: common(
            ids_of(full, [*[*said, user("the last")][: 43 - 2 * back], user("\u2400")]),
            list(plan.tokens),
        )
        for back in range(1, 22)
    }
    reached = [
        back
        for back, place in parted.items()
        if any(0 <= place - boundary <= 2 for boundary in plan.boundaries)
    ]

    assert reached == [1, 2, 3, 4, 8, 16]


def common(one: list[int], other: list[int]) -> int:
    pairs = zip(one, other, strict=False)
    return next(i for i, (a, b) in enumerate(pairs) if a != b)
