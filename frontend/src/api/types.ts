import type { components } from "./schema";

type Schemas = components["schemas"];

export type Challenge = Schemas["Challenge"];
export type Instance = Schemas["Instance"];
export type Route = Schemas["Route"];
export type Snapshot = Schemas["InstanceList"];
