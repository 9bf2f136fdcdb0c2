import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from headstart.datasets.listed import tables_to_read
from headstart.datasets.manifest import Manifest
from headstart.datasets.reading import ReadOptions, read
from headstart.errors import DatasetError, SettingError

Tree = Callable[..., Path]
Many = Callable[[str, int], list[str]]

FOUR = ["1.jpg", "2.jpg", "3.jpg", "4.jpg"]


def labels(manifest: Manifest) -> dict[str, str]:
    return dict(zip(manifest.ids, manifest.labels, strict=True))


def reasons(manifest: Manifest) -> list[tuple[str, str]]:
    return [(row.path, row.reason) for row in manifest.unusable]


@pytest.mark.parametrize(
    "text",
    [
        "1.jpg,cat\n2.jpg,dog\n3.jpg,cat\n4.jpg,dog\n",
        "file,label\n1.jpg,cat\n2.jpg,dog\n3.jpg,cat\n4.jpg,dog\n",
        "breed\tid\ncat\t1\ndog\t2\ncat\t3\ndog\t4\n",
        "cat;1\ndog;2\ncat;3\ndog;4\n",
        "1.jpg cat\n2.jpg dog\n3.jpg cat\n4.jpg dog\n",
        "image,cat,dog\n1,1,0\n2,0,1\n3,1.0,0.0\n4,0,1\n",
        # The column named "class" is the label, though "sex" has few values too.
        "sex,class,image\nf,cat,1\nm,dog,2\nm,cat,3\nf,dog,4\n",
        "photo,kind,mask\n1.jpg,cat,m.png\n2.jpg,dog,m.png\n3.jpg,cat,m.png\n4.jpg,dog,m.png\n",
    ],
)
def test_columns_are_found_by_content(tree: Tree, text: str) -> None:
    found = read(tree(FOUR, labels__csv=text))
    assert found.layout == "table"
    assert labels(found) == {"1.jpg": "cat", "2.jpg": "dog", "3.jpg": "cat", "4.jpg": "dog"}
    assert set(found.splits) == {""}
    assert found.unusable == ()


def test_numbers_stay_text(tree: Tree) -> None:
    text = "1.jpg,0\n2.jpg,1\n3.jpg,0\n4.jpg,01\n"
    assert read(tree(FOUR, labels__csv=text)).labels == ("0", "1", "0", "01")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_table_as_excel_saves_it(tree: Tree, encoding: str) -> None:
    """Whether the disk has the names in UTF-8, as most do, or as the same bytes."""
    names = ["köter.jpg", "a/Größe.jpg", "3.jpg", "4.jpg"]
    on_disk = [os.fsdecode(name.encode(encoding)) for name in names]
    text = "Datei;Größe\nköter.jpg;Hündin\nGröße.jpg;Rüde\n3.jpg;Hündin\n4.jpg;Rüde\n"
    folder = tree(on_disk)
    (folder / "labels.csv").write_bytes(text.encode("cp1252"))
    found = read(folder, ReadOptions(label_column="Größe"))
    assert labels(found) == dict(zip(on_disk, ["Hündin", "Rüde"] * 2, strict=True))
    assert "labels.csv is not UTF-8: read as Windows-1252" in found.notes
    assert found.unusable == ()


@pytest.mark.parametrize("text", ["1.jpg,ルビー\n2.jpg,ネコ\n", "1.jpg,cat\nルビー.jpg,dog\n"])
def test_neither_of_the_encodings(tree: Tree, text: str) -> None:
    folder = tree(["1.jpg", "2.jpg", "ルビー.jpg"])
    (folder / "labels.csv").write_bytes(text.encode("cp932"))
    with pytest.raises(DatasetError, match=r"row \d: .* is neither UTF-8 nor Windows-1252"):
        read(folder)


def test_one_name_that_cannot_be_read_is_a_file_that_is_not_there(tree: Tree) -> None:
    folder = tree(FOUR)
    text = b"1.jpg,cat\n2.jpg,dog\n3.jpg,cat\n4.jpg,dog\ncaf\x81.jpg,cat\n"
    (folder / "labels.csv").write_bytes(text)
    found = read(folder)
    assert len(found) == 4
    assert [row.reason for row in found.unusable] == ["no_file"]


def test_splits_and_groups(tree: Tree) -> None:
    text = "path,label,split,patient_id\n1,a,train,p\n2,b,train,q\n3,a,Valid,p\n4,b,TEST,\n"
    found = read(tree(FOUR, labels__csv=text))
    assert found.splits == ("train", "train", "validation", "test")
    assert found.groups == ("p", "q", "p", "")


