"""The figures of the bootstrap's page come from `make bench`, which writes them there."""

from __future__ import annotations

from tests.cluster import bench


def test_the_page_takes_new_figures_in_place_of_the_old_ones_and_keeps_all_else() -> None:
    page = bench.PAGE.read_text()
    changed = bench.with_figures(page, {"memory": "1.0 GiB"})
    assert f"{bench.BEGIN}\n| | |\n|---|---|\n| memory | 1.0 GiB |\n{bench.END}" in changed
    whole = bench.with_figures(changed, {"memory": "2.0 GiB"})
    assert whole == changed.replace("1.0 GiB", "2.0 GiB")
    assert whole.partition(bench.BEGIN)[0] == page.partition(bench.BEGIN)[0]
    assert whole.partition(bench.END)[2] == page.partition(bench.END)[2]


def test_the_page_has_been_measured() -> None:
    page = bench.PAGE.read_text()
    figures = page.partition(bench.BEGIN)[2].partition(bench.END)[0]
    assert "memory of the cluster's processes (PSS)" in figures
    assert "measured" in figures
