"""By which keys two records meet, and what of a record is kept beside them so that it need not be read again.

Only records that share a key are ever compared. The keys of a name go by its sound, so that homophones meet,
and by its beginning, so that short forms and slips further on do; a character that was swapped or doubled
leaves the set of syllables as it was.
"""

from collections.abc import Iterable, Iterator

from crm_store.domain.likeness import Key
from crm_store.intake.duplicates.names import Name, name_of
from crm_store.intake.duplicates.profile import Profile, digest

MEETING_KINDS = ("mobile", "landline", "code", "email", "start", "syllables", "brand", "person")
"""The kinds of keys by which records meet. All are digests, so that no telephone is kept a second time."""

_SUMMARY = "summary"
_SEPARATOR = "|"
# A key has room for 80 characters; what is longer than this is compared by its beginning.
_LONGEST = (6, 12, 14, 30, 12)


def keys_of(profile: Profile) -> frozenset[Key]:
    """Return the keys under which a record is found again, and the summary that ``profile_of`` reads."""
    return frozenset({*_identifiers(profile), *_meeting(profile), (_SUMMARY, _summary(profile))})


def meeting_keys(profile: Profile) -> frozenset[Key]:
    """Return those keys by which a record meets others."""
    return frozenset({*_identifiers(profile), *_meeting(profile)})


def profile_of(keys: Iterable[Key]) -> Profile:
    """Return the profile that keys were made of (``keys_of``), but for what was too long to keep."""
    known = {kind: key for kind, key in keys if kind in _KEPT}
    place, person, brand, trade, branch = known[_SUMMARY].split(_SEPARATOR)
    return Profile(
        mobile=known.get("mobile"),
        landline=known.get("landline"),
        credit_code=known.get("code"),
        email=known.get("email"),
        person=person or None,
        company=name_of(brand, trade, branch) if brand else None,
        place=place,
    )


def _identifiers(profile: Profile) -> Iterator[Key]:
    values = (profile.mobile, profile.landline, profile.credit_code, profile.email)
    for kind, value in zip(MEETING_KINDS, values, strict=False):
        if value:
            yield kind, value


def _meeting(profile: Profile) -> Iterator[Key]:
    """Yield the keys of name and person; what alone says little is put together with the province."""
    if profile.company:
        sound = profile.company.sound
        yield "start", digest(" ".join(sound[:3]))
        yield "syllables", digest(" ".join(sorted(set(sound))))
        yield "brand", digest(" ".join((profile.province, *sound[:2])))
    if profile.person and not profile.is_vague:
        yield "person", digest(f"{profile.province} {profile.person}")


def _summary(profile: Profile) -> str:
    name = profile.company or Name("", "", "", (), (), "")
    parts = (profile.place, profile.person or "", name.brand, name.trade, name.branch)
    return _SEPARATOR.join(
        part.replace(_SEPARATOR, "")[:longest] for part, longest in zip(parts, _LONGEST, strict=True)
    )


_KEPT = frozenset({*MEETING_KINDS[:4], _SUMMARY})
