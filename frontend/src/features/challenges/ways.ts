import type { Route } from "@/api/types";

/** A tool and the line that connects with it. */
export type Way = { tool: string; line: string };

/**
 * The tools that reach a route besides its first line. For TLS by name every one must be told the name to ask for; what
 * they dial is the same name, except under localhost, which command-line tools do not look up.
 */
export function waysOf(route: Route): Way[] {
  const { host, port } = route;
  switch (route.type) {
    case "tcp": {
      const address = dialled(host);
      return [
        { tool: "pwntools", line: `remote("${address}", ${port}, ssl=True, sni="${host}")` },
        { tool: "ncat", line: `ncat --ssl --ssl-servername ${host} ${address} ${port}` },
        { tool: "socat", line: `socat - OPENSSL:${address}:${port},snihost=${host},verify=0` },
        { tool: "openssl", line: `openssl s_client -quiet -connect ${address}:${port} -servername ${host}` },
      ].filter(({ line }) => line !== route.hint);
    }
    case "port": {
      const [, address] = /^nc (\S+) \d+$/.exec(route.hint) ?? [];
      if (!address) return []; // the challenge has a line of its own
      return [
        { tool: "pwntools", line: `remote("${address}", ${port})` },
        { tool: "socat", line: `socat - TCP:${address}:${port}` },
      ];
    }
    default:
      return [];
  }
}

function dialled(host: string): string {
  return host === "localhost" || host.endsWith(".localhost") ? "127.0.0.1" : host;
}
