// What HTML and htmx do not do: live updates, keys, search among the cards shown, the chat box.
"use strict";
{
  const view = document.getElementById("view");
  const live = document.getElementById("live");

  // Live. A hidden tab lets its connection go (a browser has six a server, for all tabs) and catches up when it is seen.
  const RETRY_MILLISECONDS = 3000;
  const GATHER_MILLISECONDS = 30;
  let source = null, since = document.body.dataset.since, gathering = null;

  const refresh = () => {
    clearTimeout(gathering);
    gathering = setTimeout(() => htmx.trigger(view, "refresh"), GATHER_MILLISECONDS);
  };
  const told = (event) => {
    since = event.lastEventId || since;
    refresh();
  };
  const connect = () => {
    if (source || document.hidden) return;
    source = new EventSource(`${document.body.dataset.updates}?since=${encodeURIComponent(since)}`);
    source.addEventListener("open", () => { live.textContent = ""; document.body.dataset.live = "on"; });
    source.addEventListener("change", told);
    source.addEventListener("reload", told);
    source.addEventListener("error", () => {
      live.textContent = "Connecting again…";
      delete document.body.dataset.live;
      if (source.readyState !== EventSource.CLOSED) return;
      // The browser gave up, on an answer other than 200: the refresh finds out whether that was the end of the session.
      disconnect();
      setTimeout(() => { refresh(); connect(); }, RETRY_MILLISECONDS);
    });
  };
  const disconnect = () => {
    source?.close();
    source = null;
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", connect);
  connect();

  // Search hides the cards that lack a word.
  const search = document.getElementById("search");
  const sift = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const card of view.querySelectorAll(".card")) {
      const text = card.querySelector(".what").textContent.toLowerCase();
      card.hidden = !words.every((word) => text.includes(word));
    }
    for (const group of view.querySelectorAll(".group")) group.hidden = !group.querySelector(".card:not([hidden])");
  };
  if (search) {
    search.hidden = false;
    search.addEventListener("input", sift);
    search.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // else the same key press would complete the card that it leads to
      step(1);
    });
  }

  document.addEventListener("htmx:after:swap", () => {
    if (search?.value) sift();
    const form = document.querySelector("#add[data-focus]");
    if (!form) return;
    form.elements[form.dataset.focus || "title"].focus();
    delete form.dataset.focus;
  });

  document.addEventListener("input", ({ target }) => {
    if (target.id === "every") target.form.toggleAttribute("data-plural", target.value !== "1");
  });

  // A repeating task needs a due time: tomorrow at nine is a good guess, and only a guess.
  document.addEventListener("change", (event) => {
    const form = event.target.closest?.("#add");
    if (!form || !["repeat", "reminders"].includes(event.target.name)) return;
    const due = form.elements.due;
    if (!due.value && (event.target.value || event.target.checked)) due.value = due.dataset.suggested;
  });

  // Keys.
  const step = (distance) => {
    const buttons = [...view.querySelectorAll(".card:not([hidden]) .circle")];
    const here = buttons.indexOf(document.activeElement);
    const next = here < 0 ? (distance > 0 ? 0 : buttons.length - 1) : here + distance;
    buttons[Math.min(Math.max(next, 0), buttons.length - 1)]?.focus();
  };
  const keys = {
    n: () => document.getElementById("title")?.focus(),
    "/": () => search?.focus(),
    j: () => step(1),
    k: () => step(-1),
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return document.activeElement?.blur();
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });

  // A menu closes when one goes on elsewhere.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  // Chat. Texts become text nodes and nothing else.
  const chat = document.getElementById("chat");
  const say = (text, who) => {
    const line = document.createElement("p");
    line.className = who;
    line.dir = "auto";
    line.textContent = text;
    document.getElementById("chat-log").append(line);
    line.scrollIntoView({ block: "nearest" });
    return line;
  };
  const ask = async (message) => {
    const answer = await fetch(chat.dataset.chat, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        message,
        conversation_id: sessionStorage.getItem("conversation"),
        time_zone: document.body.dataset.zone,
      }),
    });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.detail);
    if (body.conversation_id) sessionStorage.setItem("conversation", body.conversation_id);
    return body.reply;
  };
  chat.addEventListener("submit", async (event) => {
    event.preventDefault();
    const field = document.getElementById("message");
    const message = field.value.trim();
    if (!message) return;
    field.value = "";
    say(message, "mine");
    const line = say("…", "theirs");
    try {
      line.textContent = await ask(message);
    } catch (error) {
      line.classList.add("wrong");
      line.textContent = error.message || "No answer came: try again.";
    }
    line.scrollIntoView({ block: "nearest" });
  });
}
