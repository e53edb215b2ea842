// What the rows say, put together: sessions, their turns, and marks on the timeline. Draws nothing.

const run = {
  header: null,
  sessions: new Map(), // by their place in the tree; the first is ""
  turns: [], // in the order they began
  marks: [], // {lane, span, turn, words}
  curves: [], // {span, heights}
  changed: new Set(), // turns and sessions that are to be drawn again
  lastAt: 0,
  phases: new Map(), // what each session is at, in a live run
};

const keyOf = (session, number) => (session ? `${session}-turn-${number}` : `turn-${number}`);

function sessionOf(id) {
  let session = run.sessions.get(id);
  if (!session) {
    session = { id, started: null, questions: [], items: [], turns: new Map(), prompts: [], end: null };
    run.sessions.set(id, session);
    if (id) placed(session);
  }
  return session;
}

const numberOf = (session) => Number(session.id.split(".").pop());

// A sub-session stands in the turn that called for it, or beside the turns where there is none.
// Those that run side by side begin in any order, and are told in that of their numbers.
function placed(session) {
  const above = sessionOf(session.id.split(".").slice(0, -1).join("."));
  const numbers = [...above.turns.keys()];
  const turn = above.turns.get(numbers[numbers.length - 1]);
  session.above = turn || above;
  (turn ? turn.sessions : above.items).push(session);
  if (turn) turn.sessions.sort((a, b) => numberOf(a) - numberOf(b));
  run.changed.add(session.above);
}

function turnOf(session, number, at) {
  let turn = session.turns.get(number);
  if (!turn) {
    turn = {
      key: keyOf(session.id, number), session, number, at, reply: null, partial: "", calls: [],
      asked: [], notes: [], notices: [], sessions: [], observed: null, answer: null, running: null,
    };
    session.turns.set(number, turn);
    session.items.push(turn);
    run.turns.push(turn);
    run.changed.add(session);
  }
  run.changed.add(turn);
  return turn;
}

function marked(lane, span, turn, words) {
  if (known(span[0]) && known(span[1])) run.marks.push({ lane, span, turn, words });
}

const TAKES = {
  session_started(row, session) {
    run.header = row;
    session.started = row;
    session.questions.push({ row, answer: null, before: 0 });
  },
  subsession_started(row, session) {
    session.started = row;
    session.questions.push({ row, answer: null, before: 0 });
    run.changed.add(session.above);
  },
  question_asked(row, session) {
    const question = { question: true, row, answer: null };
    if (row.unanswered) session.questions[session.questions.length - 1].unanswered = row.reason || row.unanswered;
    session.questions.push(question);
    session.items.push(question);
  },
  prompted(row, session) {
    if (row.wrap_up) session.items.push({ notice: true, words: "The budget is spent: it wraps up.", text: row.text });
    else if (session.turns.size && !session.items[session.items.length - 1].question)
      session.items.push({ notice: true, words: `It was told: ${shortened(row.said, 140)}`, text: row.text });
    else session.prompts.push(row);
  },
  model_called: (row, session) => void (turnOf(session, row.turn, row.at).waiting = true),
  reply_delta: (row, session) => void (turnOf(session, row.turn, row.at).partial += row.text),
  model_replied(row, session) {
    const turn = turnOf(session, row.turn, row.at);
    turn.reply = row;
    turn.partial = "";
    turn.waiting = false;
  },
  interrupted(row, session) {
    const turn = turnOf(session, row.turn, row.at);
    turn.waiting = false;
    turn.notices.push(`Interrupted: the ${row.what} was cut short.`);
    if (row.text && !turn.reply) turn.reply = { ...row, prose: row.text, code: [], blocks: 0 };
    turn.partial = "";
  },
  tool_called(row, session) {
    const turn = turnOf(session, row.turn, row.at);
    turn.calls.push(row);
    if (row.lane === "curve") {
      if (row.curve) run.curves.push({ span: row.spans[0], heights: row.curve });
    } else if (row.lane) {
      for (const span of row.spans) marked(row.lane, span, turn, `${row.tool}(${row.arguments})`);
    }
  },
  tool_model_used: (row, session) => void turnOf(session, row.turn, row.at).asked.push(row),
  noted(row, session) {
    const turn = turnOf(session, row.turn, row.at);
    turn.notes.push(row);
    if (row.span) marked("noted", row.span, turn, row.fact);
  },
  compacted(row, session) {
    session.items.push({
      notice: true,
      words:
        `${counted(row.summarised.length, "earlier turn")} put into few words: about ` +
        `${grouped(row.tokens_before)} to ${grouped(row.tokens_after)} tokens` +
        (known(row.drift) ? `, drift ${row.drift.toFixed(2)}` : "") + ".",
    });
  },
  observed: (row, session) => void (turnOf(session, row.turn, row.at).observed = row),
  answered(row, session) {
    const turn = turnOf(session, row.turn, row.at);
    turn.answer = row;
    session.questions[session.questions.length - 1].answer = row;
    const lane = session.id ? "answered" : "evidence";
    for (const span of row.evidence) marked(lane, span, turn, row.answer);
  },
  limits_changed: (row, session) => noticed(session, "The budget was changed."),
  model_changed: (row, session) => noticed(session, `${row.model} answers from here on.`),
  index_changed: (row, session) => noticed(session, `The index is that of ${row.preset} from here on.`),
  session_ended(row, session) {
    session.end = row;
    if (session.id) run.changed.add(session.above);
  },
};

function noticed(session, words) {
  session.items.push({ notice: true, words });
}

function forget() {
  for (const part of [run.sessions, run.changed, run.phases]) part.clear();
  run.turns.length = run.marks.length = run.curves.length = 0;
  run.header = null;
}

function take(row) {
  if (row.kind === "index_progress") return; // of no session
  if (row.kind === "session_started" && run.header) forget(); // a chat that went back begins anew
  const session = sessionOf(row.session || "");
  run.lastAt = Math.max(run.lastAt, row.at || 0);
  if (TAKES[row.kind]) {
    // A sub-session may be told of without its beginning, where a transcript was cut.
    if (row.kind === "answered" && !session.questions.length) session.questions.push({ row: null });
    TAKES[row.kind](row, session);
  }
  if (row.kind !== "reply_delta") run.changed.add(session);
}

// What it took: as the end says, or, without one, as far as the replies tell.
function totals() {
  const root = sessionOf("");
  if (root.end) return { ...root.end, seconds: root.end.at };
  const rows = run.turns.flatMap((turn) => [turn.reply, ...turn.asked]).filter(Boolean);
  const sum = (name) =>
    rows.every((row) => known(row[name])) ? rows.reduce((all, row) => all + row[name], 0) : null;
  const read = sum("input_tokens");
  const written = sum("output_tokens");
  return {
    turns: root.turns.size,
    frames: run.turns.reduce((all, turn) => all + ((turn.observed && turn.observed.frames) || 0), 0),
    tokens: known(read) && known(written) ? read + written : null,
    usd: sum("usd"),
    seconds: run.lastAt,
    status: document.body.hasAttribute("data-live") ? "running" : "unfinished",
    reason: "",
  };
}
