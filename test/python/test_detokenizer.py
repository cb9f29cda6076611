"""Whole characters only, nothing lost, and markers by token."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models
from tokenizers_made import make_tokenizer
from transformers import PreTrainedTokenizerFast

from anyclaude_mlx.output.detokenizer import Vocabulary
from anyclaude_mlx.output.output import Mark, Piece

tokenizer = make_tokenizer("</think>", "[é]")
think_end = tokenizer.convert_tokens_to_ids("</think>")
vocabulary = Vocabulary(tokenizer, {think_end: "</think>"})
# For each byte the token that is it alone.
byte_tokens = {vocabulary.bytes_of(token): token for token in range(600)}


def spoken(tokens: list[int], of: Vocabulary = vocabulary) -> list[Piece]:
    detokenizer = of.detokenizer()
    return [piece for token in tokens for piece in detokenizer.add(token)] + detokenizer.finish()


@pytest.mark.parametrize(
    "text",
    [
        "👩‍👩‍👧 and 🦊",
        "日本語のテキスト",
        "e\u0301 a\u0308 \u1100\u1161\u11a8",
        "    indented = 1\n",
        " one space",
        "a zero \x00 byte and \ufffd itself",
        "[é] [é",
    ],
)
def test_text_comes_whole_with_each_byte_fed_alone(text: str) -> None:
    pieces = spoken([byte_tokens[bytes([byte])] for byte in text.encode()])

    assert "".join(map(str, pieces)) == text
    assert all("\ufffd" not in str(piece) or piece == "\ufffd" for piece in pieces)
    assert spoken(tokenizer.encode(text, add_special_tokens=False)) != []
    whole = spoken(tokenizer.encode(text, add_special_tokens=False))
    assert "".join(map(str, whole)) == text


@given(st.binary(max_size=40))
def test_bytes_that_are_no_text_are_replaced_as_in_the_whole(given: bytes) -> None:
    pieces = spoken([byte_tokens[bytes([byte])] for byte in given])

    assert "".join(map(str, pieces)) == given.decode("utf-8", "replace")


def test_a_marker_is_its_token_and_nothing_that_spells_it() -> None:
    spelled = [byte_tokens[bytes([byte])] for byte in b"</think>"]
    cut = byte_tokens["é".encode()[:1]]

    assert "".join(map(str, spoken(spelled))) == "</think>"
    assert spoken([cut, think_end, *spelled[:1]]) == ["\ufffd", Mark("</think>"), "<"]


def test_a_space_behind_a_marker_is_kept() -> None:
    space = tokenizer.encode(" a", add_special_tokens=False)

    assert "".join(str(piece) for piece in spoken([think_end, *space])[1:]) == " a"


def test_other_vocabularies_hold_back_half_characters_too() -> None:
    words = {f"<0x{byte:02X}>": byte for byte in range(256)} | {"▁a": 256, "b": 257}
    bare = Tokenizer(models.BPE(words, [], byte_fallback=True))
    bare.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    bare.add_special_tokens([AddedToken("</s>", special=True)])
    from mlx_lm.tokenizer_utils import SPMStreamingDetokenizer, TokenizerWrapper

    wrapped = TokenizerWrapper(
        PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="</s>"), SPMStreamingDetokenizer
    )
    other = Vocabulary(wrapped, {258: "</s>"})

    pieces = spoken([257, *"🦊".encode(), 256, *"é".encode()[:1], 258, 256], other)

    assert pieces[:3] == ["b", "🦊", " a"]
    assert pieces[3:] == ["\ufffd", Mark("</s>"), " a"]
