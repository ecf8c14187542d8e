import json

import hypothesis
import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn.data import Vocab, read_text

TEXTS = st.text(min_size=1, max_size=40)
SENTENCES = st.text(
    st.sampled_from("ab'\u2019_3 .,!\n\u0301\ufffdéक\u093f\u094dש\u05b8\u200c\u200d👩"),
    min_size=1,
    max_size=40,
)


@hypothesis.given(TEXTS)
def test_characters_come_back(text):
    vocab = Vocab.characters("�x" + text)
    numbers = vocab.encode(text)
    assert numbers.dtype == np.int32
    assert vocab.decode(numbers) == text
    assert len(vocab) == len(set(text + "x") - {"�"}) + 2


@hypothesis.given(SENTENCES)
def test_words_come_back_up_to_layout(text):
    vocab = Vocab.words("word " + text)
    numbers = vocab.encode(text)
    assert np.array_equal(vocab.encode(vocab.decode(numbers)), numbers)
    assert "".join(vocab.decode(numbers).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("नमस्ते दुनिया।", ["नमस्ते", "दुनिया", "।"]),
        ("తెలుగు భాష", ["తెలుగు", "భాష"]),
        ("العَرَبِيَّةُ لُغَةٌ", ["العَرَبِيَّةُ", "لُغَةٌ"]),
        ("שָׁלוֹם עוֹלָם", ["שָׁלוֹם", "עוֹלָם"]),
        ("cafe\u0301, nai\u0308ve", ["cafe\u0301", ",", "nai\u0308ve"]),
        ("l'e\u0301te\u0301", ["l'e\u0301te\u0301"]),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            ["\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"],
        ),
        ("ක\u0dca\u200dෂ", ["ක\u0dca\u200dෂ"]),
        ("❤\ufe0f!", ["❤\ufe0f", "!"]),
        ("a \u0301b", ["a", "\u0301", "b"]),
        ("x\U0001e8d0y", ["x\U0001e8d0y"]),
    ],
)
def test_marks_and_joiners_continue_a_word(text, symbols):
    vocab = Vocab.words(text)
    assert set(vocab.symbols) == set(symbols)
    assert [vocab.symbols[number - 2] for number in vocab.encode(text)] == symbols
    assert np.array_equal(vocab.encode(vocab.decode(vocab.encode(text))), vocab.encode(text))


def test_a_vocabulary_keeps_the_pattern_that_it_was_saved_with(tmp_path):
    older = Vocab(("a", "\u0301"), r"\w+|[^\w\s]", " ")
    older.save(tmp_path / "vocab.json")
    assert Vocab.load(tmp_path / "vocab.json").encode("a\u0301").tolist() == [2, 3]


def test_numbers_fall_with_frequency_and_ties_by_symbol():
    assert Vocab.characters("bccabdaa").symbols == ("a", "b", "c", "d")
    assert Vocab.words("b a a c. c B").symbols == ("a", "c", ".", "B", "b")


def test_padding_is_dropped_and_unknown_is_seen():
    vocab = Vocab.characters("ab")
    assert (vocab.padding, vocab.unknown) == (0, 1)
    assert vocab.encode("axb").tolist() == [2, 1, 3]
    assert vocab.decode(jnp.array([0, 2, 1, 3, 0])) == "a�b"
    assert vocab.decode([]) == ""
    assert vocab.encode("").shape == (0,)


def test_size_and_min_count_drop_the_rarest():
    assert Vocab.characters("aaabbc", size=4).symbols == ("a", "b")
    assert len(Vocab.characters("aaabbc", size=100)) == 5
    words = Vocab.words("don't don't stop", min_count=2)
    assert words.symbols == ("don't",)
    assert words.decode(words.encode("don't go")) == "don't �"


def test_layout_is_kept_by_characters_only():
    assert Vocab.words("a\n b").decode(Vocab.words("a\n b").encode("a\n b")) == "a b"
    assert Vocab.characters("a\n b").decode(Vocab.characters("a\n b").encode("a\n b")) == "a\n b"


