import type { components } from "./schema";

type Schemas = components["schemas"];

/** One challenge with the player's own addresses. */
export type Challenge = Schemas["Challenge"];
export type ChallengesAnswer = Schemas["ChallengeList"];
export type ScoreboardEvent = Schemas["ScoreboardEvent"];
/** What there is to know of this installation. */
export type Config = Schemas["Config"];
/** One owner's copy of a challenge. */
export type Instance = Schemas["Instance"];
/** Who is asking, and how many instances they may have. */
export type Me = Schemas["Me"];
/** One way into an instance. */
export type Route = Schemas["Route"];
/** The player's instances at one moment of the server's time. */
export type Snapshot = Schemas["InstanceList"];
