import type { AdminChallenge, Draft, FileProblem, ImportReport } from "@/api/admin";
import { Problem } from "@/api/client";
import { text } from "../text";

/** A refusal of an archive, with everything that is wrong in it. */
export class UploadProblem extends Problem {
  constructor(
    problem: Problem,
    readonly problems: FileProblem[],
  ) {
    super(problem.status, problem.code, problem.detail, problem.retryAfter, problem.requestId);
  }
}

/** Makes a challenge of a zip archive. */
export function upload(file: File, onProgress: (share: number) => void): Promise<AdminChallenge> {
  return send("/admin/api/challenges/upload", file, onProgress);
}

/** Makes a draft of a zip archive, whatever is wrong in it. */
export function uploadDraft(file: File, onProgress: (share: number) => void): Promise<Draft> {
  return send("/admin/api/drafts", file, onProgress);
}

/** What import makes of an archive's folders; those that are named become challenges, also in the place of others. */
export function bring(file: File, folders: string[], onProgress: (share: number) => void): Promise<ImportReport> {
  const query = new URLSearchParams(folders.map((folder) => ["take", folder]));
  if (folders.length > 0) query.set("replace", "true"); // what it would replace was shown before
  return send(`/admin/api/challenges/import?${query}`, file, onProgress);
}

/** Sends a zip archive. Only XMLHttpRequest says how much of it has left. */
function send<T>(path: string, file: File, onProgress: (share: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", file);
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0));
    request.addEventListener("error", () => reject(new Problem(0, "network", text.error.network)));
    request.addEventListener("load", () => {
      const body = parse(request.responseText);
      if (request.status < 300) return resolve(body as T);
      const said = (name: string) => (typeof body[name] === "string" ? body[name] : "");
      const problem = new Problem(
        request.status,
        said("code"),
        said("detail") || text.error.unknown,
        0,
        said("request_id"),
      );
      reject(new UploadProblem(problem, Array.isArray(body.problems) ? (body.problems as FileProblem[]) : []));
    });
    request.open("POST", path);
    request.send(form);
  });
}

function parse(json: string): Record<string, unknown> {
  try {
    return JSON.parse(json) as Record<string, unknown>;
  } catch {
    return {};
  }
}
