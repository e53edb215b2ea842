"""All that a thing may be doing, weighed against all its sights together."""

from __future__ import annotations

WAYS = '''\
def shaking(order, least, *axes):
    """How far off a sight is, by how much those of a thing shake about a smooth way."""
    rows = [np.array([[getattr(s, axis) for axis in axes] for s in track])
            for shot in shots for track in shot.tracks]
    steps = np.concatenate([np.diff(row, order, axis=0).ravel() for row in rows] or [[0.0]])
    return max(least, 1.48 * np.median(abs(steps)) / (1.41, 2.45)[order - 1])

SPOT, PACE = shaking(2, 0.015, "x", "y"), shaking(1, 0.03, "dx", "dy")  # of the picture, a second
SPINS = np.array([way * spin for way in (1, -1) for spin in np.arange(0.6, 1.6, 0.12)])
BACK = {"stop": 0, "turn": -1, "recoil": -0.6, "rebound": -1.6}  # the pace afterwards

def outside(value, low, high, give):
    """How badly a value misses a range, in nats: as all that is weighed here."""
    return ((value - np.clip(value, low, high)) / give) ** 2 / 2

def fit(path, pace, place, moved):
    """Least squares of place = at + by * path and moved = by * pace, for many paths at once.
    Complex numbers are places: x + iy."""
    a, b = SPOT**-2, PACE**-2
    size, cross = a * path.shape[-1], a * path.sum(-1)
    square = a * (abs(path) ** 2).sum(-1) + b * (abs(pace) ** 2).sum(-1) + 1e-6
    z, w = a * place.sum(-1), (a * path.conj() * place + b * pace.conj() * moved).sum(-1)
    det = size * square - abs(cross) ** 2
    at, by = (square * z - cross * w) / det, (size * w - cross.conj() * z) / det
    bad = a * abs(place - at[:, None] - by[:, None] * path) ** 2
    bad += b * abs(moved - by[:, None] * pace) ** 2
    return at, by, np.minimum(bad, 16).sum(-1) / 2

def ways_of(thing, breaks):
    """What a thing may be doing and, for every moment at which that may change, how badly it
    fits, where the thing is then, and its first and last places and velocities."""
    t, ways = thing.t, []

    def weigh(form, event, path, pace, place=thing.place, moved=thing.moved, spin=1):
        at, by, bad = fit(path, pace, place, moved)
        if form != "still":
            bad = bad + outside(abs(by * spin), 0.06, 0.145, 0.015)
        if form == "orbit":
            bad = bad + 2 + outside(abs(by), 0.09, 0.2, 0.02)
        times = np.resize(breaks, len(bad))
        if event != "none":  # a change has to explain more than any change would by chance
            bad = bad + 4 + 99 * ((times < t[0] + 0.3) | (times > t[-1] - 0.2))
        ways.append(Record(form=form, event=event, bad=bad, at=at, times=times,
                           places=(at + by * path[:, 0], at + by * path[:, -1]),
                           paces=(by * pace[:, 0], by * pace[:, -1])))
        return ways[-1]

    since, even = t - breaks[:, None], t[None] - t.mean()
    before, after = np.minimum(since, 0), np.maximum(since, 0)
    first, then = 1.0 * (since < 0), 1.0 * (since >= 0)
    weigh("still", "none", 0 * even, 0 * even)
    paths = {"none": (even, 1 + 0 * even), "start": (after, then)}
    paths |= {event: (before + k * after, first + k * then) for event, k in BACK.items()}
    for event, (path, pace) in paths.items():
        weigh("line", event, path, pace)
        if event in ("none", "stop", "turn"):
            spin = SPINS.repeat(len(path))
            turned = np.exp(1j * SPINS[:, None, None] * path).reshape(-1, len(t))
            weigh("orbit", event, turned, 1j * np.outer(SPINS, pace).reshape(turned.shape) * turned,
                  spin=spin)
    for edge in (thing.radius, 1 - thing.radius):  # in a mirror, what bounces goes straight on
        for fold, axis, turn in ((2 * edge, np.real, -1), (2j * edge, np.imag, 1)):
            way = weigh("line", "bounce", since, 1 + 0 * since,
                        np.where(then, fold + turn * thing.place.conj(), thing.place),
                        np.where(then, turn * thing.moved.conj(), thing.moved))
            way.bad = way.bad + outside(axis(way.at), edge, edge, 0.03)
            way.places = way.places[0], fold + turn * way.places[1].conj()
            way.paces = way.paces[0], turn * way.paces[1].conj()
    for way in ways:
        way.best = int(way.bad.argmin())
        way.cost = float(way.bad[way.best])
    return ways

def colours_of(said):
    """The colours of a thing in order, and the number of the first sight of a second one."""
    def main(part):
        return max(part, key=part.count)
    colours, turned = [main(said)], None
    right = said.count(colours[0]) + 1.5  # so much more a change has to explain
    for k in range(2, len(said) - 1):
        one, other = main(said[:k]), main(said[k:])
        agree = said[:k].count(one) + said[k:].count(other)
        if one != other and agree > right:
            right, colours, turned = agree, [one, other], k
    return colours, turned

def growth_of(thing, breaks):
    """By how much it grows, from when on, and how much that explains of its sizes."""
    size = np.array([s.radius for s in thing.sights])
    spread = max(0.008, 1.05 * np.median(abs(np.diff(size))))
    ramp = np.clip(thing.t - breaks[:, None], 0, 1)
    ramp = ramp - ramp.mean(1, keepdims=True)
    slope = (ramp * size).sum(1) / ((ramp**2).sum(1) + 1e-6)
    bad = ((size - size.mean() - slope[:, None] * ramp) ** 2).sum(1) / spread**2 / 2
    k = int(bad.argmin())
    first = size.mean() + slope[k] * ramp[k, 0]
    return slope[k] / first, breaks[k], ((size - size.mean()) ** 2).sum() / spread**2 / 2 - bad[k]
'''
