import io
import shutil
import tarfile

import numpy as np
import pytest
from PIL import ExifTags, Image

from keras_recipes.image_datasets import load_class_images
from keras_recipes.image_files import ImageFiles, in_batches, load_image_files

COLOURS = {"cats": (0, 255, 0), "dogs": (255, 0, 0)}


def save(path, size=(8, 4), colour=(0, 0, 255)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(colour, int) else "RGB", size, colour).save(path)


@pytest.fixture
def folder(tmp_path):
    """Five pictures of cats and five of dogs, in folders of their classes."""
    for name, colour in COLOURS.items():
        for number in range(5):
            save(tmp_path / "pets" / name / f"{number}.png", colour=colour)
    return tmp_path / "pets"


def test_looks_like_an_array(tmp_path):
    for number in range(4):
        save(tmp_path / f"{number}.png", colour=50 * number)
    files = ImageFiles(sorted(tmp_path.iterdir()), (4, 8), channels=1)
    assert files.shape == (4, 4, 8, 1) == np.asarray(files).shape
    assert files.nbytes == np.asarray(files).nbytes == 128
    assert len(files) == 4
    np.testing.assert_array_equal(files[np.array([[3, 0], [1, 1]])][:, :, 0, 0, 0], [[150, 0], [50, 50]])
    np.testing.assert_array_equal(files[1:3], np.asarray(files)[1:3])


def test_reads_only_what_is_looked_at(folder):
    (images, _), _, _ = load_image_files(str(folder), seed=0)
    for file in images.files[3:]:
        file.unlink()
    assert images[:3].shape == (3, 4, 8, 3)
    with pytest.raises(ValueError, match="file that can be read"):
        images[3:4]


def test_cuts_pictures_to_one_size(tmp_path):
    wide = np.zeros((10, 40, 3), "uint8")
    wide[:, 15:25] = (255, 0, 0)  # the middle, which stays
    (tmp_path / "a").mkdir()
    Image.fromarray(wide).save(tmp_path / "a" / "wide.png")
    save(tmp_path / "b" / "high.png", size=(7, 31))
    (images, _), _, _ = load_image_files(str(tmp_path), 1, (5, 5))
    assert images.shape[1:] == (5, 5, 3)
    read = ImageFiles([tmp_path / "a" / "wide.png"], (5, 5))[:]
    assert (read[:, 1:4, 1:4] == (255, 0, 0)).all()  # at the edge there is something of what was cut off


def test_folder_of_class_folders(folder):
    (train, train_labels), (test, test_labels), classes = load_image_files(str(folder), seed=0)
    assert classes == ["cats", "dogs"]
    assert (len(train), len(test)) == (8, 2)
    assert not set(train.files) & set(test.files)
    for images, labels in ((train, train_labels), (test, test_labels)):
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(images[:][:, 0, 0], [COLOURS[classes[label]] for label in labels])
    again = load_image_files(str(folder), seed=0)
    assert again[0][0].files == train.files
    assert load_image_files(str(folder), seed=1)[0][0].files != train.files


@pytest.mark.parametrize(("train", "test"), [("train", "valid"), ("training_set", "test_set")])
def test_folders_for_training_and_for_testing(folder, train, test, tmp_path):
    shutil.copytree(folder, tmp_path / "both" / train)
    save(tmp_path / "both" / test / "dogs" / "new.png")
    (_, labels), (images, test_labels), classes = load_image_files(str(tmp_path / "both"), seed=0)
    assert (len(labels), list(test_labels), classes) == (10, [1], ["cats", "dogs"])
    assert images.files[0].name == "new.png"


def test_passes_over_a_folder_for_testing_without_classes(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "both" / "train")
    save(tmp_path / "both" / "test" / "unknown.png")
    with pytest.raises(ValueError, match="`dataset` must be pictures for training and for testing, received '10 and 0"):
        load_image_files(str(tmp_path / "both"), seed=0)
    save(tmp_path / "both" / "valid" / "dogs" / "new.png")
    (train, _), (test, labels), classes = load_image_files(str(tmp_path / "both"), seed=0)
    assert (len(train), [file.name for file in test.files], list(labels)) == (10, ["new.png"], [1])
    assert classes == ["cats", "dogs"]