def test_a_file_of_two_groups_makes_them_one(tree: Tree) -> None:
    text = "path,label,patient_id\n1,a,p\n1,a,q\n2,b,q\n3,a,s\n4,b,\n"
    found = read(tree(FOUR, labels__csv=text))
    assert found.groups == ("p", "p", "s", "")
    assert "1 file is in several groups: these are kept together as one" in found.notes


def test_the_label_may_be_named_like_a_group(tree: Tree) -> None:
    path = tree(FOUR, l__csv="path,group\n1,a\n2,b\n3,a\n4,b\n") / "l.csv"
    found = read(path, ReadOptions(label_column="group"))
    assert found.labels == ("a", "b", "a", "b")
    assert set(found.groups) == {""}


def test_a_split_column_is_known_by_its_values(tree: Tree) -> None:
    found = read(tree(FOUR, labels__csv="1.jpg,a,train\n2.jpg,b,train\n3.jpg,a,val\n4.jpg,b,val\n"))
    assert found.splits == ("train", "train", "validation", "validation")
    assert found.labels == ("a", "b", "a", "b")


def test_numbered_folds_are_no_splits(tree: Tree) -> None:
    found = read(tree(FOUR, labels__csv="id,label,fold\n1,a,0\n2,b,0\n3,a,1\n4,b,1\n"))
    assert set(found.splits) == {""}


def test_tables_named_by_splits_are_read_together(tree: Tree) -> None:
    foreign = "F:\\Sem 1\\pets\\{}.jpg,{}\n"
    found = read(
        tree(
            [*FOUR, "5.jpg", "cat_9.jpg"],
            my_training__csv="".join(foreign.format(n, x) for n, x in ((1, "cat"), (2, "dog"))),
            my_validation__csv=foreign.format(3, "cat") + foreign.format(7, "cat"),
            my_test__csv=foreign.format(4, "dog") + foreign.format(5, "cat"),
        )
    )
    assert Counter(found.splits) == {"train": 2, "validation": 1, "test": 2}
    assert labels(found)["3.jpg"] == "cat"
    assert reasons(found) == [("F:\\Sem 1\\pets\\7.jpg", "no_file"), ("cat_9.jpg", "no_row")]
    assert found.unusable[0].detail == "my_validation.csv, row 2"


def test_a_competition(tree: Tree, many: Many) -> None:
    rows = "".join(f"{n:03},{'pug' if n % 2 else 'beagle'}\n" for n in range(1, 9))
    found = read(
        tree(
            [*many("train/%03d.jpg", 8), *many("test/9%d.jpg", 2)],
            train__csv="id,breed\n" + rows,
            test__csv="id\n91\n92\n",
            sample_submission__csv="id,breed\n91,pug\n92,pug\n",
        )
    )
    assert found.counts == {"beagle": 4, "pug": 4}
    assert set(found.splits) == {"train"}
    assert "test.csv is left out: 2 rows without labels" in found.notes
    assert reasons(found) == [("test/91.jpg", "no_row"), ("test/92.jpg", "no_row")]


def test_what_is_wrong_with_rows(tree: Tree) -> None:
    text = (
        "file,label\n1.jpg,cat\n1.jpg,cat\n2.jpg,cat\n2.jpg,dog\n3.jpg,dog\n4.jpg,\n"
        "same.jpg,dog\n,dog\ngone.jpg,dog\n"
    )
    found = read(tree([*FOUR, "extra/a/same.jpg", "extra/b/same.jpg", "5.jpg"], labels__csv=text))
    assert labels(found) == {"1.jpg": "cat", "3.jpg": "dog"}
    assert sorted(reasons(found)) == [
        ("2.jpg", "conflicting_labels"),
        ("4.jpg", "no_label"),
        ("5.jpg", "no_row"),
        ("extra/a/same.jpg", "no_row"),
        ("extra/b/same.jpg", "no_row"),
        ("gone.jpg", "no_file"),
        ("labels.csv, row 9", "no_file"),
        ("same.jpg", "ambiguous_file"),
    ]
    assert "1 row repeats a file of another row" in found.notes


def test_a_file_in_two_splits_judges(tree: Tree) -> None:
    found = read(
        tree(FOUR, train__csv="1.jpg,a\n2.jpg,b\n3.jpg,a\n", test__csv="3.jpg,a\n4.jpg,b\n")
    )
    assert found.splits == ("train", "train", "test", "test")
    assert "1 file of several splits judges only" in found.notes


def test_folders_give_the_splits_that_a_table_does_not(tree: Tree) -> None:
    names = [f"{split}/{n}.jpg" for split in ("train", "test") for n in range(2)]
    text = "".join(f"{name},{'ab'[i % 2]}\n" for i, name in enumerate(names))
    found = read(tree(names, labels__csv=text))
    assert found.splits == ("test", "test", "train", "train")


