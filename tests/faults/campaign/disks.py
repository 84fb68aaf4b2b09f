"""Folders with an end: a file system of their own in an image file, so that a full disk is a real one. Needs root."""
import errno
import os
import shutil
import subprocess
from pathlib import Path

BALLAST = "ballast"


def can_mount():
    return os.geteuid() == 0 and all(shutil.which(p) for p in ("mkfs.ext4", "mount", "umount"))


class Disk:
    """An ext4 image mounted at `folder`. The image is sparse: what is not used takes no room."""

    def __init__(self, image, folder, size_mib, owner=None):
        self.image, self.folder = Path(image), Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.image, "wb") as file:
            file.truncate(size_mib << 20)
        self._run("mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", str(self.image))
        self._run("mount", "-o", "loop", str(self.image), str(self.folder))
        (self.folder / "lost+found").rmdir()  # no server expects it among its own
        if owner:
            shutil.chown(self.folder, owner)
            os.chmod(self.folder, 0o700)

    @staticmethod
    def _run(*command):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")

    def fill(self):
        """Until nobody can write a byte more; returns the MiB that were left."""
        with open(self.folder / BALLAST, "wb") as file:
            size = 0
            for step in (1 << 30, 1 << 20, 4096):
                while True:
                    try:
                        os.posix_fallocate(file.fileno(), size, step)
                        size += step
                    except OSError as error:
                        if error.errno not in (errno.ENOSPC, errno.EFBIG):
                            raise
                        break
        return size >> 20

    def free(self):
        (self.folder / BALLAST).unlink(missing_ok=True)

    @property
    def is_full(self):
        return os.statvfs(self.folder).f_bavail == 0

    def close(self):
        self._run("umount", "-l", str(self.folder))
        self.image.unlink(missing_ok=True)