def write_table(folder, rows, header="file,labels"):
    path = folder / "labels.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return str(path)


def test_table_of_several_labels(folder):
    rows = ["cats/0.png,cat small", "cats/1,cat", "dogs/0.png,dog;small", "dogs/1.png,", "dogs/2.png,dog"]
    train, test, classes = load_image_files(write_table(folder, rows), 0, task="multi_label")
    assert classes == ["cat", "dog", "small"]
    truth = {"cats/0": [1, 0, 1], "cats/1": [1, 0, 0], "dogs/0": [0, 1, 1], "dogs/1": [0, 0, 0], "dogs/2": [0, 1, 0]}
    found = {}
    for images, targets in (train, test):
        assert targets.dtype == np.float32
        found |= {f"{file.parent.name}/{file.stem}": list(row) for file, row in zip(images.files, targets, strict=True)}
    assert found == truth


def test_table_says_what_is_for_testing(folder):
    rows = ["cats/0.png,cat,False", "dogs/0.png,dog,True", "dogs/1.png,dog,false"]
    train, test, _ = load_image_files(write_table(folder, rows, "file,labels,is_valid"), 0)
    assert [file.parent.name for file in train[0].files] == ["cats", "dogs"]
    assert [file.name for file in test[0].files] == ["0.png"]


def test_table_says_yes_or_no(folder):
    words = ["yes", "No", "TRUE", "", "1", "0", "False", " true "]
    rows = [f"{list(COLOURS)[i % 2]}/{i // 2}.png,{i % 2},{word}" for i, word in enumerate(words)]
    train, test, _ = load_image_files(write_table(folder, rows, "file,labels,is_valid"), 0)
    assert [f"{file.parent.name}/{file.stem}" for file in test[0].files] == ["cats/0", "cats/1", "cats/2", "dogs/3"]
    assert len(train[0]) == 4


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (["cats/9.png,cat"], "file,labels", "a CSV file of files that exist, received .*9.png"),
        (["cats/0.png,cat,more"], "file,labels", "2 columns in each row"),
        (["cats/0.png"], "file", "columns of files and of labels"),
        (["cats/0.png,cat small"], "file,labels", "`task` must be 'multi_label'"),
        ([], "file,labels", "pictures"),
        (["cats/0.png,cat,maybe"], "file,labels,is_valid", "whose `is_valid` is one of .* received .'maybe'"),
        (["cats/0.png,cat,no", "dogs/0.png,dog,0"], "file,labels,is_valid", "for training and for testing.*2 and 0"),
        (["cats/0.png,cat,1", "dogs/0.png,dog,yes"], "file,labels,is_valid", "for training and for testing.*0 and 2"),
    ],
)
def test_refuses_tables(folder, rows, header, message):
    with pytest.raises(ValueError, match=message):
        load_image_files(write_table(folder, rows, header), 0)


def test_refuses_what_is_no_picture_before_anything_is_trained(folder):
    (folder / "dogs" / "2.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"`dataset` must be a file that can be read, received .*2\.png"):
        load_image_files(str(folder), 0)


def test_refuses_empty_folders(tmp_path):
    with pytest.raises(ValueError, match=r"pictures .* in folders of their classes"):
        load_image_files(str(tmp_path), 0)


@pytest.mark.parametrize(
    ("label", "task", "message"),
    [
        ("cat", "multi_class", "`dataset` must be pictures of classes, 2 or more, received .'cat'"),
        ("", "multi_label", "`dataset` must be pictures of classes, 1 or more, received "),
    ],
)
def test_refuses_too_few_classes(folder, label, task, message):
    rows = [f"cats/{number}.png,{label}" for number in range(5)]
    with pytest.raises(ValueError, match=message):
        load_image_files(write_table(folder, rows), 0, task=task)


def test_one_class_may_be_there_or_not(folder):
    rows = [f"cats/{number}.png,{'cat' if number % 2 else ''}" for number in range(5)]
    (_, targets), _, classes = load_image_files(write_table(folder, rows), 0, task="multi_label")
    assert (targets.shape, classes) == ((4, 1), ["cat"])
    with pytest.raises(ValueError, match="`dataset` must be pictures for training and for testing, received '0 and 1"):
        load_image_files(write_table(folder, rows[1:2]), 0, task="multi_label")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize(("orientation", "shape"), [(1, (4, 8)), (3, (4, 8)), (6, (8, 4)), (8, (8, 4))])
def test_a_photograph_has_the_size_of_what_it_shows(tmp_path, suffix, orientation, shape):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    for name in COLOURS:
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 4)).save(tmp_path / name / f"0{suffix}", exif=exif)
    (images, _), _, _ = load_image_files(str(tmp_path), 0)
    assert images.size == shape


