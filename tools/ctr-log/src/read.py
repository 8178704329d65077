"""Write the proxy's request log to standard output, the oldest record first.

ctr-log(1) runs it in the proxy: `python3 -I -c PROGRAM FILE [follow]`. An empty line
says that all is written that there was. With `follow` what comes is written too, until
standard input ends: by that it is known that nobody reads any more.

FILE is the newest file, FILE.1 the one before it, and so on. A file only ever gets a
higher number. So whoever opens them from the newest on misses none, and knows by the
inode one that he has opened already.
"""

import os
import select
import sys

BLOCK = 1 << 16
PAUSE = 0.2


def opened(path, until=None):
    """Open the files that are newer than the one with the inode `until`, and
    return them, the oldest first."""
    files, seen, number, missed = [], set(), 0, 0
    # While the files get their numbers there is one number that none has.
    while missed < 2:
        try:
            file = os.open(f"{path}.{number}" if number else path, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            number, missed = number + 1, missed + 1
            continue
        number, missed, inode = number + 1, 0, os.fstat(file).st_ino
        if inode == until:
            os.close(file)
            break
        if inode in seen:
            os.close(file)
            continue
        files.append(file)
        seen.add(inode)
    return files[::-1]


def write(text):
    while text:
        text = text[os.write(1, text) :]


def copy(file, offset):
    """Write the whole lines behind `offset`, and return where they end."""
    size = BLOCK
    while True:
        text = os.pread(file, size, offset)
        whole = text[: text.rfind(b"\n") + 1]
        write(whole)
        offset += len(whole)
        if not whole and len(text) == size:
            size *= 2  # a line that is longer
        elif not whole:
            return offset


def main(path, follow):
    files, offset, told = opened(path), 0, False
    while True:
        for index, file in enumerate(files):
            offset = copy(file, offset if index == 0 else 0)
            if index < len(files) - 1:
                os.close(file)
        files = files[-1:]
        if not told:
            write(b"\n")
            told = True
        if not follow:
            return
        if select.select([0], [], [], PAUSE)[0] and not os.read(0, BLOCK):
            return
        if not files:
            files, offset = opened(path), 0
            continue
        # What was written to a file until it got its number comes before the newer.
        files += opened(path, os.fstat(files[0]).st_ino)


try:
    main(sys.argv[1], sys.argv[2:] == ["follow"])
except BrokenPipeError:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