def test_class_folders_win_over_tables_and_say_so(tree: Tree) -> None:
    root = tree(["cats/1.jpg", "dogs/2.jpg"], labels__csv="cats/1.jpg,x\ndogs/2.jpg,y\n")
    found = read(root)
    assert found.class_names == ("cats", "dogs")
    assert "labels.csv not read: the class folders give the labels" in found.notes
    assert read(root / "labels.csv").class_names == ("x", "y")


def test_pictures_elsewhere(tree: Tree, tmp_path: Path) -> None:
    pictures = tree(FOUR, root="pictures")
    home = tree([], root="home", l__csv="1.jpg,a\n2.jpg,b\n")
    found = read(home / "l.csv", ReadOptions(images=pictures))
    assert found.root == pictures
    assert found.ids == ("1.jpg", "2.jpg")
    with pytest.raises(DatasetError, match=r"none of 2 rows(.|\n)*first: '1.jpg'(.|\n)*--images"):
        read(home / "l.csv")


def test_absolute_and_climbing_paths_move_the_root_up(tree: Tree, tmp_path: Path) -> None:
    pictures = tree(FOUR, root="pictures")
    text = f"{pictures / '1.jpg'},a\n../pictures/2.jpg,b\nhere.jpg,a\n"
    home = tree(["here.jpg"], root="home", l__csv=text)
    found = read(home / "l.csv")
    assert found.root == tmp_path
    assert found.ids == ("home/here.jpg", "pictures/1.jpg", "pictures/2.jpg")


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_other_tables(tree: Tree, suffix: str) -> None:
    root = tree(FOUR)
    path = root / f"t.{suffix}"
    if suffix == "jsonl":
        path.write_text("".join(f'{{"file_name": "{n}.jpg", "label": {n % 2}}}\n' for n in (1, 2)))
    else:
        columns = {"file_name": ["1.jpg", "2.jpg"], "label": [1, 0]}
        pyarrow.parquet.write_table(pa.table(columns), path)
    assert labels(read(path)) == {"1.jpg": "1", "2.jpg": "0"}


def test_columns_that_are_named(tree: Tree) -> None:
    text = "images/1.jpg  0.33 mono\nimages/2.jpg  1.0 poly\nimages/3.jpg 1.0 mono\n"
    path = tree(["images/1.jpg", "images/2.jpg", "images/3.jpg"], l__csv=text) / "l.csv"
    with pytest.raises(DatasetError, match=r"several columns.*: 2, 3\n(.|\n)*--label-column NAME"):
        read(path)
    assert read(path, ReadOptions(label_column="2")).labels == ("0.33", "1.0", "1.0")
    found = read(path, ReadOptions(label_column="3", group_column="2"))
    assert found.labels == ("mono", "poly", "mono")
    assert found.groups == ("0.33", "1.0", "1.0")


def test_named_columns_forgive_case_and_suggest(tree: Tree) -> None:
    path = tree(FOUR, l__csv="Image,Breed,Size\n1,a,x\n2,b,x\n3,a,y\n4,b,y\n") / "l.csv"
    assert read(path, ReadOptions(label_column="breed", image_column="IMAGE")).labels[0] == "a"
    with pytest.raises(SettingError, match=r"no such column(.|\n)*did you mean 'Breed'"):
        read(path, ReadOptions(label_column="bred"))
    with pytest.raises(SettingError, match="holds 'x', 'y'"):
        read(path, ReadOptions(split_column="Size", label_column="Breed"))


def test_a_column_of_yes_and_no_may_be_the_split(tree: Tree) -> None:
    text = "file,label,is_valid\n1.jpg,a,False\n2.jpg,b,False\n3.jpg,a,True\n4.jpg,b,True\n"
    found = read(tree(FOUR, l__csv=text) / "l.csv")
    assert found.splits == ("train", "train", "validation", "validation")


@pytest.mark.parametrize(
    ("cells", "other"),
    [(("train", "train", "test", "unused"), "'unused'"), (("TRAIN", "TRAIN", "Val", "x"), "'x'")],
)
def test_a_column_named_split_is_not_passed_over(tree: Tree, cells: Any, other: str) -> None:
    rows = [f"{k}.jpg,{'ab'[k % 2]},{cell}" for k, cell in enumerate(cells, start=1)]
    path = tree(FOUR, l__csv="\n".join(["file,label,split", *rows])) / "l.csv"
    with pytest.raises(DatasetError, match=f"'split' names splits .* but also {other}"):
        read(path)


