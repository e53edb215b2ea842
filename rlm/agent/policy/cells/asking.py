"""The words that the code of a question is written in."""

from __future__ import annotations

ASK = '''\
SHAPES = ("circle", "square", "triangle", "ring", "cross")

def phases(thing):
    """Its sights before and after it turns another colour."""
    k = thing.turned or len(thing.sights)
    return [part for part in (thing.sights[:k], thing.sights[k:]) if part]

def worn(thing, time=None):
    """Which of its colours it has just before a time."""
    changed = thing.turned and time is not None and time > thing.sights[thing.turned].start + 0.6
    return 1 if changed else 0

def agreement(fact):
    """How often two sights of a thing agree on its colour or shape."""
    pairs = [(a, b) for thing in things for part in phases(thing) for a, b in zip(part, part[1:])]
    return np.mean([getattr(a, fact) == getattr(b, fact) for a, b in pairs] or [0.5])

# What one more sight adds, in nats: less than its odds, for the sights of a thing err alike.
TRUST = {fact: 0.3 * np.log(7 / (1.02 - agreement(fact))) for fact in ("colour", "shape")}

def believed(sights, word):
    """How likely a word is true of a thing after some sights."""
    fact, words = ("shape", 5) if word in SHAPES else ("colour", 8)
    said = [getattr(s, fact) for s in sights]
    votes = {each: np.exp(TRUST[fact] * said.count(each)) for each in {word, *said}}
    share = votes[word] / (sum(votes.values()) + words - len(votes))
    return float(0.97 * share + 0.03 / words)  # all of them may be wrong

def goes_by(thing, name, time=None, ever=False):
    """How likely a thing goes by a name ("red circle", "red", "ring"): just before a time, or at
    first, or `ever`."""
    shown = phases(thing) if ever else [phases(thing)[worn(thing, time)]]
    return float(np.prod([believed(thing.sights, word) if word in SHAPES else
                          max(believed(part, word) for part in shown) for word in name.split()]))

def turns(thing, colour):
    """How likely it turns this colour."""
    return believed(phases(thing)[-1][-4:], colour) * (1 if thing.turned else 0.1)

def shot_at(time):
    """The shot at a time; beyond the end of the film, an empty one."""
    begun = [shot for shot in shots if shot.start <= max(time, 0) and time <= facts.duration]
    return begun[-1] if begun else Record(number=np.nan, things=[])

def find(name="", at=None, ever=True):
    """How likely each thing, or each in the shot at a time, goes by a name:
    [(probability, thing)]."""
    among = things if at is None else shot_at(at).things
    rated = [(goes_by(thing, name, ever=ever), thing) for thing in among]
    return [(p, thing) for p, thing in rated if p > 0.001]

def once(row):
    """The likeliest of each shot, of [(probability, one)]."""
    best = {}
    for p, one in row:
        if p > best.get(one.shot.number, (0, None))[0]:
            best[one.shot.number] = (p, one)
    return [best[number] for number in sorted(best)]

def happened(deed, name="", among=None):
    """What may have happened to whom, [(probability, event)]: happened("turn", "red circle").
    What goes by a name may have done it unnoticed, at any time in its shot."""
    kind, _, more = deed.partition(" ")
    unnoticed, found = dict(kind=kind, p=0.005 * bool(name), colour=None, other=None), []
    for thing in things if among is None else among:
        middle = (thing.start + thing.end) / 2
        faint = Record(thing=thing, shot=thing.shot, time=middle, cause=None, **unnoticed)
        for event in [e for e in thing.events if e.kind == kind] or [faint]:
            p = event.p * goes_by(thing, name, event.time)
            if kind == "recolour" and more:
                p *= turns(thing, more)
            if kind == "collide" and more:
                others = [t for t in thing.shot.things if t is (event.other or t)]
                p *= max(goes_by(t, more, event.time) for t in others)
            found.append((p, event))
    return sorted(found, key=lambda pair: pair[1].time)

def surest(found):
    return max(found, key=lambda pair: pair[0], default=(0, None))

def goes(thing, motion, last=False):
    """How likely a thing goes this way, at first or at last: by the angle that it is off."""
    fits = 0.0
    for p, way in zip(thing.p, thing.own):
        pace = way.paces[last][way.best]
        if motion in COMPASS and course(way.form, pace) in COMPASS:
            off = np.angle(pace * np.exp(-1j * np.pi / 4 * COMPASS.index(motion)), deg=True)
            fits += p * np.exp(-((off / 20) ** 2) / 2)
        else:
            fits += p * (course(way.form, pace) == motion)
    return float(fits)

def does(thing, motion, *deeds):
    """How likely a thing does just this: does(thing, "up", "recolour blue", "stop")."""
    fits = goes(thing, motion, last="start" in deeds) if motion else 1.0
    for deed in deeds:
        fits *= 0.02 + surest(happened(deed, among=[thing]))[0]
    for event in thing.events:
        fits *= 1 if any(deed.startswith(event.kind) for deed in deeds) else 1.02 - event.p
    return fits

def length(one):
    """Seconds that a shot lasts or a thing is to be seen."""
    shot = getattr(one, "shot", one)
    start = shot.start if one.start < shot.start + 1 else one.start - 0.15
    return (shot.end if one.end > shot.end - 1.05 else one.end) - start

def suits(thing, name, motion=None, *deeds):
    """How well all that is said of a thing suits it."""
    return goes_by(thing, name, ever=True) * (does(thing, motion, *deeds) if motion or deeds else 1)

def near(value, option, give):
    return float(np.exp(-abs(value - option) / give))
'''

