import pytest

from headstart.reports.figures import WHOLE, Scale, scale_for


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([0.953, 0.991], Scale(0.95, 1.0, 0.01)),
        ([0.91, 0.96], Scale(0.91, 0.96, 0.01)),
        ([0.91, 0.97], Scale(0.9, 0.98, 0.02)),
        ([0.62, 1.0], Scale(0.6, 1.0, 0.1)),
        ([0.0, 1.0], Scale(0.0, 1.0, 0.2)),
        ([1.0, 1.0], Scale(0.99, 1.0, 0.01)),
        ([0.0], Scale(0.0, 0.01, 0.01)),
        ([], Scale(0.0, 1.0, 0.2)),
    ],
)
def test_the_narrowest_round_axis_with_few_ticks(shares, expected):
    scale = scale_for(shares)
    assert scale == expected
    assert len(scale.ticks()) <= 6


def test_places_run_from_end_to_end_and_never_beyond():
    scale = Scale(0.9, 1.0, 0.02)
    assert scale.ticks() == [0.9, 0.92, 0.94, 0.96, 0.98, 1.0]
    places = [scale.place(share) for share in (0.2, 0.9, 0.95, 1.0)]
    assert places == ["0.00%", "0.00%", "50.00%", "100.00%"]
    assert scale.length(0.92, 0.97) == "50.00%"
    assert WHOLE.length(0.5, 0.75) == "25.00%"
