import numpy as np

from headstart.images.orientation import AS_IT_IS, TURNED, laid


def test_every_way_to_lay_a_square_is_another() -> None:
    square = np.arange(9, dtype=np.uint8)[None]
    assert np.array_equal(laid(square, AS_IT_IS), square)
    quarters = [np.rot90(square.reshape(3, 3), k) for k in range(4)]
    expected = {view.tobytes() for quarter in quarters for view in (quarter, np.fliplr(quarter))}
    assert {laid(square, way).tobytes() for way in (AS_IT_IS, *TURNED)} == expected
