"""Guessing a text's language from its script and its commonest words.

A health column for every row, so it must cost microseconds and load nothing: scripts decide
where they can, then letters and words that one language of the script has and the others lack.
It knows 30 languages, answers "unknown" for short or mixed text, and is no measure of language
fidelity; tasks that score the language use a real identifier.
"""

# Cyrillic and Arabic letters are meant here.
# ruff: noqa: RUF001
import re
from collections import Counter
from collections.abc import Sequence, Set
from functools import cache
from operator import itemgetter

_LOOKED_AT = 4000  # characters
_LEAST = 4  # letters, below which nothing is said
_MIXED = 12_000  # characters at the end of a text in which other languages are looked for
_PASSAGE = 40  # letters of a line from which it may be in a language of its own
_TELLING = 3  # different common words of a language that make a line be in it
_RUN = 3  # words in a row of another alphabet; fewer are names, units and variables
_CHARACTERS = ("han", "ja", "ko", "th")  # scripts that need no blanks: every letter counts
_NOISE = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|\$[^$\n]{1,200}\$|\\\w+", re.DOTALL
)
_NOISY = ("`", "$", "\\", "http:", "https:")  # without one of these there is no noise
_WORD = re.compile(r"[^\W\d_]+")
# ASCII's letters in lower case and blanks for the rest: words at a fifth of a pattern's cost.
_TO_WORDS = bytes(
    ord(chr(code).lower()) if chr(code).isalpha() else 32 for code in range(128)
).ljust(256)
# First code point of a block, one past its last, and the script that it belongs to.
_BLOCKS = (
    (0x41, 0x250, "latin"),
    (0x370, 0x400, "el"),
    (0x400, 0x530, "cyrillic"),
    (0x530, 0x590, "hy"),
    (0x590, 0x600, "he"),
    (0x600, 0x780, "arabic"),
    (0x900, 0x980, "hi"),
    (0x980, 0xA00, "bn"),
    (0xA00, 0xA80, "pa"),
    (0xA80, 0xB00, "gu"),
    (0xB80, 0xC00, "ta"),
    (0xC00, 0xC80, "te"),
    (0xC80, 0xD00, "kn"),
    (0xD00, 0xD80, "ml"),
    (0xE00, 0xE80, "th"),
    (0x10A0, 0x1100, "ka"),
    (0x1200, 0x1380, "am"),
    (0x1E00, 0x1F00, "latin"),
    (0x3040, 0x3100, "ja"),
    (0x3400, 0xA000, "han"),
    (0xAC00, 0xD7B0, "ko"),
)
_COMMON = {
    "en": "the of and to in is that it for was with are this be on by have from you not they "
    "which she he his her has what how many each so if",
    "de": "der die das und ist nicht ein eine zu den von mit sich auf für dem des im auch es "
    "wird sind hat wie viele aber er sie wir",
    "fr": "le la les des et est une du dans que pour qui sur pas au par avec ce il elle sont "
    "nous vous combien donc aux ses son leur chaque a en si plus fait",
    "es": "el la los las de y que en un una por con para es se del al su como más cuántos pero "
    "son está",
    "pt": "o a os as de e que em um uma por com para é se do da no na dos das ao não mais são "
    "você quantos está",
    "it": "il lo la i gli le di e che in un una per con è si del della sono non più quanti ha "
    "anche questo nel",
    "nl": "de het een en van is dat op te in niet met zijn voor er aan ook als maar hij ze "
    "hoeveel dus wordt",
    "sw": "na ya wa ni kwa za katika la hii kila kuwa ana yake hiyo cha ambayo sasa kama jumla "
    "ngapi watu siku jibu ili",
    "id": "yang dan di dari untuk dengan ini itu adalah pada tidak akan dalam setiap berapa "
    "jumlah dia mereka jadi atau",
    "tr": "ve bir bu için ile da de ne kadar olan her çok daha sonra olarak toplam tane var "
    "değil gün",
    "vi": "là và của có một cho không các được trong với người những đã này số mỗi bao nhiêu "
    "để",
    "pl": "i w na z się nie jest do to że jak po od ile przez dla oraz ma są jego",
    "sv": "och att det i en som är på av för med inte den har till ett om var hur många",
    "ro": "și în de la cu pe nu este un o care din pentru mai sunt cât câte fiecare",
    "cs": "a je v na se to že s z do kolik pro jako jsou byl každý ale má",
    "fi": "ja on ei se että hän oli mutta kuinka monta joka ovat kun niin sekä",
    "et": "ja on ei et see ta kui mitu oli iga kas mis ning aga kokku",
    "ht": "yo nan ak pou li ki gen konbyen chak se te sa nou",
    "qu": "kay chay hinaspa huk manan ima kan paykuna hayk wan",
    "ru": "и в не на что с по как это для он она из к у так же все сколько",
    "uk": "і в не на що з як це для він вона із до у та скільки є",
    "bg": "и в не на че с за да се по от са той тя колко е",
    "ar": "في من على إلى أن هذا هذه التي كم هو هي عن مع كل",
    "fa": "و در به از که این را با است برای آن چند هر یک",
    "ur": "اور کے کی میں ہے سے کا کو یہ پر نے ہیں کہ ایک",
}
_SCRIPT_OF = {
    **dict.fromkeys(("ru", "uk", "bg"), "cyrillic"),
    **dict.fromkeys(("ar", "fa", "ur"), "arabic"),
}
# Letters that one language of a script has and its neighbours lack.
_LETTERS = {
    "de": "ß",
    "es": "ñ¿¡",
    "pt": "ãõ",
    "tr": "ğış",
    "vi": "ăđơưạảấầẩậắằặẹẻếềểệịọỏốồổộớờởợụủứừửựỳỵỷ",
    "pl": "łżśćńź",
    "ro": "țș",
    "cs": "řěů",
    "fr": "êèœûù",
    "et": "õ",
    "ru": "ыэё",
    "uk": "іїєґ",
    "fa": "پچژگ",
    "ur": "ٹڈڑےں",
}
#: Every language that `guess` can name.
LANGUAGES = frozenset(
    {*_COMMON, "zh", *(name for *_, name in _BLOCKS if len(name) == 2)},
)


