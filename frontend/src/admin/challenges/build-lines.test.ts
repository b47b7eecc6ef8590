import { expect, test } from "vitest";
import { buildLines } from "./build-lines";

test("a build's log has no colours, no overwritten lines, and no labels of Whaley's own", () => {
  const log =
    "Step 1/3 : FROM busybox\n ---> 1\n\u001b[91mE: broken\n\u001b[0m10 %\r100 %\r\nStep 2/3 : LABEL whaley.instance=x\n" +
    " ---> Running in 2\nRemoving intermediate container 2\n ---> 3\nStep 3/3 : LABEL mine=yes\n ---> 4\n";
  expect(buildLines(log)).toEqual([
    "Step 1/3 : FROM busybox",
    " ---> 1",
    "E: broken",
    "100 %",
    "Step 3/3 : LABEL mine=yes",
    " ---> 4",
  ]);
  expect(buildLines("")).toEqual([]);
});
