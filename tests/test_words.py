"""Numbers as people read them."""

import pytest

from evalsuite import words


@pytest.mark.parametrize(
    ("fraction", "sign", "text"),
    [
        (0.054, False, "5.4"),
        (-0.054, False, "−5.4"),  # noqa: RUF001
        (0.023, True, "+2.3"),
        (-0.0001, True, "0.0"),
        (0.0, True, "0.0"),
        (1.0, False, "100.0"),
        (-0.0005, False, "−0.1"),  # noqa: RUF001
    ],
)
def test_points_have_one_decimal_a_true_minus_and_no_negative_zero(fraction, sign, text):
    assert words.points(fraction, sign=sign) == text


@pytest.mark.parametrize(
    ("fraction", "text"), [(0.015, "1.5"), (0.0125, "1.25"), (0.02, "2.0"), (0.05, "5.0")]
)
def test_a_margin_is_exact_to_a_hundredth_of_a_point(fraction, text):
    assert words.margin(fraction) == text


def test_an_interval_that_is_not_known_is_said_to_be():
    assert words.interval(None, None) == "not known"
    assert words.interval(-0.019, 0.007, sign=True) == "−1.9 … +0.7"  # noqa: RUF001
    assert words.interval(0.04, 0.068, between=" to ") == "4.0 to 6.8"


def test_counts_are_thousands_separated_and_agree_with_their_noun():
    assert words.count(12345) == "12,345"
    assert words.counted(1, "item") == "1 item"
    assert words.counted(1900, "item") == "1,900 items"
    assert words.percent(0.004) == "0.4 %"


def test_a_list_is_read_aloud_and_its_tail_counted():
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.listed(list("abcdef"), most=3) == "a, b, c and 3 more"
    assert words.listed([]) == ""


@pytest.mark.parametrize(
    ("number", "text"),
    [(612.3, "612"), (12345.6, "12,346"), (0.12345, "0.123"), (-18.26, "−18.3"), (0, "0")],  # noqa: RUF001
)
def test_a_plain_figure_has_three_significant_digits(number, text):
    assert words.figure(number) == text


def test_a_part_of_what_was_planned_names_the_whole():
    assert words.part(240, 1600) == "240 of 1,600"
    assert words.part(600, 600) == "600"
    assert words.part(7, 0) == "7"
