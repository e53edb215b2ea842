import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm.agent.budget import Budget, Meter
from rlm.agent.llm import Usage
from rlm.errors import UsageError


def test_an_unknown_part_makes_the_sum_unknown_but_still_counts() -> None:
    meter = Meter(Budget(tokens=100))
    meter.add(Usage(40, 20, 0.1))
    assert (meter.tokens, meter.usd) == (60, 0.1)
    meter.add(Usage(None, 45, None))
    assert (meter.tokens, meter.usd) == (None, None)
    meter.add(Usage(1, 1, 0.1))
    assert (meter.tokens, meter.usd) == (None, None)
    assert meter.exhausted() is not None


@pytest.mark.parametrize("name", ["turns", "calls", "tokens", "usd", "seconds"])
def test_every_limit_is_kept(name: str) -> None:
    meter = Meter(Budget(turns=None, **{name: 2}) if name != "turns" else Budget(turns=2))
    assert meter.exhausted() is None
    meter.turns = 2
    meter.add(Usage(1, 1, 2.0))
    meter.add(Usage(0, 0, 0.0))
    meter._started -= 2
    spent = meter.exhausted()
    assert spent is not None
    assert {"usd": "dollars"}.get(name, name) in spent


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_a_limit_is_positive(limit: float) -> None:
    with pytest.raises(UsageError, match="positive"):
        Budget(usd=limit)


def test_room_is_kept_for_the_last_call() -> None:
    meter = Meter(Budget(turns=None, usd=1.0))
    meter.add(Usage(1, 1, 0.3))
    assert meter.exhausted() is None  # the next call and the last one still fit
    meter.add(Usage(1, 1, 0.2))
    assert meter.exhausted() is not None


def test_a_call_without_its_price_ends_a_budget_in_dollars() -> None:
    meter = Meter(Budget(usd=1.0))
    meter.add(Usage(1, 1, None))
    assert "without its price" in str(meter.exhausted())


@given(st.lists(st.floats(0.001, 0.5), min_size=1, max_size=40), st.floats(0.01, 5))
def test_a_budget_is_exceeded_by_no_more_than_one_call(costs: list[float], cap: float) -> None:
    meter = Meter(Budget(turns=None, calls=None, usd=cap))
    for cost in costs:
        if meter.exhausted():
            meter.add(Usage(1, 1, cost))  # the wrap-up
            break
        meter.add(Usage(1, 1, cost))
    else:
        return
    assert meter.usd is not None
    assert meter.usd <= cap + 2 * max(costs)


def test_what_is_left_is_said() -> None:
    meter = Meter(Budget(turns=3, usd=0.5))
    meter.turns = 1
    meter.add(Usage(1, 1, 0.2))
    assert meter.left() == "2 turns, $0.300"
    assert Meter(Budget(turns=None)).left() == "no limit"
