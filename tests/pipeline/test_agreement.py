"""What workers must share with this process; here they are functions that see what they like."""

from dataclasses import replace

import pytest

from lt2f.pipeline import agreement
from lt2f.pipeline.agreement import Disagreement, agree, look
from lt2f.pipeline.store import Store, StoreError


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(agreement, "SEEN", 0.3)
    monkeypatch.setattr("lt2f.pipeline.store.SEEN", 0.3)


def test_workers_that_share_everything_leave_nothing_behind(tmp_path):
    folder = tmp_path / "new" / "store"
    agree(lambda look, *at: {"tcp://a:1": look(*at), "tcp://b:2": look(*at)}, folder)
    assert list(folder.iterdir()) == []


def test_another_disk_under_the_same_name(tmp_path):
    with pytest.raises(Disagreement, match=r"chunks: what worker tcp://a:1 on .* is not there for"):
        agree(lambda look, _: {"tcp://a:1": look(tmp_path / "theirs")}, tmp_path / "ours")


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Disagreement, match=r"chunks: worker tcp://a:1 .* cannot write to .*file"):
        agree(lambda look, at: {"tcp://a:1": look(at)}, tmp_path / "file")


def test_other_code(tmp_path):
    sight = replace(look(tmp_path), code="0", version="9.9")
    with pytest.raises(Disagreement, match=r"has other code of lt2f \(version 9.9\)"):
        agree(lambda *_: {"tcp://a:1": sight}, tmp_path)


def test_a_chunk_is_expected_until_it_is_seen(tmp_path):
    store = Store(tmp_path)
    store.path("abc").parent.mkdir()
    store.path("abc").touch()
    store.expect(["abc"])
    with pytest.raises(StoreError, match=r"abd.npz: a worker wrote it and it is not there"):
        store.expect(["abc", "abd"])
