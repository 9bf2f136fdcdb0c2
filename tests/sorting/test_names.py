"""Any class name becomes a folder's name that every system takes, and no two become one."""

import os

from headstart.sorting.names import folder_names, numbered


def test_safe_names_stay():
    names = ("cat", "Großer Hund", "猫", "n01440764", "a-b", "v1.0", "_x")
    assert folder_names(names) == {name: name for name in names}


def test_unsafe_ones_change(tmp_path):
    names = ("a/b", "..", "", ".git", "con", "NUL.txt", 'x:y*?"<>|', "tab\there", "dot.", " in ")
    found = folder_names(names)
    assert found == {
        "a/b": "a_b",
        "..": "class",
        "": "class-2",
        ".git": "class .git",
        "con": "class con",
        "NUL.txt": "class NUL.txt",
        'x:y*?"<>|': "x_y______",
        "tab\there": "tab_here",
        "dot.": "dot",
        " in ": "in",
    }
    for name in found.values():
        (tmp_path / name).mkdir()


def test_no_two_are_alike():
    assert folder_names(("a/b", "a_b", "A_B", "a:b")) == {
        "a_b": "a_b",
        "A_B": "A_B-2",
        "a/b": "a_b-3",
        "a:b": "a_b-4",
    }
    assert folder_names(("_unsure", "_Unreadable")) == {
        "_unsure": "_unsure-2",
        "_Unreadable": "_Unreadable-2",
    }


def test_long_names_fit():
    names = tuple("猫" * 100 + end for end in "abc")
    found = folder_names(names).values()
    assert len(set(found)) == 3
    assert all(len(os.fsencode(name)) <= 255 for name in found)


def test_numbered():
    assert [numbered("a.b.jpg", k) for k in (1, 2, 30)] == ["a.b.jpg", "a.b-2.jpg", "a.b-30.jpg"]
    assert numbered("x" * 251 + ".jpg", 12) == "x" * 248 + "-12.jpg"
