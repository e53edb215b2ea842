// The video from left to right: a lane for each thing that was done with a stretch of it.

const LANES = [
  ["looked", "looked at"],
  ["found", "found"],
  ["foretold", "foretold"],
  ["noted", "noted"],
  ["answered", "sub-answers"],
  ["evidence", "evidence"],
];
const LANE = { height: 12, gap: 5, curve: 34, axis: 20 };
const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400];

function drawTimeline(choose) {
  const box = byId("timeline");
  const long = run.header ? run.header.video.duration : 0;
  if (!(long > 0)) return;
  box.hidden = false;
  const width = Math.max(260, box.clientWidth);
  const gutter = width < 560 ? 76 : 88;
  const inner = width - gutter - 8;
  const x = (time) => gutter + (Math.min(Math.max(time, 0), long) / long) * inner;
  const lanes = LANES.filter(([name]) => run.marks.some((mark) => mark.lane === name));
  const top = run.curves.length ? LANE.curve + LANE.gap : 0;
  const height = top + lanes.length * (LANE.height + LANE.gap) + LANE.axis;
  const summary = lanes
    .map(([name, words]) => `${counted(run.marks.filter((mark) => mark.lane === name).length, "span")} ${words}`)
    .join(", ");
  const picture = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
    "aria-label": `${clock(long)} of video: ${summary || "nothing looked at"}`,
  });
  picture.append(scenery(x, long, height - LANE.axis), axis(x, long, height, inner));
  if (run.curves.length) picture.append(label(gutter, LANE.curve / 2, "surprise"), ...run.curves.map((curve) => drawnCurve(curve, x)));
  lanes.forEach(([name, words], row) => {
    const y = top + row * (LANE.height + LANE.gap);
    picture.append(label(gutter, y + LANE.height / 2, words));
    picture.append(svg("line", { class: "rail", x1: gutter, x2: gutter + inner, y1: y + LANE.height / 2, y2: y + LANE.height / 2 }));
    for (const mark of run.marks) {
      if (mark.lane !== name) continue;
      const [start, end] = mark.span;
      const left = x(start);
      const shape = svg(
        "rect",
        { class: `mark ${name}`, x: left, y, width: Math.max(3, x(end) - left), height: LANE.height, rx: 2, click: () => choose(mark.turn.key) },
        svg("title", {}, `${between(mark.span)} · ${title(mark.turn)}\n${shortened(mark.words, 120)}`),
      );
      mark.shape = shape;
      picture.append(shape);
    }
  });
  box.replaceChildren(picture);
  // What scrolls to a turn has to stop below whatever sticks to the top.
  const sticks = getComputedStyle(box).position === "sticky" ? box.offsetHeight : 0;
  document.documentElement.style.setProperty("--below", `${document.querySelector(".bar").offsetHeight + sticks + 14}px`);
}

const title = (turn) => `${turn.session.id ? `sub-session ${turn.session.id}, ` : ""}turn ${turn.number}`;

function label(gutter, y, words) {
  return svg("text", { class: "lane", x: gutter - 10, y, "text-anchor": "end", "dominant-baseline": "central" }, words);
}

// Shots as bands, every other one a little darker.
function scenery(x, long, height) {
  const starts = run.header.scenes || [];
  const group = svg("g", { class: "scenes" });
  starts.forEach((start, number) => {
    if (number % 2) return;
    const end = number + 1 < starts.length ? starts[number + 1] : long;
    group.append(svg("rect", { x: x(start), y: 0, width: Math.max(0, x(end) - x(start)), height }));
  });
  return group;
}

function axis(x, long, height, inner) {
  const step = STEPS.find((one) => long / one <= inner / 74) || long;
  const group = svg("g", { class: "axis" });
  for (let time = 0; time <= long + 1e-6; time += step) {
    const room = 18;
    const anchor = time === 0 ? "start" : x(time) > x(long) - room ? "end" : "middle";
    group.append(
      svg("line", { x1: x(time), x2: x(time), y1: 0, y2: height - LANE.axis + 3 }),
      svg("text", { x: x(time), y: height - 3, "text-anchor": anchor }, clock(time, step < 1 ? 1 : 0)),
    );
  }
  return group;
}

function drawnCurve({ span, heights }, x) {
  const low = Math.min(0, ...heights);
  const high = Math.max(3, ...heights);
  const y = (value) => LANE.curve - ((value - low) / (high - low)) * (LANE.curve - 2);
  const step = (span[1] - span[0]) / heights.length;
  const points = heights.map((value, number) => `${x(span[0] + (number + 0.5) * step).toFixed(1)},${y(value).toFixed(1)}`);
  const first = x(span[0]).toFixed(1);
  const last = x(span[1]).toFixed(1);
  const line = `M${points.join("L")}`;
  return svg(
    "g", { class: "curve" },
    svg("path", { class: "under", d: `M${first},${LANE.curve}L${points.join("L")}L${last},${LANE.curve}Z` }),
    svg("path", { class: "line", d: line }),
  );
}

// The marks of the turn that is being read stand out.
function showOnTimeline(turn) {
  byId("timeline").classList.toggle("chosen", Boolean(turn) && run.marks.some((mark) => mark.turn === turn));
  for (const mark of run.marks) if (mark.shape) mark.shape.classList.toggle("on", mark.turn === turn);
}
