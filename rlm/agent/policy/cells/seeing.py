"""The overview of a film, and what the object head sees in it, linked to things."""

from __future__ import annotations

OVERVIEW = """\
import numpy as np

facts, scenes = video_info(), get_scenes()
contact_sheet(count=24)

glance = extract_frames(count=24, size=(64, 64)).rgb.astype(int)
ground = np.median(glance, axis=(1, 2), keepdims=True)
even = (np.abs(glance - ground).max(axis=3) < 60).mean(axis=(1, 2))
print(f"{len(scenes)} scenes, {facts.duration:.1f} s")
print(f"frames with little on an even ground: {np.mean(even > 0.6):.0%}")
"""

SEE = '''\
from types import SimpleNamespace as Record

def misfit(track, sight):
    """How badly a sight continues a track: how far it jumps, and looks that do not agree."""
    gap = sight.start - track[-1].end
    jump = np.hypot(sight.x - track[-1].x, sight.y - track[-1].y) - 0.15 * gap
    odd = [0.15 * (s.colour != sight.colour) + 0.08 * (s.shape != sight.shape) for s in track[-3:]]
    return jump + np.mean(odd) if gap < 1.2 else np.inf

def link(sights):
    """The sights of one shot as tracks: from moment to moment, the best pairs first."""
    tracks = []
    for start in sorted({s.start for s in sights}):
        now = [s for s in sights if s.start == start]
        pairs = [(misfit(t, s), i, k) for i, t in enumerate(tracks) for k, s in enumerate(now)]
        for cost, i, k in sorted(pairs):
            if cost < 0.3 and now[k] is not None and tracks[i][-1].start < start:
                tracks[i].append(now[k])
                now[k] = None
        tracks += [[sight] for sight in now if sight is not None]
    return joined([track for track in tracks if steady(track)])

def steady(track):
    """Whether it has one colour twice running: what is made up does not."""
    return any(s.end > after.start - 0.1 and s.colour == after.colour
               for s, after in zip(track, track[1:]))

def joined(tracks):
    """Tracks that follow each other are of one thing if they are of one colour, since in a shot
    all colours differ, or of one place, since a thing may turn another colour."""
    for one in tracks:
        for other in tracks:
            alike = most(one[-3:], "colour") == most(other[:3], "colour")
            if one[-1].end < other[0].start + 0.1 and (alike or misfit(one, other[0]) < 0.35):
                rest = [track for track in tracks if track is not one and track is not other]
                return joined([*rest, one + other])
    return sorted(tracks, key=lambda track: track[0].start)

def most(sights, fact):
    said = [getattr(s, fact) for s in sights]
    return max(said, key=said.count)

sights, since = [], 0.0
for scene in scenes:  # in blocks of about 20 minutes, for what one call brings has to be limited
    if scene.end - since > 1200 or scene is scenes[-1]:
        sights += detect_objects(since, scene.end)
        since = scene.end
starts = [s.start for s in sights]
shots = []
for number, scene in enumerate(scenes):
    first, last = np.searchsorted(starts, [scene.start - 0.01, scene.end - 0.01])
    shots.append(Record(number=number, start=scene.start, end=scene.end,
                        tracks=link(sights[first:last])))
linked = sum(len(track) for shot in shots for track in shot.tracks)
clear = [bool(s.tracks) and max(map(len, s.tracks)) > 1.2 * (s.end - s.start) for s in shots]
print(f"{len(sights)} sights, {linked / max(1, len(sights)):.0%} of them linked to "
      f"{sum(len(s.tracks) for s in shots)} things")
print(f"clear: {sum(clear)} of {len(shots)} shots")
'''