def guess(text: str) -> str:
    """Name the language that most of a text is in, as a two-letter code.

    Args:
        text: any text; its first 4,000 characters are looked at, code, links and formulas
            left out.

    Returns:
        A code (`zh` for Han without kana), or "unknown" where there is too little to say.
    """
    if not text:
        return "unknown"
    text = text[:_LOOKED_AT]
    text = _quiet(text)
    if text.isascii():  # most answers: one script, whose letters need no counting by script
        words = _words(text)
        return _by_words(words, "latin") if len("".join(words)) >= _LEAST else "unknown"
    return _by_script(text)


def mixing(text: str, language: str = "") -> float:
    """Give the share of a text's letters that stand in another language than the text.

    Letters of another script count, from three words in a row on (single ones are names, units
    and variables; Greek ones always are), as do whole lines whose common words are another
    language's. Code, links and formulas are left out.

    Args:
        text: any text; its last 12,000 characters are looked at.
        language: what `guess` says of it, where that is known.

    Returns:
        In [0, 1]; 0 where the language of the text is not recognised.
    """
    whole = text
    text = text[-_MIXED:]
    if _is_plain(text):
        return 0.0
    text = _quiet(text)
    if _is_plain(text):
        return 0.0
    main = language if language and text == whole else guess(text)
    if main == "unknown":
        return 0.0
    total = sum(map(len, _words(text)))
    foreign = 0 if text.isascii() else _foreign(text, _scripts_of(main))
    foreign += sum(_elsewhere(line, main) for line in text.splitlines())
    return round(min(1.0, foreign / total), 4) if total else 0.0


def _words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    if text.isascii():
        return text.encode().translate(_TO_WORDS).decode().split()
    return _WORD.findall(text.lower())


def _quiet(text: str) -> str:
    """A text without code, links and formulas."""
    for sign in _NOISY:
        if sign in text:
            return _NOISE.sub(" ", text)
    return text


def _is_plain(text: str) -> bool:
    """Whether a text is one line of one script."""
    return text.isascii() and "\n" not in text.strip()