@pytest.mark.parametrize("make", [Vocab.characters, Vocab.words])
def test_saved_and_loaded_is_equal(make, tmp_path):
    vocab, path = make("it's “naïve” \ud83d\n"), tmp_path / "vocab.json"
    vocab.save(path)
    make("another").save(tmp_path / "vocab.json")
    vocab.save(str(path))
    assert Vocab.load(path) == vocab != make("another")
    assert hash(Vocab.load(path)) == hash(vocab)
    assert [file.name for file in tmp_path.iterdir()] == ["vocab.json"]


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "vocab.json"
    Vocab.characters("old").save(path)

    def full(*args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr(json, "dump", full)
    with pytest.raises(OSError, match="no space left"):
        Vocab.characters("new").save(path)
    assert Vocab.load(path) == Vocab.characters("old")
    assert [file.name for file in tmp_path.iterdir()] == ["vocab.json"]


def test_damaged_files_are_named(tmp_path):
    path = tmp_path / "vocab.json"
    Vocab.characters("abc").save(path)
    whole = path.read_bytes()
    for damaged in (
        b"",
        whole[:-5],
        b"\xff" + whole,
        b"[1]",
        b"{}",
        whole.replace(b'"a"', b'"b"'),
        whole.replace(b'"a"', b"7"),
        whole.replace(b"(?s).", b"(?s)(."),
    ):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"vocab\.json holds no vocabulary"):
            Vocab.load(path)
    with pytest.raises(FileNotFoundError, match="missing"):
        Vocab.load(tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Vocab.characters(""), ValueError, "no symbol"),
        (lambda: Vocab.words(" \n"), ValueError, "no symbol"),
        (lambda: Vocab.words("a b", min_count=2), ValueError, "2 times or more"),
        (lambda: Vocab.words("a", min_count=0), ValueError, "min_count must be at least 1"),
        (lambda: Vocab.characters("a", size=2), ValueError, "3 or more"),
        (lambda: Vocab(()), ValueError, "at least one symbol"),
        (lambda: Vocab(("a", "a")), ValueError, "none twice"),
        (lambda: Vocab(("ab",)), ValueError, "not one symbol"),
        (lambda: Vocab(("�",)), ValueError, "not one symbol"),
        (lambda: Vocab.characters("a").decode([3]), ValueError, r"\[0, 3\), got 3 to 3"),
        (lambda: Vocab.characters("a").decode([-1]), ValueError, r"\[0, 3\)"),
        (lambda: Vocab.characters("a").decode([[1]]), ValueError, "one sequence at a time"),
        (lambda: Vocab.characters("a").decode([1.0]), TypeError, "integers, got float64"),
        (lambda: Vocab.characters(b"a"), TypeError, "text"),
        (lambda: Vocab.characters("a").encode(b"a"), TypeError, "text"),
        (lambda: Vocab("abc"), TypeError, r"Vocab: symbols .* got 'abc'. .*characters.text"),
        (lambda: Vocab(3), TypeError, "Vocab: symbols must be a tuple of strings, got 3"),
        (lambda: Vocab(("a",), 3), TypeError, "Vocab: pattern must be a string, got 3"),
        (lambda: Vocab(("a",), "("), ValueError, "Vocab: pattern '.' is no regular expression"),
        (lambda: Vocab(("a",), ".", None), TypeError, "Vocab: separator must be a string"),
        (lambda: Vocab.characters("a").decode("a"), TypeError, "numbers must be .* got 'a'"),
        (lambda: Vocab.characters("a").decode(None), TypeError, "numbers must be .* got None"),
        (
            lambda: Vocab.characters("a").decode(np.ma.array([2, 2], mask=[0, 1])),
            TypeError,
            r"Vocab.decode: numbers .* a masked int64\[2\], in which 1 are hidden",
        ),
        (lambda: Vocab.load(3), TypeError, "Vocab.load: path must be a string"),
        (lambda: Vocab.characters("a").save(None), TypeError, "Vocab.save: path must be a string"),
        (lambda: read_text(3), TypeError, "read_text: path must be a string or a `PathLike`"),
    ],
)
def test_errors(call, error, message, as_users_run_it):
    with pytest.raises(error, match=message):
        call()


def test_read_text(tmp_path):
    path = tmp_path / "text"
    path.write_bytes("\ufeffa\r\né".encode())
    assert read_text(path) == read_text(str(path)) == "a\né"


def test_read_text_says_what_is_wrong(tmp_path):
    path = tmp_path / "text"
    with pytest.raises(FileNotFoundError, match=r"cannot read .*text \(No such file"):
        read_text(path)
    with pytest.raises(IsADirectoryError, match="cannot read"):
        read_text(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="text is empty"):
        read_text(path)
    path.write_bytes("été".encode("latin1"))
    with pytest.raises(ValueError, match=r"text is not UTF-8 \(byte 0"):
        read_text(path)
