"""The Python that the built-in model writes: what people see when it works.

The cells run in one persistent session, each building on the names of those before: ``scenes``
from the overview, ``index_says`` from the reading of the index, ``shots``, ``find`` and ``report``
from the measuring of the pictures.
"""

from __future__ import annotations

OVERVIEW = """\
import numpy as np

facts, scenes = video_info(), get_scenes()
contact_sheet(count=24)

glance = extract_frames(count=24, size=(64, 64)).rgb.astype(int)
ground = np.median(glance, axis=(1, 2), keepdims=True)
even = (np.abs(glance - ground).max(axis=3) < 60).mean(axis=(1, 2))
print(f"{len(scenes)} scenes, {facts.duration:.1f} s")
print(f"frames with little on an even ground: {np.mean(even > 0.8):.0%}")
"""

READ_INDEX = '''\
COLOURS = ["red", "green", "blue", "yellow", "orange", "purple", "cyan", "white"]
SHAPES = ["circle", "square", "triangle", "ring", "cross"]
MOTIONS = {
    "right": "moves to the right", "down-right": "moves down and to the right",
    "down": "moves down", "down-left": "moves down and to the left",
    "left": "moves to the left", "up-left": "moves up and to the left",
    "up": "moves up", "up-right": "moves up and to the right", "still": "stays still",
}
EVENTS = {
    "none": "", "recolour": ", changing colour", "appear": " after appearing",
    "vanish": " and then disappears", "stop": " and then stops",
    "bounce": " and bounces off the wall", "turn": " and then turns around",
}

def look_up(captions):
    """For each scene, the key of the caption that is nearest to its first window."""
    numbers = {round(scene.start, 2): number for number, scene in enumerate(scenes)}
    scores = [{} for _ in scenes]
    for key, caption in captions.items():
        for hit in search(caption, k=facts.windows, diverse=False):
            if round(hit.start, 2) in numbers:
                scores[numbers[round(hit.start, 2)]][key] = hit.score
    return [max(row, key=row.get, default=None) for row in scores]

index_says = [{} for _ in scenes]
if facts.search_by_text:
    things = look_up({(c, s): f"a {c} {s} moves" for c in COLOURS for s in SHAPES})
    courses = look_up({(m, e): f"it {MOTIONS[m]}{EVENTS[e]}" for m in MOTIONS for e in EVENTS})
    for number, (thing, course) in enumerate(zip(things, courses)):
        if thing and course:
            index_says[number] = dict(zip(("colour", "shape", "motion", "event"), thing + course))
            print(f"shot {number}: {' '.join(thing)}, {MOTIONS[course[0]]}{EVENTS[course[1]]}")
else:
    print("this index cannot be searched by text")
'''

