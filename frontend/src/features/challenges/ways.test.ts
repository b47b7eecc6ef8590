import { expect, test } from "vitest";
import { webRoute } from "@/test/fixtures";
import { waysOf } from "./ways";

const lines = (given: Partial<typeof webRoute>) => waysOf({ ...webRoute, ...given }).map(({ line }) => line);

test("every tool asks for the name of a TLS route", () => {
  expect(lines({ type: "tcp", host: "pwn-abc.ctf.org", port: 443, hint: "" })).toEqual([
    'remote("pwn-abc.ctf.org", 443, ssl=True, sni="pwn-abc.ctf.org")',
    "ncat --ssl --ssl-servername pwn-abc.ctf.org pwn-abc.ctf.org 443",
    "socat - OPENSSL:pwn-abc.ctf.org:443,snihost=pwn-abc.ctf.org,verify=0",
    "openssl s_client -quiet -connect pwn-abc.ctf.org:443 -servername pwn-abc.ctf.org",
  ]);
});

test("under localhost tools dial the address and ask for the name", () => {
  const [pwntools] = lines({ type: "tcp", host: "pwn-abc.instances.localhost", port: 8443 });
  expect(pwntools).toBe('remote("127.0.0.1", 8443, ssl=True, sni="pwn-abc.instances.localhost")');
});

test("the line that is shown already is not repeated", () => {
  const hint = "ncat --ssl --ssl-servername a.ctf.org a.ctf.org 443";
  expect(lines({ type: "tcp", host: "a.ctf.org", port: 443, hint })).not.toContain(hint);
});

test("a port is dialled where its first line says, and a line of the challenge's own stays alone", () => {
  expect(lines({ type: "port", port: 30001, hint: "nc ctf.org 30001" })).toEqual([
    'remote("ctf.org", 30001)',
    "socat - TCP:ctf.org:30001",
  ]);
  expect(lines({ type: "port", port: 30001, hint: "telnet ctf.org 30001" })).toEqual([]);
  expect(lines({ type: "custom", port: 22, hint: "ssh -p 22 ctf.org" })).toEqual([]);
});
