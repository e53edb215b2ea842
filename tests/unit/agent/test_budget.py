import pytest

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


@pytest.mark.parametrize("name", ["turns", "tokens", "usd", "seconds"])
def test_every_limit_is_kept(name: str) -> None:
    meter = Meter(Budget(turns=None, **{name: 2}) if name != "turns" else Budget(turns=2))
    assert meter.exhausted() is None
    meter.turns = 2
    meter.add(Usage(1, 1, 2.0))
    meter._started -= 2
    spent = meter.exhausted()
    assert spent is not None
    assert {"usd": "dollars"}.get(name, name) in spent


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_a_limit_is_positive(limit: float) -> None:
    with pytest.raises(UsageError, match="positive"):
        Budget(usd=limit)


def test_what_is_left_is_said() -> None:
    meter = Meter(Budget(turns=3, usd=0.5))
    meter.turns = 1
    meter.add(Usage(1, 1, 0.2))
    assert meter.left() == "2 turns, $0.300"
    assert Meter(Budget(turns=None)).left() == "no limit"
