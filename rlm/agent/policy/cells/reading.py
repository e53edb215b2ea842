"""From ways to facts: what moves, who meets whom, who comes and goes, and what happens."""

from __future__ import annotations

MEETINGS = '''\
def camera_of(shot, before, after):
    """What the camera moves between two pictures a second apart, by what lies still in them
    (Lucas and Kanade 1981); the object head does not tell it."""
    before, after = (p.reshape(32, 2, 32, 2).mean(axis=(1, 3)) for p in (before, after))
    pixels, shift, ground = np.arange(32), 0j, np.zeros((32, 32))
    ground[3:-3, 3:-3] = 1
    for s in (s for track in shot.tracks for s in track if s.start < shot.start + 3):
        across, down = np.meshgrid(pixels - 32 * s.x, pixels - 32 * s.y)
        ground[np.hypot(across, down) < 40 * s.radius + 2] = 0
    for tolerance in (200, 200, 200, 200, 12, 12, 12, 12):
        down, across = (np.clip(1 - abs(np.clip(pixels + d, 0, 31)[:, None] - pixels), 0, 1)
                        for d in (shift.imag, shift.real))
        moved = down @ before @ across.T
        gy, gx = np.gradient(moved)
        off = (after - moved) * ground * (abs(after - moved) < tolerance)
        xx, yy, xy = ((g * ground).sum() for g in (gx * gx, gy * gy, gx * gy))
        shift += np.linalg.solve([[xx + 60, xy], [xy, yy + 60]],
                                 [(gx * off).sum(), (gy * off).sum()]) @ [1, 1j]
    textured = np.median(np.hypot(gx, gy)[ground > 0]) > 1  # else nothing tells that it moves
    return shift / 32 if textured and 0.02 < abs(shift) / 32 < 0.12 else 0j

def bars_of(rgb):
    """Grey bars from edge to edge of a picture: (axis, from, to)."""
    grey = (np.ptp(rgb, axis=2) < 14) & (abs(rgb.mean(axis=2) - 168) < 28)
    full = [np.flatnonzero(grey.mean(axis=axis) > 0.85) for axis in (0, 1)]
    return [(axis, rows[0] / 64, (rows[-1] + 1) / 64)
            for axis, rows in enumerate(full) if 7 <= len(rows) <= 26]

COMPASS = ["right", "down-right", "down", "down-left", "left", "up-left", "up", "up-right"]
ALONE = ("stop", "turn", "bounce", "start")  # changes that need no other thing

def chance(score):
    return float(1 / (1 + np.exp(-score)))

def course(form, pace):
    if form == "orbit" and abs(pace) > 0.01:
        return "orbit"
    turns = round(np.angle(pace) / (np.pi / 4)) % 8
    return COMPASS[turns] if abs(pace) > 0.01 else "still"

def thing_of(shot, track):
    """One thing of a shot: its sights, what they agree on, and what it may be doing."""
    thing = Record(shot=shot, sights=track, start=track[0].start, end=track[-1].end, events=[])
    thing.t = np.array([s.start + (s.end - s.start) / 4 for s in track])
    seen = np.array([s.x + 1j * s.y for s in track])
    thing.place = seen + shot.pan * (thing.t - shot.start)  # on the ground
    thing.moved = np.array([s.dx + 1j * s.dy for s in track])
    thing.radius = float(np.median([s.radius for s in track]))
    thing.shape = most(track, "shape")
    thing.colours, thing.turned = colours_of([s.colour for s in track])
    thing.ways = ways_of(thing, shot.breaks)
    thing.alone = min(way.cost for way in thing.ways if way.event in ("none", *ALONE))
    return thing

def mark(thing, kind, time, p, **more):
    """Something may have happened to a thing, with probability p."""
    time = float(np.clip(time, thing.shot.start, thing.shot.end))
    event = dict(colour=None, other=None, cause=None, kind=kind, time=time, p=float(p))
    if p > 0.02:
        thing.events.append(Record(thing=thing, shot=thing.shot, **event | more))

def meeting(one, other):
    """How one may have bumped into the other: what that explains, how, when."""
    def way(thing, *events):
        ways = [w for w in thing.ways if w.event in events and w.form != "orbit"]
        return min(ways, key=lambda w: w.cost)
    back = ("turn", "recoil", "rebound")
    cases = {"push": (way(one, "stop"), way(other, "start"), 0),
             "apart": (way(one, *back), way(other, *back), 0)}
    if other.turned:
        late = other.sights[other.turned].start - one.shot.breaks
        still = next(w for w in other.ways if w.form == "still")
        cases["paint"] = way(one, *back), still, (late / 0.35) ** 2 / 2
    reach, met = one.radius + other.radius, []
    for how, (mine, its, more) in cases.items():
        bad = mine.bad + its.bad - 4 + more
        bad = bad + outside(abs(mine.at - its.at), 0.75 * reach, reach, 0.03)
        k = int(bad.argmin())
        met.append((one.alone + other.alone - bad[k], how, one.shot.breaks[k]))
    return max(met)

def meet(things):
    """Note who bumps into whom, and what comes of it."""
    pairs = [(*meeting(a, b), i, k) for i, a in enumerate(things) for k, b in enumerate(things)
             if i != k]
    for gain, how, time, i, k in sorted(pairs, reverse=True):
        one, other = things[i], things[k]
        again = how == "apart" and any(e.other is one for e in other.events)
        if gain > -1 and (again or not (one.events or other.events)):
            p = chance(gain + 1)
            mark(one, "collide", time, p, other=other)
            if how == "push":
                mark(other, "start", time, p, cause=one)
            if how == "paint":
                mark(other, "recolour", time, p, colour=other.colours[1], cause=one)
'''