MEASURE = '''\
PALETTE = {
    "red": (230, 33, 31), "green": (33, 184, 46), "blue": (38, 71, 242),
    "yellow": (242, 230, 38), "orange": (255, 133, 13), "purple": (148, 38, 204),
    "cyan": (31, 217, 230), "white": (242, 242, 242),
}
# Of the circle around a shape: how much it fills, and how far in the first hole or notch is.
FORMS = {"circle": (1.0, 1.0), "square": (0.64, 0.71), "triangle": (0.41, 0.5),
         "ring": (0.77, 0.0), "cross": (0.62, 0.43)}
COMPASS = ["right", "down-right", "down", "down-left", "left", "up-left", "up", "up-right"]
SIDE, FPS = 128, 8

def name_colour(rgb):
    return min(PALETTE, key=lambda name: np.abs(np.subtract(PALETTE[name], rgb)).sum())

def measure_form(mask):
    """(fill, notch) of one mask; both are 1 for a circle, whatever its size or tilt."""
    ys, xs = np.nonzero(mask)
    y, x = np.indices(mask.shape)
    away = np.hypot(x - xs.mean(), y - ys.mean())
    reach = away[mask].max() + 0.5
    return len(xs) / (np.pi * reach**2), min(1.0, away[~mask].min() / reach)

def fit(times, track):
    """Velocity (2,) and residual of the straight line through a track."""
    design = np.stack([times, np.ones_like(times)], axis=1)
    line = np.linalg.lstsq(design, track, rcond=None)[0]
    return line[0], np.square(track - design @ line).sum()

def read_path(times, track, near_wall):
    """First direction, and where and how the path bends: stop, bounce, turn or none."""
    whole, residual = fit(times, track)
    bends = range(3, len(times) - 3)
    k = min(bends, key=lambda k: fit(times[:k], track[:k])[1] + fit(times[k:], track[k:])[1],
            default=None)
    event, at, before = "none", None, whole
    # Straight tracks miss their line by far less than 0.006 of the picture's side.
    if k is not None and np.sqrt(residual / len(times)) > 0.006:
        before, after = fit(times[:k], track[:k])[0], fit(times[k:], track[k:])[0]
        at = (times[k - 1] + times[k]) / 2
        if np.hypot(*after) < 0.3 * np.hypot(*before):
            event = "stop"
        else:
            event = "bounce" if near_wall[k - 1 : k + 1].any() else "turn"
    if np.hypot(*before) < 0.02:  # of the side, a second
        return "still", event, at
    angle = np.arctan2(before[1], before[0])
    return COMPASS[round(angle / (np.pi / 4)) % 8], event, at

def read_shot(number, scene):
    """One shot from its pixels alone: ground by median, thing by difference, then its track."""
    shot = {"number": number, "start": scene.start, "end": scene.end, "colour": None,
            "new_colour": None, "shape": None, "motion": None, "event": "none", "at": None,
            "clean": 0.0}
    edge = min(0.06, (scene.end - scene.start) / 4)  # clear of the cuts
    clip = extract_frames(scene.start + edge, scene.end - edge, fps=FPS, size=(SIDE, SIDE))
    rgb = clip.rgb.astype(np.int16)
    ground = np.median(rgb[:, ::4, ::4], axis=(0, 1, 2))
    masks = np.abs(rgb - ground).max(axis=3) > 56
    seen = np.flatnonzero(masks.sum(axis=(1, 2)) > 60)  # frames in which the thing is there
    if len(seen) < 6:
        return shot
    times, track, wall, forms, colours, clean = clip.times[seen], [], [], [], [], []
    for k in seen:
        ys, xs = np.nonzero(masks[k])
        track.append((xs.mean() / SIDE, ys.mean() / SIDE))
        wall.append(min(xs.min(), ys.min(), SIDE - 1 - xs.max(), SIDE - 1 - ys.max()) < 5)
        if k % 3 == 0:
            forms.append(measure_form(masks[k]))
        inside = rgb[k][masks[k]]
        colour = np.median(inside, axis=0)
        colours.append(name_colour(colour))
        even = np.mean(np.abs(inside - colour).max(axis=1) < 50)
        small = 0.005 < masks[k].mean() < 0.15
        clean.append(small and even > 0.7 and np.ptp(xs) < SIDE / 2 and np.ptp(ys) < SIDE / 2)
    shot["clean"] = float(np.mean(clean))
    form = np.median(forms, axis=0)
    shot["shape"] = min(FORMS, key=lambda name: np.hypot(*np.subtract(FORMS[name], form)))
    shot["motion"], shot["event"], shot["at"] = read_path(times, np.array(track), np.array(wall))
    shot["colour"] = colours[0]
    if colours[0] != colours[-1]:
        k = colours.index(colours[-1])
        shot.update(event="recolour", at=times[k], new_colour=colours[-1])
    if seen[0] > 0.5 * FPS:
        shot.update(event="appear", at=times[0])
    elif seen[-1] < len(masks) - 1 - 0.5 * FPS:
        shot.update(event="vanish", at=times[-1] + 1 / FPS)
    return shot

def fits(shot, fact, value):
    return value == shot[fact] or (fact == "colour" and value == shot["new_colour"])

def find(**wanted):
    """The shots that show all of these: find(colour="red", event="stop")."""
    return [s for s in shots if all(fits(s, fact, value) for fact, value in wanted.items())]

def tell(shot):
    """One shot in one line, with what the index reads in another way."""
    if shot["clean"] < 0.8:
        return f"shot {shot['number']}, {shot['start']:.2f}-{shot['end']:.2f} s: not clean"
    words = f"{shot['colour']} {shot['shape']}, motion {shot['motion']}, event {shot['event']}"
    if shot["new_colour"]:
        words += f" to {shot['new_colour']}"
    if shot["at"] is not None:
        words += f" at {shot['at']:.2f} s"
    index = index_says[shot["number"]]
    other = [f"{fact} {index[fact]}" for fact in index if index[fact] != shot[fact]]
    return (f"shot {shot['number']}, {shot['start']:.2f}-{shot['end']:.2f} s: {words}; "
            f"index: {', '.join(other) or ('the same' if index else 'silent')}")

shots = [read_shot(number, scene) for number, scene in enumerate(scenes)]
for shot in shots[:40]:
    print(tell(shot))
print(f"clean: {sum(s['clean'] >= 0.8 for s in shots)} of {len(shots)} shots")
'''

REPORT = """\
print(f"found: {len(found)}")
for shot in found[:30]:
    print(tell(shot))
for shot in found[:4]:
    show(extract_frames(shot["start"], shot["end"], count=3, size=160))
"""