def test_unpacks_a_known_archive_once(monkeypatch, tmp_path, folder):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    shutil.copytree(folder, tmp_path / "mnist_sample" / "valid")
    shutil.move(folder, tmp_path / "mnist_sample" / "train")
    archive = tmp_path / "mnist_sample" / "mnist_sample.tgz"
    with tarfile.open(archive, "w:gz") as opened:
        for part in ("train", "valid"):
            opened.add(tmp_path / "mnist_sample" / part, f"mnist_sample/{part}")
    for _ in range(2):
        train, test, classes = load_image_files("mnist_sample", 0)
        assert (len(train[0]), len(test[0]), classes) == (10, 10, ["cats", "dogs"])
        archive.unlink(missing_ok=True)


def test_a_broken_archive_leaves_no_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    (tmp_path / "cats_dogs").mkdir()
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as opened:
        member = tarfile.TarInfo("dogscats/train/cats/1.jpg")
        member.size = 100_000
        opened.addfile(member, io.BytesIO(np.random.default_rng(0).bytes(100_000)))
    (tmp_path / "cats_dogs" / "cats_dogs.tgz").write_bytes(content.getvalue()[:50_000])
    with pytest.raises(ValueError, match="`cats_dogs/cats_dogs` must be an archive of one folder"):
        load_image_files("cats_dogs", 0)
    assert [path.name for path in (tmp_path / "cats_dogs").iterdir()] == ["cats_dogs.tgz"]


def test_in_batches(folder):
    (images, _), _, _ = load_image_files(str(folder), 0)
    sizes = []

    def means(some):
        sizes.append(len(some))
        return some.mean(axis=(1, 2))

    np.testing.assert_array_equal(in_batches(means, images, 3), np.asarray(images).mean(axis=(1, 2)))
    assert sizes == [3, 3, 3]  # the last one filled up


@pytest.mark.parametrize("dataset", ["synthetic", "folder", "npz"])
def test_class_images_are_bytes_with_names(dataset, folder, tmp_path):
    np.savez(tmp_path / "some.npz", images=np.full((10, 4, 4), 0.5), labels=np.arange(10) % 2)
    path = {"synthetic": "synthetic", "folder": str(folder), "npz": str(tmp_path / "some.npz")}[dataset]
    (images, labels), (test, _), classes = load_class_images(path, 0)
    assert type(images) is np.ndarray
    assert images.dtype == test.dtype == np.uint8
    assert labels.dtype == np.int32
    assert (
        classes
        == {"synthetic": [f"stripes {i}" for i in range(3)], "folder": ["cats", "dogs"], "npz": ["0", "1"]}[dataset]
    )
    assert images.max() <= {"synthetic": 255, "folder": 255, "npz": 128}[dataset]


def test_class_images_refuse(folder, tmp_path):
    np.savez(tmp_path / "some.npz", images=np.zeros((10, 4, 4)))
    with pytest.raises(ValueError, match="`dataset` must be images with classes"):
        load_class_images(str(tmp_path / "some.npz"), 0)
    with pytest.raises(ValueError, match="`image_size` must be 0 for images that are not in files, received 8"):
        load_class_images("synthetic", 0, 8)
    assert load_class_images(str(folder), 0, 6)[0][0].shape == (8, 6, 6, 3)
