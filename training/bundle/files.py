"""Bundle files on disk: exactly the named ones, plain, small, and with the hashes that the manifest states.

Every file is read once, and what is used is what was hashed.
"""

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

MANIFEST = "manifest.json"
FILES = ("booster.txt", "bundle.json")
MAX_BYTES = 64 * 1024 * 1024  # a booster of 1,000 trees is about 2 MB; more is a mistake or an attack
FORMAT = 1

_MESSAGES = {
    "bundle_missing": ("模型包或其文件不存在", "the bundle or one of its files isn't there"),
    "bundle_not_plain": ("模型包含有链接或特殊文件", "the bundle holds a link or a special file"),
    "bundle_extra_file": ("模型包含有多余的文件", "the bundle holds a file that doesn't belong"),
    "bundle_too_large": ("模型包文件过大", "a file of the bundle is too large"),
    "bundle_hash": ("模型包内容与校验和不符", "the bundle's content doesn't match its hashes"),
    "bundle_manifest": ("模型包清单无法读取", "the bundle's manifest can't be read"),
    "bundle_content": ("模型包内容无法读取", "the bundle's content can't be read"),
    "bundle_path": ("模型路径超出模型目录", "the model's path leaves the models folder"),
    "no_champion": ("尚无上线模型", "no model has been promoted yet"),
    "no_earlier_champion": ("没有可以回退到的完好模型", "there is no earlier champion that is whole"),
}


class BundleBroken(Exception):
    """A bundle can't be trusted or read. ``code`` is stable, ``field`` names the file or key."""

    def __init__(self, code: str, field: str) -> None:
        self.code, self.field = code, field
        self.zh, self.en = _MESSAGES[code]
        super().__init__(f"{code} ({field}): {self.zh} · {self.en}")


def sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def canonical_json(value: object) -> bytes:
    """Return one spelling of a JSON value: sorted keys, two spaces, UTF-8, no NaN."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2, allow_nan=False)
    return (text + "\n").encode()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that is either wholly there or not at all, and is on the disk when this returns."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_files(folder: Path, files: Mapping[str, bytes]) -> str:
    """Write the files of a bundle as a new folder, in one step; return the manifest's SHA-256.

    Raises FileExistsError when the folder is there.
    """
    if folder.exists():
        raise FileExistsError(folder.name)
    listed = {name: {"sha256": sha256(files[name]), "bytes": len(files[name])} for name in FILES}
    manifest = canonical_json({"format": FORMAT, "files": listed, "total": sha256(canonical_json(listed))})
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    try:
        for name, content in {**{name: files[name] for name in FILES}, MANIFEST: manifest}.items():
            write_atomically(temporary / name, content)
        temporary.chmod(0o755)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return sha256(manifest)


def read_files(folder: Path, expected_manifest_sha256: str | None = None) -> tuple[dict[str, bytes], str]:
    """Return the verified content of each file and the manifest's SHA-256. Raises BundleBroken."""
    if folder.is_symlink():
        raise BundleBroken("bundle_not_plain", folder.name)
    if not folder.is_dir():
        raise BundleBroken("bundle_missing", folder.name)
    for name in sorted(entry.name for entry in folder.iterdir()):
        if name not in (*FILES, MANIFEST):
            raise BundleBroken("bundle_extra_file", name)
    manifest = read_plain(folder / MANIFEST)
    if expected_manifest_sha256 is not None and sha256(manifest) != expected_manifest_sha256:
        raise BundleBroken("bundle_hash", MANIFEST)
    listed = _listed(manifest)
    files = {name: read_plain(folder / name) for name in FILES}
    for name in FILES:
        if listed[name] != {"sha256": sha256(files[name]), "bytes": len(files[name])}:
            raise BundleBroken("bundle_hash", name)
    return files, sha256(manifest)


def read_plain(path: Path) -> bytes:
    """Read an ordinary file of bounded size without following a link. Raises BundleBroken."""
    try:
        # O_NONBLOCK: opening a pipe that someone put there must not wait for its other end
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise BundleBroken("bundle_missing", path.name) from None
    except OSError:
        raise BundleBroken("bundle_not_plain", path.name) from None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise BundleBroken("bundle_not_plain", path.name)
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise BundleBroken("bundle_too_large", path.name)
    return content


def parse_json(content: bytes, code: str, field: str) -> dict[str, object]:
    """Return a JSON object. Raises BundleBroken with the given code for anything else."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise BundleBroken(code, field) from None
    if not isinstance(value, dict):
        raise BundleBroken(code, field)
    return value


def _listed(manifest: bytes) -> dict[str, object]:
    """The hashes that a manifest states; its own total must fit, and it must be in the one spelling."""
    value = parse_json(manifest, "bundle_manifest", MANIFEST)
    listed = value.get("files")
    if set(value) != {"format", "files", "total"} or value["format"] != FORMAT:
        raise BundleBroken("bundle_manifest", MANIFEST)
    if not isinstance(listed, dict) or set(listed) != set(FILES):
        raise BundleBroken("bundle_manifest", MANIFEST)
    if value["total"] != sha256(canonical_json(listed)) or manifest != canonical_json(value):
        raise BundleBroken("bundle_hash", MANIFEST)
    return listed
