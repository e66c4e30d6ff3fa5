"""The account of an answer."""

from __future__ import annotations

from detectors.location import explain, locate


def test_it_says_what_the_names_were_taken_for() -> None:
    account = explain("Paris, TX")
    assert account.located == locate("Paris, TX")
    (name,) = account.names
    assert name.name == "paris"
    assert name.candidates[0][1] == "Paris"
    assert name.candidates[0][2] > 0.9
    assert account.unused == ("tx",)
    said = str(account)
    assert "US-TX: weight 0.98" in said
    assert "another name, or a flag, agrees with it" in said


def test_it_lists_namesakes() -> None:
    (name,) = explain("Birmingham").names
    assert len(name.candidates) > 1
    assert name.candidates[0][2] > name.candidates[1][2]
    assert "namesakes" in name.evidence


def test_it_names_regions_and_countries() -> None:
    assert [name.candidates[0][:2] for name in explain("Texas").names] == [("US-TX", "Texas")]
    assert [name.candidates[0][:2] for name in explain("France").names] == [("FR", "France")]


def test_it_says_why_not() -> None:
    account = explain("in your wildest dreams")
    assert account.located == []
    assert set(account.unknown) >= {"your", "wildest"}
    assert str(account).startswith("nowhere")


def test_flags_zip_codes_coordinates_and_communities_are_named() -> None:
    assert explain("🇧🇷 SP").flags == ("BR",)
    assert "flags: FR" in str(explain("🇫🇷"))
    assert explain("Austin, TX 78701").zip3 == "787"
    assert "ZIP code 787xx" in str(explain("Austin, TX 78701"))
    assert explain("48.8566, 2.3522").names[0].evidence == "coordinates"
    assert explain("toronto", "subreddit").names[0].evidence == "subreddit named after a place"


def test_what_it_shows_is_inert() -> None:
    assert "\x1b" not in str(explain("\x1b[31mParis zzz\x1b[0m"))