def test_what_a_person_says_of_a_column_is_obeyed(tree: Tree) -> None:
    text = "file,phase,split\n1.jpg,dev,train\n2.jpg,web,train\n3.jpg,dev,test\n4.jpg,web,test\n"
    path = tree(FOUR, l__csv=text) / "l.csv"
    found = read(path, ReadOptions(label_column="phase"))
    assert found.splits == ("train", "train", "test", "test")
    assert found.labels == ("dev", "web", "dev", "web")
    mixed = "file,label,usage\n1.jpg,a,test\n2.jpg,b,x\n3.jpg,a,y\n4.jpg,b,x\n"
    path = tree(FOUR, root="mixed", l__csv=mixed) / "l.csv"
    with pytest.raises(DatasetError, match="say --split-column none"):
        read(path)
    assert set(read(path, ReadOptions(split_column="none")).splits) == {""}


def test_two_columns_of_yes_and_no_are_one_too_many(tree: Tree) -> None:
    rows = ["1.jpg,a,0,0", "2.jpg,b,0,0", "3.jpg,a,1,0", "4.jpg,b,0,1"]
    path = tree(FOUR, l__csv="\n".join(["file,label,is_valid,is_test", *rows])) / "l.csv"
    with pytest.raises(DatasetError, match="several columns tell the split: is_valid, is_test"):
        read(path)


def test_a_table_of_test_pictures_stays_one_where_its_cells_are_empty(tree: Tree) -> None:
    root = tree(
        FOUR,
        train__csv="file,label,set\n1.jpg,a,train\n2.jpg,b,train\n",
        test__csv="file,label,set\n3.jpg,a,\n4.jpg,b,\n",
    )
    assert read(root).splits == ("train", "train", "test", "test")


def test_a_column_of_other_things_that_is_named_so_is_said_not_to_be_used(tree: Tree) -> None:
    text = "file,label,fold\n1.jpg,a,0\n2.jpg,b,1\n3.jpg,a,1\n4.jpg,b,0\n"
    found = read(tree(FOUR, l__csv=text) / "l.csv")
    assert set(found.splits) == {""}
    assert any("'fold' not used" in note for note in found.notes)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a,b\nx,y\nz,y\n", "no column of .* holds files: a, b"),
        ("1.jpg\n2.jpg\n", "looks like labels"),
        ("file,label\n", "no cell of it names a file"),
        ("file,one,two\n1.jpg,1,1\n2.jpg,0,1\n3.jpg,0,0\n", "hold only 0 and 1"),
        ("file,a,b\n1.jpg,x,m\n2.jpg,y,m\n3.jpg,x,n\n4.jpg,y,n\n", "several columns"),
    ],
)
def test_tables_that_are_not_understood(tree: Tree, text: str, what: str) -> None:
    with pytest.raises(DatasetError, match=what):
        read(tree(FOUR, l__csv=text) / "l.csv")


def test_which_tables_list_a_folder() -> None:
    names = ["my_test.csv", "my_training.csv", "notes.csv", "labels.csv"]
    assert tables_to_read(names) == (("my_training.csv", "train"), ("my_test.csv", "test"))
    assert tables_to_read(["labels.csv", "sample_submission.csv"]) == (("labels.csv", ""),)
    assert tables_to_read(["trainLabels.csv"]) == (("trainLabels.csv", "train"),)
    assert tables_to_read(["statistics.csv", "test.csv"]) == ()


def test_outer_spaces_of_cells_and_headers_are_no_part_of_names(tree: Tree) -> None:
    text = "file , label\n1.jpg, cat\n2.jpg,cat \n3.jpg,dog\n 4.jpg,dog \n"
    found = read(tree(FOUR, labels__csv=text), ReadOptions(label_column="label"))
    assert labels(found) == {"1.jpg": "cat", "2.jpg": "cat", "3.jpg": "dog", "4.jpg": "dog"}
    assert "labels.csv: files in 'file', labels in 'label'" in found.notes


def test_a_row_with_two_ones_conflicts(tree: Tree) -> None:
    rows = "".join(f"{n}.jpg,{n % 2},{1 - n % 2}\n" for n in range(1, 8))
    names = [f"{n}.jpg" for n in range(1, 9)]
    found = read(tree(names, labels__csv=f"file,cat,dog\n{rows}8.jpg,1,1\n"))
    assert found.counts == {"cat": 4, "dog": 3}
    assert [(row.reason, row.detail) for row in found.unusable] == [
        ("conflicting_labels", "cat, dog")
    ]