def _scripts_of(language: str) -> tuple[str, ...]:
    """The scripts in which a language is written."""
    if language == "ja":
        return "ja", "han"
    if language == "zh":
        return ("han",)
    return (_SCRIPT_OF.get(language, "latin") if language in _COMMON else language,)


def _foreign(text: str, own: tuple[str, ...]) -> int:
    """Letters in scripts that are not `own`, from three words in a row on."""
    found = run = words = 0
    for word in [*_WORD.findall(text), ""]:
        script = _script(word[0]) if word else ""
        other = bool(script) and script not in own and script != "el"
        if other and script in _CHARACTERS:
            found += len(word)
        elif other:
            run, words = run + len(word), words + 1
        else:
            found += run if words >= _RUN else 0
            run = words = 0
    return found


def _elsewhere(line: str, main: str) -> int:
    """Letters of a line that is in another language of the main one's script; else 0."""
    script = _SCRIPT_OF.get(main, "latin") if main in _COMMON else ""
    words = _words(line)
    size = sum(map(len, words))  # below: letters alone are variables in any language
    if not script or size < _PASSAGE:
        return 0
    common = _common(script)
    seen: dict[str, int] = {}
    for word in set(words):
        for language in common.get(word, ()) if len(word) > 1 else ():
            seen[language] = seen.get(language, 0) + 1
    best = max(seen, key=lambda language: (seen[language], language), default=main)
    told = seen.get(best, 0) >= _TELLING and seen[best] >= 2 * seen.get(main, 0) + 1
    return size if told and best != main else 0


def _by_script(text: str) -> str:
    """Choose by the script of most letters, and where several share it by words."""
    scripts: Counter[str] = Counter()
    for char, times in Counter(text).items():
        scripts[_script(char)] += times
    scripts.pop("", None)
    total = scripts.total()
    if total < _LEAST:
        return "unknown"
    if scripts["ja"] and scripts["ja"] + scripts["han"] > total / 2:
        return "ja" if scripts["ja"] > (scripts["ja"] + scripts["han"]) / 20 else "zh"
    script, count = scripts.most_common(1)[0]
    if count <= total / 2:
        return "unknown"
    if script == "han":
        return "zh"
    if script not in ("latin", "cyrillic", "arabic"):
        return script
    text = text.lower()
    return _by_words(_WORD.findall(text), script, set(text))


@cache
def _script(char: str) -> str:
    """Name a letter's script, or "" for what is no letter of a known one."""
    code = ord(char)
    if not (char.isalpha() or 0x900 <= code < 0xE80):
        return ""
    return next((name for first, end, name in _BLOCKS if first <= code < end), "")


@cache
def _common(script: str) -> dict[str, tuple[str, ...]]:
    """Map each common word of a script's languages to the languages that have it."""
    found: dict[str, list[str]] = {}
    for language, words in _COMMON.items():
        if _SCRIPT_OF.get(language, "latin") == script:
            for word in words.split():
                found.setdefault(word, []).append(language)
    return {word: tuple(languages) for word, languages in found.items()}


def _by_words(words: Sequence[str], script: str, present: Set[str] = frozenset()) -> str:
    """Choose among the languages of one script by common words and telling letters.

    Args:
        words: in lower case, as they occur.
        script: what they are written in.
        present: the characters of the text; may be left out where all are ASCII.
    """
    votes: dict[str, float] = {}
    common = _common(script)
    for languages in filter(None, map(common.get, words)):
        share = 1 / len(languages)  # a word that five languages share says a fifth as much
        for language in languages:
            votes[language] = votes.get(language, 0.0) + share
    for language, letters in _LETTERS.items() if present else ():
        if _SCRIPT_OF.get(language, "latin") == script and not present.isdisjoint(letters):
            seen = sum(any(letter in word for letter in letters) for word in set(words))
            if seen:
                votes[language] = votes.get(language, 0.0) + seen
    ranked = sorted(votes.items(), key=itemgetter(1), reverse=True)
    if not ranked or ranked[0][1] < max(1.0, len(words) / 50):
        return "unknown"
    if len(ranked) > 1 and ranked[1][1] > ranked[0][1] * 0.9:
        return "unknown"
    return ranked[0][0]
