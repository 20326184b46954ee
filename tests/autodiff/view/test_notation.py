import pytest

from autodiff.view import notation


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("_0 * _1", "x·y₁"),
        ("_0 ** 2", "x²"),
        ("_0 ** (-2)", "x⁻²"),
        ("_0 ** -2", "x⁻²"),
        ("_0 ** 12", "x¹²"),
        ("_0 ** 0.5", "x**0.5"),
        ("_0 ** _1", "x**y₁"),
        ("(_0 + _1) ** 2", "(x + y₁)²"),
        ("_0 * -3", "x·(-3)"),
        ("_0 * -1.5e-07 + _1", "x·(-1.5e-07) + y₁"),
        ("-_f / _1", "-(a b)/y₁"),
        ("concatenate(_0, _1, axis=0)", "concatenate(x, y₁, axis=0)"),
        ("_0_ + _99", "_0_ + _99"),  # not ours
    ],
)
def test_formulas_are_written_as_in_print(text: str, expected: str) -> None:
    assert notation.written(text, {"_0": "x", "_1": "y₁", "_f": "a b"}) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [({"_0": 2.0, "_1": 1.0}, "[_0 > _1]"), ({"_0": 1.0, "_1": 1.0}, "0.5"), (None, None)],
)
def test_choices_among_numbers_are_decided(
    values: dict[str, float] | None, expected: str | None
) -> None:
    text = "where(_0 == _1, 0.5, _0 > _1)"
    assert notation.decided(text, values) == (expected or text)


@pytest.mark.parametrize("label", ["\n", "\x00", "\x7f", "\x85", "\u2028", "\u202e", "\ud800"])
def test_what_cannot_be_seen_becomes_visible(label: str) -> None:
    text = notation.visible(f"a{label}b")
    assert text.isprintable()
    assert text.startswith("a\\")
    assert text.endswith("b")


def test_what_can_be_seen_stays() -> None:
    text = "θ²₁ 😀 日本 <b>&\"'\\N 👩\N{ZERO WIDTH JOINER}🔬"
    assert notation.visible(text) == text


def test_width_counts_columns() -> None:
    assert notation.width("θ·x²") == 4
    assert notation.width("日本") == 4
    assert notation.width("e\u0301") == 1
    assert notation.padded("日本", 6) == "日本  "


@pytest.mark.parametrize("length", [1, 2, 7, 24])
def test_shortened_keeps_both_ends(length: int) -> None:
    text = notation.shortened("abcdefghijklmnopqrstuvwxyz", length)
    assert len(text) == length
    assert "…" in text
