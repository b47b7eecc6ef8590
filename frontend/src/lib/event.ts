/** How the event looks, as the server has written it into the page: there before the first thing is drawn. */
type Event = {
  name: string;
  /** Where the scoreboard is; empty: there is none. */
  home: string;
  /** A line for the foot of each page; empty: none. */
  footer: string;
};

/** Reads the face of the event out of a page. */
export function readEvent(page: Document): Event {
  const told = page.querySelector<HTMLMetaElement>('meta[name="event"]')?.content ?? "{}";
  return { name: "Whaley", home: "", footer: "", ...(JSON.parse(told) as Partial<Event>) };
}

/** The event whose pages these are. */
export const event = readEvent(document);

/** Its logo, or Whaley's mark. */
export const logo = "/event/logo";
