import type { FileProblem } from "@/api/admin";
import { text } from "../text";

type Props = { problems: FileProblem[]; onOpen?: (problem: FileProblem) => void };

/** What is wrong in a challenge's files, and where. */
export function Problems({ problems, onOpen }: Props) {
  if (problems.length === 0) return null;
  return (
    <ul className="mt-2 flex flex-col gap-2">
      {problems.map((problem) => {
        const place = text.challenges.place(problem.file, problem.line, problem.key);
        return (
          <li key={`${place} ${problem.text}`} className="text-sm">
            {onOpen && problem.file !== "" ? (
              <button
                type="button"
                onClick={() => onOpen(problem)}
                className="cursor-pointer break-all text-left font-mono text-[0.8125rem] text-accent underline underline-offset-4"
              >
                {place}
              </button>
            ) : (
              <span className="break-all font-mono text-[0.8125rem]">{place}</span>
            )}
            <span className="block break-words">{problem.text}</span>
          </li>
        );
      })}
    </ul>
  );
}
