// Walks through the front door in a real browser: sign-in on the way to an instance, in both access modes, and what a
// page inside a container tries with the player's browser. sidecar/system starts everything and runs this, in a network
// of its own: Chromium breaks off what it loads whenever a network of its machine comes or goes.
import assert from "node:assert/strict";
import { chromium } from "@playwright/test";

const { DASHBOARD, TOKEN, OTHER_TOKEN, LINK, OWNER, FOREIGN } = process.env;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    `--host-resolver-rules=MAP * ${process.env.EDGE}`,
  ],
});
try {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await signsInOnTheWay(page);
  await isKnownAtTheNextHost(page);
  await keepsItsCookiesApart(context, page);
  await isNotSignedInElsewhereByAContainer(page);
  await findsNothingAtAForeignHost(page);
  await isSignedOutEverywhere(page);
} finally {
  await browser.close();
}

async function signsInOnTheWay(page) {
  await page.goto(`${LINK}/deep?x=1`);
  assert.equal(new URL(page.url()).origin, DASHBOARD);
  assert.equal(new URL(page.url()).pathname, "/login");
  await page.getByLabel("Access token").fill(TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("test server at /deep").waitFor({ timeout: 90_000 });
  assert.equal(page.url(), `${LINK}/deep?x=1`);
  console.log("signed in on the way to a sleeping host of access link, which woke");
}

async function isKnownAtTheNextHost(page) {
  await page.goto(`${OWNER}/next`);
  await page.getByText("test server at /next").waitFor({ timeout: 90_000 });
  assert.equal(page.url(), `${OWNER}/next`);
  console.log("known at a host of access owner without signing in again");
}

async function keepsItsCookiesApart(context, page) {
  const cookies = (await context.cookies()).filter(({ name }) => name.includes("whaley"));
  for (const { name, domain, httpOnly, secure, path } of cookies) {
    assert.ok(
      name.startsWith("__Host-") && httpOnly && secure && path === "/" && !domain.startsWith("."),
      `${name} of ${domain}`,
    );
  }
  const where = cookies.map(({ name, domain }) => `${name} ${domain}`).sort();
  const hosts = [LINK, OWNER].map((address) => `__Host-whaley ${new URL(address).hostname}`);
  assert.deepEqual(where, [...hosts, "__Host-whaley_session whaley.localhost"].sort());
  await page.goto(`${OWNER}/headers`);
  const seen = await page.textContent("body");
  assert.ok(!/whaley_session|__Host-whaley|X-Whaley/i.test(seen), seen);
  assert.equal(await page.evaluate(() => document.cookie), "");
  console.log("every cookie is of its own host, and the container sees none of ours");
}

// A page of a container, which is a sibling of the dashboard, does what it can in the browser of a player.
async function isNotSignedInElsewhereByAContainer(page) {
  await page.goto(`${OWNER}/`);
  const tried = await page.evaluate(
    async ({ dashboard, token }) => {
      const sent = async (path, options) => {
        try {
          return (await fetch(dashboard + path, { credentials: "include", ...options })).type;
        } catch {
          return "refused";
        }
      };
      for (const domain of ["localhost", "instances.localhost", "whaley.localhost", ""]) {
        // biome-ignore lint/suspicious/noDocumentCookie: this is the attack
        document.cookie = `__Host-whaley_session=tossed; Secure; Path=/${domain && `; Domain=${domain}`}`;
        // biome-ignore lint/suspicious/noDocumentCookie: this is the attack
        document.cookie = `__Host-whaley=tossed; Secure; Path=/${domain && `; Domain=${domain}`}`;
      }
      return {
        read: await sent("/me"),
        login: await sent("/auth/login", {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ token }),
        }),
        form: await sent("/auth/login", { method: "POST", mode: "no-cors", body: JSON.stringify({ token }) }),
        logout: await sent("/auth/logout", { method: "POST", mode: "no-cors" }),
        stop: await sent("/instances/x", { method: "DELETE" }),
      };
    },
    { dashboard: DASHBOARD, token: OTHER_TOKEN },
  );
  assert.equal(tried.read, "refused");
  assert.equal(tried.login, "refused");
  assert.equal(tried.stop, "refused");
  await page.goto(`${DASHBOARD}/me`);
  assert.equal(JSON.parse(await page.textContent("body")).user.name, "alice");
  await page.goto(`${OWNER}/`);
  await page.getByText("test server at /").waitFor();
  console.log("a container's page neither read, nor signed out, nor signed in as somebody else");
}

async function findsNothingAtAForeignHost(page) {
  const answer = page.waitForResponse((r) => r.request().isNavigationRequest() && r.status() === 404);
  await page.goto(`${FOREIGN}/`);
  await answer;
  assert.equal(new URL(page.url()).origin, DASHBOARD);
  console.log("nothing at a foreign host");
}

async function isSignedOutEverywhere(page) {
  await page.goto(DASHBOARD);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${DASHBOARD}/login**`);
  for (const end = Date.now() + 10_000; ; ) {
    await page.goto(`${OWNER}/again`);
    if (new URL(page.url()).pathname === "/login") break;
    assert.ok(Date.now() < end, `the ticket outlasts the session: ${page.url()}`);
  }
  await page.goto(`${LINK}/again`);
  await page.getByText("test server at /again").waitFor();
  console.log("signed out: the ticket ended with the session; who has the address of a linked host still reaches it");
}