def test_columns_of_properties_are_no_label(tree: Tree) -> None:
    text = "file,male,young\n1.jpg,1,1\n2.jpg,0,0\n3.jpg,1,1\n4.jpg,0,1\n"
    with pytest.raises(DatasetError, match="only 0 and 1") as caught:
        read(tree(FOUR, labels__csv=text))
    assert "--label-column" not in str(caught.value)


def test_tables_that_were_read_are_not_skipped(tree: Tree) -> None:
    text = "file,label\n%d.jpg,cat\n%d.jpg,dog\n"
    root = tree(FOUR, train__csv=text % (1, 2), test__csv=text % (3, 4), more__csv="x")
    found = read(root)
    assert found.skipped == ((".csv", 1),)
    assert "train.csv, test.csv: files in 'file', labels in 'label'" in found.notes
    both = read(root / "train.csv", ReadOptions(test=root / "test.csv"))
    assert both.skipped == ((".csv", 1),)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("metadata.jsonl", '{"file_name": "1.jpg", "label": "cat"}\n'
         '{"file_name": "2.jpg", "label": "dog"}\n'),
        ("metadata.csv", "file_name,label\n1,cat\n2,dog\n"),
        ("_classes.csv", "filename, cat, dog\n1.jpg,1,0\n2.jpg,0,1\n"),
    ],
)  # fmt: skip
def test_each_split_folder_has_its_own_table(tree: Tree, name: str, text: str) -> None:
    splits = ("train", "valid", "test")
    root = tree(f"{split}/{number}.jpg" for split in splits for number in (1, 2))
    for split in splits:
        (root / split / name).write_text(text)
    found = read(root)
    assert labels(found) == {
        f"{s}/{n}.jpg": "cat" if n == 1 else "dog" for s in splits for n in (1, 2)
    }
    assert found.splits == ("test", "test", "train", "train", "validation", "validation")
    assert (found.unusable, found.skipped) == ((), ())


@pytest.mark.parametrize("others", [{"label": ["cat", "dog"]}, {}])
@pytest.mark.parametrize("as_struct", [True, False])
def test_pictures_inside_a_table_are_said(
    tree: Tree, others: dict[str, list[str]], as_struct: bool
) -> None:
    data = b"\x89PNG\r\n\x1a\n" + bytes(40)
    pictures = [{"bytes": data, "path": None}] * 2 if as_struct else [data] * 2
    root = tree([])
    pyarrow.parquet.write_table(pa.table({"image": pictures, **others}), root / "t.parquet")
    with pytest.raises(DatasetError, match=r"the pictures are inside .*not read") as caught:
        read(root / "t.parquet")
    assert caught.value.fix == "write the pictures to files"


def test_a_missing_folder_is_not_another_one(tree: Tree) -> None:
    """p2/ is not there: its rows must not label the pictures of p1/."""
    files = [f"p1/{number}.jpg" for number in range(4)]
    rows = "p1/0.jpg,benign\np1/1.jpg,benign\np2/2.jpg,malignant\np2/3.jpg,malignant\n"
    found = read(tree(files, labels__csv="file,label\n" + rows + "p1/3.jpg,odd\n"))
    assert labels(found) == {"p1/0.jpg": "benign", "p1/1.jpg": "benign", "p1/3.jpg": "odd"}
    lost = [("p1/2.jpg", "no_row"), ("p2/2.jpg", "no_file"), ("p2/3.jpg", "no_file")]
    assert reasons(found) == lost


def test_folders_that_are_called_otherwise_are_said(tree: Tree) -> None:
    files = [f"photos/{number}.jpg" for number in range(4)]
    rows = "".join(f"old/{number}.jpg,{'cat' if number % 2 else 'dog'}\n" for number in range(4))
    found = read(tree(files, labels__csv="file,label\n" + rows))
    assert len(found) == 4
    assert "4 rows of old/ matched with files in photos/, by their names" in found.notes


def test_a_picture_that_is_called_image_makes_no_header_a_row(tree: Tree) -> None:
    found = read(tree([*FOUR, "image.png"], labels__csv="image,label\n1,a\n2,b\n3,a\n4,b\n"))
    assert set(found.labels) == {"a", "b"}
    assert reasons(found) == [("image.png", "no_row")]


def test_a_row_that_is_written_otherwise_makes_no_others_missing(tree: Tree) -> None:
    files = [f"images/cat/{number}.jpg" for number in range(3)] + ["images/dog/9.jpg"]
    rows = (
        "cat/0.jpg,cat\n/data/train/cat/1.jpg,cat\n/data/train/cat/2.jpg,cat\n/data/dog/9.jpg,dog\n"
    )
    assert len(read(tree(files, labels__csv="file,label\n" + rows))) == 4
