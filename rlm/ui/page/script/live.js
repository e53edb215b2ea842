// A run under way: rows come as server-sent events; what it is at stands at the bottom.

const PHASES = {
  model_called: () => "thinking",
  reply_delta: (row, before) => `writing, ${grouped((before.written || 0) + row.text.length)} characters`,
  model_replied: () => "about to run its code",
  cell_started: () => "running its code",
  tool_started: (row) => `${phaseOf(row.tool)}: ${row.tool}(${shortened(row.arguments, 60)})`,
  tool_called: () => "running its code",
  paused: () => "paused",
  resumed: () => "going on",
};
const PHASE_OF = {
  answer: "answering", llm_query: "asking a model", llm_query_batched: "asking a model", note: "noting",
  rlm_query: "sub-sessions at work", rlm_query_batched: "sub-sessions at work",
};

function phaseOf(tool) {
  const lane = run.header && run.header.lanes && run.header.lanes[tool];
  return PHASE_OF[tool] || LANE_PHASES[lane] || "calling";
}

function takePhase(row) {
  const id = row.session || "";
  const before = run.phases.get(id) || {};
  if (row.kind === "session_ended" || row.kind === "observed") run.phases.delete(id);
  else if (row.kind === "index_progress") {
    if (row.done >= row.total) run.phases.delete(id);
    else run.phases.set(id, { words: id, share: row.done / row.total, since: performance.now() });
  } else if (PHASES[row.kind]) {
    const written = row.kind === "reply_delta" ? (before.written || 0) + row.text.length : 0;
    const same = row.kind === "reply_delta" && before.written;
    run.phases.set(id, { words: PHASES[row.kind](row, before), turn: row.turn, written, since: same ? before.since : performance.now() });
  }
  if (row.kind === "paused" || row.kind === "resumed") setPaused(row.kind === "paused");
}

function drawPhase() {
  const box = byId("phase");
  const lines = [...run.phases].slice(0, 5).map(([id, phase]) =>
    el("p", {},
      known(phase.turn) && el("b", {}, `${id ? `${id}, ` : ""}turn ${phase.turn}`),
      el("span", {}, phase.words),
      known(phase.share) ? el("progress", { max: 1, value: phase.share }) : el("span.took", {}, `${Math.floor((performance.now() - phase.since) / 1000)} s`)));
  box.hidden = !lines.length;
  box.replaceChildren(...lines);
}

let pausedNow = false;

function setPaused(paused) {
  pausedNow = paused;
  byId("pause").textContent = paused ? "Resume" : "Pause";
}

async function order(what) {
  const reply = await fetch(what, { method: "POST" });
  if (!reply.ok) byId("found").textContent = `${what}: refused (${reply.status})`;
}

function goLive() {
  const source = new EventSource("events");
  let waiting = false;
  let last = -1;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    // A turn a screenful at a time, also in a tab that nobody looks at.
    setTimeout(() => {
      waiting = false;
      const box = document.documentElement;
      const below = box.scrollHeight - window.scrollY - window.innerHeight < 120 && window.scrollY > 0;
      draw();
      drawPhase();
      if (below) window.scrollTo(0, box.scrollHeight);
    }, 80);
  };
  source.addEventListener("message", (event) => {
    const number = Number(event.lastEventId);
    if (number <= last) return;
    last = number;
    const row = JSON.parse(event.data);
    take(row);
    takePhase(row);
    document.title = run.header ? run.header.question : document.title;
    byId("controls").hidden = !run.header || !run.header.controls || Boolean(sessionOf("").end);
    soon();
  });
  source.addEventListener("done", async () => {
    run.phases.clear();
    byId("controls").hidden = true;
    draw();
    drawPhase();
    // The server waits for this page as long as it reads: nothing can be fetched after.
    const pictures = [...document.querySelectorAll("img[data-picture]")];
    for (const picture of pictures) picture.src ||= smallSource(picture.dataset.picture);
    await Promise.allSettled(pictures.map((picture) => picture.decode()));
    source.close();
  });
  source.addEventListener("open", () => byId("found").replaceChildren());
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) byId("found").textContent = "the run is out of reach";
  });
  byId("pause").addEventListener("click", () => {
    const what = pausedNow ? "resume" : "pause";
    setPaused(!pausedNow);
    order(what);
  });
  byId("stop").addEventListener("click", () => order("stop"));
  setInterval(drawPhase, 1000);
}