TELL = '''\
def showing(name, after=-1):
    """For each shot that begins after a time, how likely it shows what goes by a name, and that:
    [(probability, thing)]."""
    rated = [[(goes_by(t, name, ever=True), t) for t in shot.things]
             for shot in shots if shot.start > after and shot.things]
    return [max(pairs, key=lambda pair: pair[0]) for pairs in rated]

def among(row, most):
    """One after the other of [(probability, one)], each with how likely none, one ... `most` of
    those before it are really so."""
    chances = np.eye(1, most + 1)[0]
    for p, one in row:
        yield p, one, chances
        chances = chances * (1 - min(p, 0.97)) + min(p, 0.97) * np.append(0, chances[:-1])
    yield 0, None, chances

def nth(row, number, fits):
    """How well the nth that is really so of [(probability, one)] fits."""
    row = [pair for pair in row if pair[0] > 0.05][:: 1 if number > 0 else -1]
    place = abs(number) - 1
    if place >= len(row):
        return 0.0
    return sum(p * chances[place] * fits(one) for p, one, chances in among(row, place) if p)

def counted(row, number):
    """How likely just this number of [(probability, one)] are really so."""
    row = [pair for pair in row if pair[0] > 0.05]
    if number not in range(len(row) + 1):
        return 0.0
    return float([*among(row, int(number))][-1][2][int(number)])

DEEDS = {"recolour": "turns", "appear": "appears", "vanish": "disappears", "stop": "stops",
         "bounce": "bounces off the edge", "turn": "turns around", "grow": "grows",
         "shrink": "shrinks", "enter": "enters the picture", "leave": "leaves the picture",
         "hide": "goes behind a bar", "collide": "bumps into", "start": "starts to move"}

def called(thing, time=None):
    return f"the {thing.colours[worn(thing, time)]} {thing.shape}"

def done(event):
    """What happens, in words: "stops"."""
    more = event.colour or (called(event.other, event.time) if event.other else "")
    return f"{DEEDS[event.kind]} {more}".strip()

def way_words(thing, last=False):
    motion = thing.last if last else thing.first
    words = {"still": "stays still", "orbit": "moves in a circle"}
    side = ["to the " + part if part in ("left", "right") else part for part in motion.split("-")]
    return words.get(motion) or "moves " + " and ".join(side)

def tell(one):
    """A thing, an event or a shot in words."""
    if hasattr(one, "kind"):
        return f"{called(one.thing, one.time)} {done(one)} at {one.time:.1f} s"
    if hasattr(one, "things"):
        return "shows " + (", ".join(map(called, one.things)) or "nothing")
    sure = sorted((e for e in one.events if e.p > 0.5), key=lambda e: e.time)
    return ", ".join([f"{called(one)} {way_words(one)}", *map(done, sure)])

def show_evidence(found, support=None, told=None):
    """Tell what was found, show some pictures of it, and say how well each option fits."""
    spans = [(max(0, one.time - 1), min(facts.duration, one.time + 1)) if hasattr(one, "kind")
             else (one.start, one.end) for one in found]
    for one, (start, end) in list(zip(found, spans))[:12]:
        print(f"{start:.2f}-{end:.2f} s: {tell(one)}")
    for start, end in spans[:3]:
        show(extract_frames(start, end, count=3, size=160))
    print(f"found: {len(found)}")
    if support is not None:
        print("support: " + ", ".join(f"{k} {value:.2g}" for k, value in support.items()))
    if told is not None:
        told = list(dict.fromkeys(map(str, told)))
        print(f"told {len(told)}: " + "; ".join(told[:40]))
'''

FLASHES = '''\
def flashes():
    """When the rim of the picture is white, in runs of pictures."""
    times = []
    for start in np.arange(0, facts.duration - 0.1, 60.0):
        clip = extract_frames(start, min(start + 60, facts.duration), fps=6, size=(40, 40))
        rims = [clip.rgb[:, k].min(axis=(1, 2)) for k in (0, -1)]
        rims += [clip.rgb[:, :, k].min(axis=(1, 2)) for k in (0, -1)]
        white = np.min(rims, axis=0) > 200
        times += clip.times[white].tolist()
    return [t for k, t in enumerate(times) if k == 0 or t - times[k - 1] > 0.5]
'''

WARPS = '''\
def warped(shot, start, end, back):
    """How much better a shot is explained if time stands (1) or runs backwards (2) in a span."""
    gain = 0
    for thing in shot.things:
        t = thing.t - back * (np.clip(thing.t, start, end) - start)
        pace = (1.0 - back * ((thing.t > start) & (thing.t < end)))[None]
        place = thing.place + shot.pan * (t - thing.t)  # the camera's time is no other
        path = (t - t.mean())[None]
        turned = np.exp(1j * SPINS[:, None] * path)
        lines, orbits = (fit(*way, place, thing.moved)[2].min() for way in (
            (path, pace), (turned, 1j * SPINS[:, None] * pace * turned)))
        gain += min(way.cost for way in thing.ways if way.event == "none") - min(lines, orbits + 2)
    return gain

def warp(start, end, back):
    """The best of the spans near this one."""
    shot = shot_at((start + end) / 2)
    return max((warped(shot, start + a, end + b, back), start + a, end + b)
               for a in np.arange(-0.6, 0.7, 0.2) for b in np.arange(-0.6, 0.7, 0.2))
'''
