import type { components } from "./schema";

type Schemas = components["schemas"];

/** A setting of the sidecar, with all that its form needs. */
export type Setting = Schemas["Setting"];
/** A player or team who has had an instance. */
export type AdminOwner = Schemas["OwnerList"]["owners"][number];
/** What was solved, and the addresses, of one of them. */
export type AdminOwnerDetail = Schemas["OwnerDetail"];
/** An organiser with a key of their own. */
export type Organiser = Schemas["Organiser"];
/** One change of a setting. */
export type SettingChange = Schemas["SettingChange"];
/** A challenge's folder and what players get of it. */
export type AdminChallenge = Schemas["AdminChallenge"];
/** A revision that a challenge had. */
export type Revision = Schemas["Revision"];

/** How one file differs between two revisions. */
export type FileChange = Schemas["FileChange"];
/** Something wrong in a challenge's files. */
export type FileProblem = Schemas["FileProblem"];
/** What import makes of an archive's folders. */
export type ImportReport = Schemas["ImportReport"];
/** What import makes of one of them. */
export type ImportedChallenge = Schemas["ImportedChallenge"];
/** A file or a folder of a challenge. */
export type FileEntry = Schemas["FileEntry"];
/** A file of a challenge with what is in it. */
export type FileContent = Schemas["File"];
/** Something that happened. */
export type AdminEvent = Schemas["Event"];
/** What the containers of an instance have written. */
export type Capture = Schemas["Capture"];
/** What an instance uses. */
export type InstanceUsage = Schemas["InstanceUsage"];
/** Somebody's instance, with what organisers may know of it. */
export type AdminInstance = Schemas["AdminInstance"];
/** A host port that an owner gets again. */
export type PortMapping = Schemas["PortMappingList"]["mappings"][number];
/** One instance with its containers and what happened to it. */
export type AdminInstanceDetail = Schemas["AdminInstanceDetail"];
/** An owner's flag of a challenge. */
export type IssuedFlag = Schemas["IssuedFlag"];
/** Which challenge of CTFd one of ours is. */
export type ChallengeMapping = Schemas["ChallengeMapping"];
/** The challenges of CTFd and ours side by side. */
export type ChallengePairing = Schemas["ChallengePairing"];
/** What Whaley keeps in CTFd. */
export type Connection = Schemas["Connection"];
/** An entry of the review list. */
export type Suspicion = Schemas["Suspicion"];
/** Somebody in an entry of the review list. */
export type SuspicionParty = Schemas["SuspicionParty"];
/** What became of an entry of the review list. */
export type ReviewState = Schemas["ReviewState"];
/** A challenge as an organiser would like to have it. */
export type Draft = Schemas["Draft"];
/** A draft that is tried. */
export type Trial = Schemas["Trial"];
/** How a challenge's images were built. */
export type ChallengeBuild = Schemas["Build"];