FACTS = '''\
def changes(thing):
    """Note how its way changes; keep all its ways with their probabilities."""
    ways = [w for w in thing.ways if w.event in ("none", *ALONE)]
    p = np.exp([thing.alone - w.cost for w in ways])
    thing.p, thing.own, met = p / p.sum(), ways, bool(thing.events)
    for event in () if met else ALONE:
        likely = [(x, w) for x, w in zip(thing.p, ways) if w.event == event]
        way = max(likely, key=lambda pair: pair[0])[1]
        mark(thing, event, way.times[way.best], sum(x for x, _ in likely))
    thing.way = ways[int(p.argmax())]
    thing.first, thing.last = (course(thing.way.form, v[thing.way.best]) for v in thing.way.paces)
    if thing.turned and not any(e.kind == "recolour" for e in thing.events):
        mark(thing, "recolour", thing.sights[thing.turned].start, 1, colour=thing.colours[1])

def inside(place, pace):
    """How far inside its nearest edge a place is, and how fast it goes further in."""
    return min((place.real, pace.real), (1 - place.real, -pace.real),
               (place.imag, pace.imag), (1 - place.imag, -pace.imag))

def comings(thing, shot):
    """Note how it comes and goes: over the edge, behind a bar, or just so."""
    k, way = thing.way.best, thing.way
    (came, went), (v, w) = ((pair[0][k], pair[1][k]) for pair in (way.places, way.paces))
    def behind(time):
        place = went + w * (time - thing.end)
        return any(low - 0.04 < (place.imag if axis else place.real) < high + 0.04
                   for axis, low, high in shot.bars)
    gaps = [(a.end, b.start) for a, b in zip(thing.sights, thing.sights[1:])
            if b.start - a.end > 0.9]
    slow = thing.radius / max(0.05, abs(w))  # from half to wholly out of sight
    if gaps and shot.bars:
        mark(thing, "hide", gaps[0][0] + min(slow, (gaps[0][1] - gaps[0][0]) / 2), 0.95)
    if thing.start > shot.start + 1:
        within, inwards = inside(came - 0.3 * v, v)
        enters = chance((0.05 - within) / 0.016) * (inwards > 0.02) * (shot.pan == 0)
        mark(thing, "enter", thing.t[0] - inside(came, v)[0] / max(0.05, inwards), enters)
        mark(thing, "appear", thing.start - 0.1, 1 - enters)
    if thing.end < shot.end - 1.05:
        within, inwards = inside(went + 0.5 * w, w)
        leaves = chance((0.05 - within) / 0.016) * (inwards < -0.02) * (shot.pan == 0)
        hides = behind(thing.end + slow) and not leaves > 0.9
        mark(thing, "hide", thing.end + slow, 0.95 * hides)
        gone = thing.t[-1] + inside(went, w)[0] / max(0.05, -inwards)
        mark(thing, "leave", gone, leaves * (1 - 0.95 * hides))
        mark(thing, "vanish", thing.end - 0.1, (1 - leaves) * (1 - 0.95 * hides))

def sizes(thing):
    """Note whether it grows; what is half hidden or touched by another only seems to."""
    factor, time, gain = growth_of(thing, thing.shot.breaks)
    seems = any(e.p > 0.5 and e.kind in ("hide", "enter", "leave", "collide") for e in thing.events)
    if abs(factor) > 0.08:
        mark(thing, "grow" if factor > 0 else "shrink", time, chance(gain - (9 if seems else 5)))

KINDS = {"recolour": "recolour", "collide": "collide", **dict.fromkeys(ALONE, "change"),
         **dict.fromkeys(("grow", "shrink"), "size"),
         **dict.fromkeys(("appear", "enter"), "start"),
         **dict.fromkeys(("vanish", "leave", "hide"), "end")}

def settle(thing):
    """One thing does one thing in a shot: what it may have done competes."""
    sums = {}
    for event in thing.events:
        sums[KINDS[event.kind]] = min(0.98, sums.get(KINDS[event.kind], 0) + event.p)
    odds = {kind: p / (1 - p) for kind, p in sums.items()}
    for event in thing.events:
        kind = KINDS[event.kind]
        event.p *= odds[kind] / (1 + sum(odds.values())) / sums[kind]

def read(shot):
    """Give a shot its bars, camera and things, and the things what happens to them."""
    # After any fade, and before time itself may turn.
    early = max(shot.start, min(shot.start + 0.7, shot.end - 2.1))
    late = min(early + 2, shot.end)
    rgb = extract_frames(early, late, count=2, size=(64, 64)).rgb.astype(int)
    # What is shorter has no two pictures a second apart: its camera is taken to stand.
    shot.bars, shot.pan = bars_of(rgb[0]), 0j
    if late - early > 1.99:
        shot.pan = camera_of(shot, *rgb.mean(axis=3))
    shot.breaks = np.arange(shot.start + 0.8, max(shot.start + 0.9, shot.end - 0.6), 0.15)
    shot.things = [thing_of(shot, track) for track in shot.tracks]
    meet(shot.things)
    for thing in shot.things:
        changes(thing)
        comings(thing, shot)
        sizes(thing)
        settle(thing)

for shot in shots:
    read(shot)
things = [thing for shot in shots for thing in shot.things]
happenings = sorted((e for thing in things for e in thing.events), key=lambda e: e.time)
kinds = [event.kind for event in happenings if event.p > 0.5]
print(f"read {len(things)} things, {sum(shot.pan != 0 for shot in shots)} moving cameras; "
      + ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds))))
'''
