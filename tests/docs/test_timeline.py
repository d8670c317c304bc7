"""The charts of the timeline's page are what the command prints for the default stack."""

from __future__ import annotations

from delivery.timeline import page


def test_the_page_has_the_charts_of_the_stack_as_it_is() -> None:
    text = page.PAGE.read_text()
    assert text == page.render(text), "make docs"
    assert text.count("```mermaid") == 2
    assert "<code>NatGateway nat-eu-west-2a</code>" in text, "the page explains that wait in words"
