"""Files that people write: every fault in one sentence, with its line and field."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from northstar.documents import DocumentInvalid, Fault, parse_document, read_text


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Engine(Section):
    power: float
    fuel: Literal["diesel", "petrol"] = "petrol"


class Sail(Section):
    area: float


class Boat(Section):
    name: str
    drive: Engine | Sail | dict[Literal["calm", "storm"], Engine] | None = None
    crew: int | list[str] = 0
    launched: date | None = None
    words: dict[str, str] = {}


def read(text: str) -> Boat:
    return parse_document(text, Path("boat.yaml"), Boat, DocumentInvalid, begins="name: …")


def faults_of(text: str) -> list[str]:
    with pytest.raises(DocumentInvalid) as caught:
        read(text)
    return [f"{fault.line} {fault.field}: {fault.what}" for fault in caught.value.faults]


TOP = "it begins with 'name: …'"
INDENTED = "it is indented otherwise than what it belongs to"
ELSEWHERE = "stands for what is written elsewhere; write it here as well"
NO_YAML = {
    "": f"1 : is empty; {TOP}",
    "# only a comment\n": f"1 : is empty; {TOP}",
    "- a\n- list\n": f"1 : is no mapping; {TOP}",
    "just text": f"1 : is no mapping; {TOP}",
    "name: x\n\tcrew: 1\n": "2 : not valid YAML: a tab stands where spaces are needed",
    "name: x\n---\nname: y\n": "2 : not valid YAML: a second document begins here; a file has one",
    "name: x\nwords: {a: b\n": "3 : not valid YAML: a list or mapping in brackets is not closed",
    "name: a: b\n": "1 : not valid YAML: a colon too many; a text with one in it needs quotes",
    "name: @x\n": "1 : not valid YAML: a text that begins with this character needs quotes",
    "name: x\nwords:\n    a: b\n  c: d\n": f"4 : not valid YAML: {INDENTED}",
    "  name: x\ncrew: 1\n": f"2 : not valid YAML: {INDENTED}",
    "name: - y\n": "1 : not valid YAML: a list begins here, where there can be none",
    "name: x\nwords: [a,,b]\n": "2 : not valid YAML: a value is missing, or a text needs quotes",
    "name: x\nwords: \x00\n": "2 : has a character that no text may have, #x0000",
    "name: &n x\nwords: {a: *n}\n": f"2 : *n {ELSEWHERE}",
    "name: x\nwords: &w\n  a: *w\n": f"3 : *w {ELSEWHERE}",
    "name: x\nwords:\n  <<: {a: b}\n": "3 words.<<: is not read; write out what it stands for",
    "name: !!str x\n": "1 : tags such as !name are not read; leave it out",
    "name: x\n? [a, b]\n: c\n": "2 : a name must be a text",
    "name: x\nwords:\n  a: b\n  a: c\n": "4 words.a: is there twice",
    f"name: {'[' * 3000}": "1 : is nested more than 40 deep",
}


@pytest.mark.parametrize("text", NO_YAML)
def test_what_is_no_such_file_is_told_in_one_sentence(text: str) -> None:
    assert faults_of(text) == [NO_YAML[text]]


WRONG = {
    "nmae: x": ["1 name: is missing", "1 nmae: is not a field here; did you mean 'name'?"],
    "name: 4": ["1 name: must be a text; put it in quotes"],
    "name: yes": ["1 name: must be a text; put it in quotes"],
    "name:": ["1 name: is empty; it must be a text"],
    "name: [x]": ["1 name: must be a text, not a list"],
    "drive: {power: 1, feul: diesel}": ["2 drive.feul: is not a field here; did you mean 'fuel'?"],
    "drive: {power: 1, fuel: disel}": [
        "2 drive.fuel: must be 'diesel' or 'petrol', not 'disel'; did you mean 'diesel'?"
    ],
    "drive: {area: much}": ["2 drive.area: must be a number, not 'much'"],
    "drive: {power: 1, area: 2}": ["2 drive.area: does not go with the other fields here"],
    "drive: {calm: {power: 1, feul: x}}": [
        "2 drive.calm.feul: is not a field here; did you mean 'fuel'?"
    ],
    "drive: {clam: {power: 1}, storm: {power: 1}}": [
        "2 drive.clam: must be 'calm' or 'storm', not 'clam'; did you mean 'calm'?"
    ],
    "drive: oars": ["2 drive: must be a mapping with power, fuel, area, calm, storm, not 'oars'"],
    "crew: many": ["2 crew: must be a whole number or a list, not 'many'"],
    "crew: [ada, 4]": ["2 crew[1]: must be a text; put it in quotes"],
    "launched: 2026-02-31": ["2 launched: must be a date such as 2026-01-31, not '2026-02-31'"],
    f"crew: {'9' * 5000}": [f"2 crew: must be a whole number or a list, not '{'9' * 56}..."],
}


@pytest.mark.parametrize("text", WRONG)
def test_what_does_not_fit_is_told_by_field_in_a_persons_words(text: str) -> None:
    document = text if "name" in text or "nmae" in text else f"name: x\n{text}\n"
    assert faults_of(document) == WRONG[text]


def test_names_are_texts_as_they_are_written() -> None:
    assert read("name: x\nwords: {no: a, 1: b, ~: c, 2026-01-01: d}").words == {
        "no": "a",
        "1": "b",
        "~": "c",
        "2026-01-01": "d",
    }


def test_a_file_that_is_no_utf_8_is_told_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "boat.yaml"
    path.write_bytes(b"name: x\ncrew: [caf\xe9]\n")
    with pytest.raises(DocumentInvalid) as caught:
        read_text(path, DocumentInvalid)
    what = "cannot be read: byte 0xe9 is not UTF-8; save it as UTF-8"
    assert caught.value.faults == (Fault(2, "", what),)
    with pytest.raises(DocumentInvalid, match="cannot be read: Is a directory"):
        read_text(tmp_path, DocumentInvalid)


@given(st.text(alphabet=st.sampled_from("name: crewdvi{}[]-?!&*<'\"|>#%@\n\t 0195.~"), max_size=60))
def test_any_text_is_a_boat_or_has_a_fault_with_a_line_of_it(text: str) -> None:
    try:
        read(text)
        lines = [1]
    except DocumentInvalid as error:
        lines = [fault.line for fault in error.faults]
    assert lines
    assert all(1 <= line <= text.count("\n") + 1 for line in lines)
