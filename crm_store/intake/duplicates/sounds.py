"""How characters sound, as far as people who type by sound keep sounds apart."""

from functools import lru_cache

# Southern speakers do not tell these apart, and input methods forgive it: zh/z, ch/c, sh/s, and -ng/-n.
_INITIALS = (("zh", "z"), ("ch", "c"), ("sh", "s"))


def syllables(text: str) -> tuple[str, ...]:
    """Return one syllable for each character, without tone: 恒锐 and 恒瑞 both give ("hen", "rui").

    What has no Chinese sound stands for itself, in lower case.
    """
    return tuple(map(_syllable, text))


@lru_cache(maxsize=32_768)
def _syllable(character: str) -> str:
    from pypinyin import Style, pinyin

    sound = str(pinyin(character, style=Style.NORMAL, errors=str.lower)[0][0])
    for written, heard in _INITIALS:
        if sound.startswith(written):
            sound = heard + sound[2:]
    return sound[:-1] if sound.endswith("ng") else sound
