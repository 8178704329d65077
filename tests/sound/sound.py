#!/usr/bin/env python3
"""sound: tones made, and what was heard of them judged, with nothing but Python.

sound.py tone FILE HZ SECONDS
    Write a WAV file with a tone.
sound.py heard FILE HZ...
    FILE is what parec wrote as 8000 mono samples a second of signed 16 bits. Write for
    each tone its pitch in Hz, for how many seconds it was heard, and the longest gap in
    it in milliseconds.
sound.py latency HZ RECORDER -- PLAYER
    Play silence and then a tone by PLAYER, which reads 48000 mono samples a second, and
    write after how many milliseconds RECORDER, which writes as above, has it.
"""

import array
import math
import subprocess
import sys
import threading
import time
import wave

RATE = 8000
WINDOW = RATE // 50  # 20 ms
LOUD = 500.0


def samples(seconds, hz, rate):
    count = int(seconds * rate)
    tone = (int(8000 * math.sin(2 * math.pi * hz * i / rate)) for i in range(count))
    return array.array("h", tone)


def tone(path, hz, seconds):
    with wave.open(path, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48000)
        out.writeframes(samples(seconds, hz, 48000).tobytes())


def strength(data, hz):
    """The amplitude of the tone in data (Goertzel's algorithm)."""
    factor = 2 * math.cos(2 * math.pi * hz / RATE)
    before = last = 0.0
    for value in data:
        before, last = last, value + factor * last - before
    power = before * before + last * last - factor * before * last
    return 2 * math.sqrt(max(power, 0.0)) / len(data)


def pitch(data, hz):
    """The pitch near hz, to a tenth of a percent, of the second in the middle."""
    middle = data[max(0, len(data) // 2 - RATE // 2) :][:RATE]
    candidates = (hz * (1 + step / 1000) for step in range(-30, 31))
    return max(candidates, key=lambda candidate: strength(middle, candidate))


def heard(path, tones):
    data = array.array("h")
    with open(path, "rb") as file:
        content = file.read()
    data.frombytes(content[: len(content) & ~1])
    for hz in tones:
        windows = range(0, len(data) - WINDOW, WINDOW)
        loud = [i for i in windows if strength(data[i : i + WINDOW], hz) > LOUD]
        if not loud:
            print("0 0 0")
            continue
        gaps = (after - before - WINDOW for before, after in zip(loud, loud[1:]))
        begin, end = loud[0], loud[-1] + WINDOW
        gap = max(gaps, default=0) * 1000 // RATE
        print(f"{pitch(data[begin:end], hz):.1f} {(end - begin) / RATE:.2f} {gap}")


def latency(hz, recorder, player):
    record = subprocess.Popen(recorder, stdout=subprocess.PIPE)
    play = subprocess.Popen(player, stdin=subprocess.PIPE)
    found = []

    def listen():
        while not found:
            data = array.array("h")
            data.frombytes(record.stdout.read(2 * WINDOW))
            if strength(data, hz) > LOUD:
                found.append(time.monotonic())

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    # What is written before it reads would be late by itself.
    time.sleep(3)
    chunk = 480  # 10 ms
    begun = time.monotonic()
    sound = samples(2, hz, 48000)
    for step in range(500):
        at = step - 200
        part = sound[at * chunk : (at + 1) * chunk] if at >= 0 else array.array("h", [0] * chunk)
        if at == 0:
            played = time.monotonic()
        if found or (at >= 0 and not part):
            break
        play.stdin.write(part.tobytes())
        play.stdin.flush()
        time.sleep(max(0.0, begun + (step + 1) / 100 - time.monotonic()))
    listener.join(5)
    for process in (play, record):
        process.kill()
        process.wait()
    print(int((found[0] - played) * 1000) if found else "never")


def main(what, *arguments):
    if what == "tone":
        tone(arguments[0], float(arguments[1]), float(arguments[2]))
    elif what == "heard":
        heard(arguments[0], [float(hz) for hz in arguments[1:]])
    else:
        end = arguments.index("--")
        latency(float(arguments[0]), arguments[1:end], arguments[end + 1 :])


main(*sys.argv[1:])
