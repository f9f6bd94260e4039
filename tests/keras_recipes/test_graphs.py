import hashlib
import pickle

import numpy as np
import pytest

from keras_recipes import graphs as module
from keras_recipes.graphs import read_graph
from keras_recipes.random_walks import Neighbours, random_walks

EDGES = np.array([[0, 1], [0, 2], [1, 2], [2, 3], [3, 4]])  # a triangle with a tail


def walk(number, length, nodes=6, **options):
    starts = np.tile(np.arange(nodes), number)
    return random_walks(Neighbours(EDGES, nodes), starts, length, rng=np.random.default_rng(0), **options)


def test_walks_go_along_edges():
    found, edges = (
        walk(200, 10, p=0.5, q=2.0),
        {tuple(edge) for edge in np.concatenate([EDGES, EDGES[:, ::-1]]).tolist()},
    )
    assert found.shape == (1200, 10)
    for row in found:
        if row[0] == 5:  # without edges
            assert (row == 5).all()
        else:
            assert {*zip(row[:-1].tolist(), row[1:].tolist(), strict=True)} <= edges


@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (0.25, 1.0), (4.0, 0.5), (1.0, 3.0)])
def test_steps_are_as_likely_as_in_the_paper(p, q):
    """From 2, having come from 0: back to 0 by 1 / p, to 1, which is next to 0, by 1, to 3 by 1 / q."""
    found = walk(40_000, 3, p=p, q=q)
    there = found[(found[:, 0] == 0) & (found[:, 1] == 2), 2]
    expected = np.array([1 / p, 1, 1 / q]) / (1 / p + 1 + 1 / q)
    shares = np.array([(there == node).mean() for node in (0, 1, 3)])
    np.testing.assert_allclose(shares, expected, atol=4 * np.sqrt(0.25 / len(there)))


@pytest.mark.parametrize(
    ("changes", "message"), [({"length": 0}, "length"), ({"length": 3, "p": 0}, "p"), ({"length": 3, "q": -1}, "q")]
)
def test_wrong_arguments_of_walks(changes, message):
    with pytest.raises(ValueError, match=f"`{message}` must be"):
        walk(1, **changes)


def test_karate(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    (tmp_path / "graphs").mkdir()
    content = "".join(f"{node} {34 if node > 17 else 1}\n" for node in range(2, 34)) + "1 34\n"
    (tmp_path / "graphs" / "karate.edgelist").write_text(content)
    graph = read_graph("karate")
    assert len(graph.names) == 34
    assert [graph.names[node] for node in graph.train] == ["1", "34"]
    assert graph.labels.sum() == 17
    assert graph.labels[graph.names.index("9")] == 0
    assert sorted([*graph.train, *graph.test]) == list(range(34))


def write_cora(folder, **others):
    folder.mkdir()
    one = np.eye(7, dtype="int32")
    files = {"graph": {0: [1, 1, 0], 1: [0], 200: [1]}, "ally": one[np.arange(195) % 7], "ty": one[np.arange(5) % 7]}
    for name, content in (files | others).items():
        (folder / f"ind.cora.{name}").write_bytes(pickle.dumps(content, 2))
    np.savetxt(folder / "ind.cora.test.index", [199, 195, 198, 196, 197], fmt="%d")


def test_cora(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    write_cora(tmp_path / "graphs")
    graph = read_graph("cora")
    assert graph.edges.tolist() == [[0, 1], [1, 200]]
    assert graph.labels[:3].tolist() == [0, 1, 2]
    assert graph.labels[195:].tolist() == [1, 3, 4, 2, 0]
    assert (len(graph.train), graph.test.tolist()) == (140, [195, 196, 197, 198, 199])


def test_a_file_that_would_do_something_is_not_read(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    write_cora(tmp_path / "graphs", ty=hashlib.sha256)
    with pytest.raises(ValueError, match=r"`dataset` must be files as they were published.*sha256 is no part"):
        read_graph("cora")


def test_movielens(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_RECIPES_DATA", str(tmp_path))
    folder = tmp_path / "movielens-latest-small"
    folder.mkdir()
    ratings = ["1,7,4.0,1", "1,8,3.5,2", "2,7,5.0,3"]
    (folder / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *ratings]))
    films = "movieId,title,genres\n7,Seven,Crime\n8,Eight,Drama\n90,Emma,Drama\n91,Emma,Drama\n"
    (folder / "movies.csv").write_text(films)
    graph = read_graph("movielens-latest-small")
    assert graph.names == ["Seven", "user 1", "user 2"]
    assert graph.edges.tolist() == [[0, 1], [0, 2]]
    assert graph.labels is None
    ratings += ["1,90,4.0,1", "2,91,4.0,1"]  # two films with the same title
    (folder / "ratings.csv").write_text("\n".join(["userId,movieId,rating,timestamp", *ratings]))
    graph = read_graph("movielens-latest-small")
    assert graph.names == ["Emma 90", "Emma 91", "Seven", "user 1", "user 2"]
    assert graph.edges.tolist() == [[0, 3], [1, 4], [2, 3], [2, 4]]


def test_files_of_edges(tmp_path):
    path = tmp_path / "edges.txt"
    path.write_text("a b\nb,c\n\nc c\nb a\n")
    graph = read_graph(str(path))
    assert (graph.names, graph.edges.tolist()) == (["a", "b", "c"], [[0, 1], [1, 2]])
    path.write_text("a b\nb c d\n")
    with pytest.raises(ValueError, match=r"`dataset` must be a file of edges, line 2 of .*received 'b c d'"):
        read_graph(str(path))
    path.write_text("")
    with pytest.raises(ValueError, match="`dataset` must be a graph with edges"):
        read_graph(str(path))
    path.write_bytes("caf\xe9 b".encode("latin-1"))
    with pytest.raises(ValueError, match=r"`dataset` must be a file of edges in UTF-8, received .*edges.txt: 'utf-8'"):
        read_graph(str(path))
    with pytest.raises(ValueError, match="`dataset` must be one of 'synthetic', 'karate', 'cora'"):
        read_graph("no-such-graph")


def test_synthetic_groups():
    graph = module.synthetic_graph(0)
    same = graph.labels[graph.edges[:, 0]] == graph.labels[graph.edges[:, 1]]
    assert same.sum() == pytest.approx(0.3 * 4 * 30 * 29 / 2, rel=0.1)
    assert (~same).sum() == pytest.approx(0.01 * 6 * 900, rel=0.4)
    assert np.bincount(graph.labels[graph.train]).tolist() == [3, 3, 3, 3]
