// What the run was and how it went, at the top; the list of turns, beside them.

function drawAbout() {
  const header = run.header;
  const root = sessionOf("");
  if (!header) return;
  const several = root.questions.length > 1;
  const { answer } = root.questions[root.questions.length - 1];
  const sums = totals();
  byId("about").replaceChildren(...[
    el("p.kind", {}, el("span", {}, "VideoRLM run"), el(`span.status.${sums.status.replace("_", "-")}`, {}, sums.status.replace("_", " "))),
    el("h1", {}, several ? `${root.questions.length} questions about ${header.video.name}` : header.question),
    several && el("ol.questions", {}, root.questions.map(({ row }, number) => el("li", {}, el("a", { href: `#question-${number + 1}` }, shortened(row.question, 90))))),
    !several && optionsOf(header.options, answer),
    !several && (answer ? answerCard(answer, turnWith(answer)) : sums.status !== "running" && el("p.notice", {}, `No answer: ${sums.reason || "the run stopped here"}`)),
    facts(header, sums),
  ].filter(Boolean));
}

const turnWith = (answer) => run.turns.find((turn) => turn.answer === answer);

function facts(header, sums) {
  const { video } = header;
  const size = `${clock(video.duration)}, ${video.width}×${video.height}, ${+video.frame_rate.toFixed(3)} a second`;
  const rows = [
    ["Video", [video.name, el("small", {}, size)]],
    ["Model", [header.model, header.sub_model && el("small", {}, `sub-questions: ${header.sub_model}`)]],
    ["Preset", header.preset],
    ["Sandbox", header.sandbox_level],
    ["Took", [lasted(sums.seconds), el("small", {}, `${counted(sums.turns, "turn")}, ${counted(sums.frames, "frame")} shown`)]],
    ["Cost", [price(sums.usd), el("small", {}, known(sums.tokens) ? counted(sums.tokens, "token") : "tokens unknown")]],
    ["Begun", [header.started.replace("T", " ").replace("+00:00", " UTC"), header.forked_from && el("small", {}, `from turn ${header.forked_turn} of ${header.forked_from}`)]],
  ];
  return el("dl.facts", {}, rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function drawOutline() {
  const list = outlineOf(sessionOf(""));
  if (list) byId("outline").replaceChildren(el("h2", {}, "Turns"), list);
}

function outlineOf(session) {
  if (!session.items.length) return null;
  let number = 1;
  return el("ol", {}, session.items.map((item) => {
    if (item.key) return outlineTurn(item);
    if (item.question) return el("li.ask", {}, el("a", { href: `#question-${(number += 1)}` }, shortened(item.row.question, 64)));
    return item.notice ? null : outlineSession(item);
  }));
}

function outlineTurn(turn) {
  const failed = turn.observed && turn.observed.failure;
  turn.link = el("a", { href: `#${turn.key}` },
    el(`span.number${failed ? ".failed" : turn.answer ? ".answered" : ""}`, {}, String(turn.number)), el("span.gist", {}, gist(turn)));
  return el("li", {}, turn.link, turn.sessions.length > 0 && el("ul", {}, turn.sessions.map(outlineSession)));
}

function outlineSession(session) {
  const started = session.started;
  const inside = outlineOf(session);
  const name = `${session.id} · ${started && started.span ? between(started.span) : "sub-session"}`;
  return el("li.sub", {}, inside ? el("details", {}, el("summary", {}, name), inside) : name);
}

function gist(turn) {
  if (turn.answer) return `Answer: ${shortened(turn.answer.answer, 44)}`;
  const words = turn.reply ? turn.reply.prose : "";
  return shortened(words || turn.calls.map((call) => call.tool).join(", ") || "…", 58);
}
