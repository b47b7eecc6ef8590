// Made by Whaley: a player's own instance, beside its link in CTFd's challenge window.
(() => {
  const dashboard = DASHBOARD;
  const plugin = false; // Whaley's plugin in CTFd is asked, on CTFd's own origin
  const prefix = `${dashboard}/go/`;
  const key = "whaley-token";
  const init = window.init || {};
  if (window.whaleyWindow || !init.userId) return; // twice, or nobody has signed in
  window.whaleyWindow = true;

  /** What a server answers, whoever else answers in its place: a proxy's page of an error, nothing at all, too late. */
  async function send(url, options, whose) {
    let answer;
    let text;
    try {
      answer = await fetch(url, { ...options, redirect: "manual", signal: AbortSignal.timeout(20000) });
      text = await answer.text();
    } catch {
      throw new Error(`${whose} cannot be reached right now. It is tried again in a few seconds.`);
    }
    if (answer.type === "opaqueredirect") throw new Error(`${whose} asks you to sign in. Reload this page.`);
    let data;
    try {
      data = text ? JSON.parse(text) : {};
    } catch {
      throw new Error(`${whose} is busy (${answer.status}). It is tried again in a few seconds.`);
    }
    return { status: answer.status, ok: answer.ok, data };
  }

  /** Makes a token in the player's name, which this tab keeps. Its end goes by CTFd's clock, not by this computer's. */
  async function mint() {
    const from = async (now) => {
      const { ok, status, data } = await send(
        `${init.urlRoot || ""}/api/v1/tokens`,
        {
          method: "POST",
          credentials: "same-origin",
          headers: { "Content-Type": "application/json", "CSRF-Token": init.csrfNonce },
          body: JSON.stringify({
            expiration: new Date(now + 172800000).toISOString().slice(0, 10),
            description: "Whaley in the challenge window",
          }),
        },
        "CTFd",
      );
      if (!ok || !data.success) {
        const why = status === 403 ? "Reload this page, and confirm your e-mail address if CTFd asks for it." : "";
        throw new Error(`CTFd gives no token. ${data.message || ""} ${why}`.trim());
      }
      return data.data;
    };
    let token = await from(Date.now());
    const created = Date.parse(token.created);
    if (Date.parse(token.expiration) < created + 3600000) token = await from(created);
    sessionStorage.setItem(key, token.value);
    return token.value;
  }

  let minting;
  function token() {
    const kept = sessionStorage.getItem(key);
    if (kept) return kept;
    minting ||= mint().finally(() => {
      minting = undefined;
    });
    return minting;
  }

  async function ask(method, path, body, again = true) {
    const root = plugin ? `${init.urlRoot || ""}/plugins/whaley/api` : dashboard;
    const json = { "Content-Type": "application/json" };
    const { status, ok, data } = await send(
      root + path,
      {
        method,
        headers: plugin
          ? { ...json, "CSRF-Token": init.csrfNonce }
          : { Authorization: `Bearer ${await token()}`, ...(body && json) },
        ...(body && { body: JSON.stringify(body) }),
      },
      plugin ? "CTFd" : "Whaley",
    );
    if (status === 401 && again && !plugin) {
      sessionStorage.removeItem(key);
      return ask(method, path, body, false);
    }
    if (!ok) throw new Error(data.detail || data.message || `Whaley answers ${status}.`);
    return data;
  }

  const words = {
    queued: "Waiting for its turn",
    starting: "Starting",
    running: "Running",
    stopping: "Stopping",
    stopped: "Not running",
    failed: "It did not start",
  };
  const live = (instance) => ["queued", "starting", "running", "stopping"].includes(instance?.state);

  function make(name, properties, ...children) {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  }

  function clock(milliseconds) {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const two = (n) => String(n).padStart(2, "0");
    const hours = Math.floor(seconds / 3600);
    return `${hours ? `${hours}:` : ""}${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  }

  /** Puts the player's instance of a challenge behind its link. */
  function mount(link, id) {
    const button = (text, look, act) => {
      const made = make("button", { type: "button", className: `btn btn-sm ${look} me-2 mr-2`, textContent: text });
      made.addEventListener("click", () => during(act));
      return made;
    };
    const start = button("Start", "btn-primary", () => ask("POST", "/instances/spawn", { challenge_id: id }));
    const extend = button("Add time", "btn-outline-secondary", () => ask("POST", `/instances/${instance.id}/extend`));
    const restart = button("Restart", "btn-outline-secondary", async () => {
      if (await stopped()) await ask("POST", "/instances/spawn", { challenge_id: id });
    });
    const stop = button("Stop", "btn-outline-danger", () => ask("DELETE", `/instances/${instance.id}`));
    const status = make("span", { role: "status" });
    const time = make("span", { className: "ms-2 ml-2" });
    const ways = make("ul", { className: "list-unstyled mb-2" });
    const root = make(
      "div",
      { className: "whaley-instance my-2" },
      make("p", { className: "mb-1" }, status, time),
      ways,
      start,
      extend,
      restart,
      stop,
    );
    root.dataset.challenge = id;
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "Your instance");
    (link.closest(".challenge-connection-info") || link).after(root);

    let instance;
    let routes = [];
    let ahead = 0; // of the server's clock
    let busy = false;
    let trouble = "";
    let shown = "";
    let next = 0; // when it is looked at again

    async function look() {
      const { instances, now } = await ask("GET", "/instances");
      ahead = Date.parse(now) - Date.now();
      const all = instances.filter((one) => one.challenge_id === id);
      instance = all.find(live) || all[0];
      if (live(instance)) routes = instance.routes;
    }

    /** Stops it and waits until it is gone. False: an open page of it has started the next one meanwhile. */
    async function stopped() {
      const before = instance.id;
      await ask("DELETE", `/instances/${before}`);
      for (let n = 0; n < 120 && live(instance) && instance.id === before; n++) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        await look();
      }
      return !live(instance);
    }

    async function during(act) {
      if (busy) return;
      busy = true;
      trouble = "";
      show();
      try {
        await act();
        await look();
      } catch (why) {
        trouble = why.message;
      }
      busy = false;
      next = Date.now() + 1000;
      show();
    }

    function show() {
      const state = instance?.state || "stopped";
      const place = state === "queued" && instance.position > 0 ? `, place ${instance.position} in the queue` : "";
      const stage = state === "starting" && instance.stage ? `: ${instance.stage}` : "";
      const why = state === "failed" && instance.problem ? `: ${instance.problem.detail}` : "";
      say(trouble || words[state] + place + stage + why);
      start.hidden = live(instance);
      stop.hidden = !live(instance) || state === "stopping";
      restart.hidden = state !== "running";
      extend.hidden = state !== "running" || !instance.extend.allowed;
      for (const one of [start, stop, restart, extend]) one.disabled = busy;
      const now = JSON.stringify([state, routes]);
      if (now === shown) return;
      shown = now;
      ways.replaceChildren(...(state === "running" ? routes : []).map(way));
    }

    function say(text) {
      if (status.textContent !== text) status.textContent = text; // told once by screen readers
    }

    function way({ name, type, url, hint }) {
      if (type === "http") {
        const to = prefix + id + (name ? `/${name}` : "");
        return make("li", {}, make("a", { href: to, target: "_blank", rel: "noopener", textContent: url }));
      }
      const copy = make("button", { type: "button", className: "btn btn-sm btn-link", textContent: "Copy" });
      copy.addEventListener("click", () => navigator.clipboard.writeText(hint));
      return make("li", {}, make("code", { textContent: hint }), copy);
    }

    async function follow() {
      while (root.isConnected) {
        // At first in any case: themes fill the window before they show it. A closed one stays in the page and asks nothing.
        const seen = next === 0 || (!document.hidden && root.getClientRects().length > 0);
        if (seen && !busy && Date.now() >= next) {
          await look().then(
            () => {
              trouble = "";
            },
            (why) => {
              trouble = why.message;
            },
          );
          show();
          const quick = live(instance) && instance.state !== "running";
          next = Date.now() + (quick ? 1000 : 10000);
        }
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      clearInterval(ticking);
    }

    const ticking = setInterval(() => {
      const ends = instance?.state === "running" && instance.expires_at;
      time.textContent = ends ? clock(Date.parse(ends) - Date.now() - ahead) : "";
    }, 1000);
    say("Looking for your instance");
    for (const one of [start, extend, restart, stop]) one.hidden = true;
    follow();
  }

  /** Which challenge of CTFd is which of Whaley's, as the plugin says. */
  let mapping;
  function mapped() {
    mapping ||= ask("GET", "/adapter/mapping").finally(() => {
      setTimeout(() => {
        mapping = undefined;
      }, 15000);
    });
    return mapping.catch(() => ({ challenges: [] }));
  }

  async function findChallenges() {
    for (const input of document.querySelectorAll("input.challenge-id, input#challenge-id")) {
      if (!input.value || input.dataset.whaley) continue;
      input.dataset.whaley = "mounted";
      const { challenges } = await mapped();
      const mine = challenges.find((one) => String(one.ctfd) === input.value);
      const around = input.closest(".modal-content, .modal-body") || document;
      const beside = around.querySelector(".challenge-connection-info") || around.querySelector(".challenge-desc");
      if (mine && beside && input.isConnected) mount(beside, mine.id);
    }
  }

  function find() {
    if (plugin) return void findChallenges();
    for (const link of document.querySelectorAll(`a[href^="${prefix}"]`)) {
      const id = link.href.slice(prefix.length).split(/[/?#]/)[0];
      if (!id || link.dataset.whaley || link.closest(".whaley-instance")) continue;
      link.dataset.whaley = "mounted";
      const around = link.closest(".modal-content") || link.parentElement;
      const shown = [...around.querySelectorAll(".whaley-instance")].some((one) => one.dataset.challenge === id);
      if (!shown) mount(link, id); // a link in the description leads to the same instance
    }
  }

  new MutationObserver(find).observe(document.documentElement, { childList: true, subtree: true });
  find();
})();
