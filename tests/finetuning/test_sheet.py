import numpy as np
import pytest
from PIL import Image

from headstart.errors import SettingError
from headstart.finetuning.sheet import Tile, must_be_free, write_sheet


def tile(level, caption="a"):
    return Tile(np.full((64, 64, 3), (level, 0, 200), dtype=np.uint8), caption)


def test_pixels_stand_in_rows(tmp_path):
    path = tmp_path / "sheet.png"
    write_sheet(path, [[tile(10), tile(20)], [tile(30), tile(40, "word " * 40 + "x" * 90)]])
    with Image.open(path) as image:
        pixels = np.asarray(image)
    for level in (10, 20, 30, 40):
        rows, columns = np.nonzero((pixels == (level, 0, 200)).all(axis=2))
        assert rows.max() - rows.min() == columns.max() - columns.min() == 63
    # What is written below stays below.
    assert (pixels[:, :8] == 255).all()
    assert (pixels[:, -8:] == 255).all()


def test_only_a_sheet_may_be_replaced(tmp_path):
    path = tmp_path / "sheet.png"
    must_be_free(path)
    write_sheet(path, [[tile(1)]])
    must_be_free(path)
    Image.new("RGB", (4, 4)).save(path)
    with pytest.raises(SettingError, match="is there already"):
        must_be_free(path)
    path.write_text("my notes")
    with pytest.raises(SettingError, match="is there already"):
        must_be_free(path)
