"""What keeps dead letters while the database is away, whichever it is."""

from app.steps.ports import LettersAside
from tests.fixtures.memory.builders import a_letter

MOST = 3


class LettersAsideContract:
    """Subclasses give the fixture `aside`, which holds MOST letters."""

    def test_letters_come_back_as_they_were_oldest_first(self, aside: LettersAside) -> None:
        letters = [a_letter(name, traceback="Größe ✓\n", repeats=name == "a") for name in "abc"]

        assert [aside.put(letter) for letter in letters] == [True] * 3
        assert aside.oldest(2) == letters[:2]
        assert aside.oldest(9) == letters

    def test_what_is_dropped_is_gone_and_nothing_else(self, aside: LettersAside) -> None:
        for name in "abc":
            aside.put(a_letter(name))

        aside.drop([a_letter("a"), a_letter("nobody")])
        aside.drop([])

        assert aside.oldest(9) == [a_letter("b"), a_letter("c")]

    def test_of_too_many_the_oldest_goes_and_that_is_told(self, aside: LettersAside) -> None:
        assert [aside.put(a_letter(name)) for name in "abcd"] == [True, True, True, False]
        assert aside.oldest(9) == [a_letter(name) for name in "bcd"]
