import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { basicSetup } from "codemirror";
import { useEffect, useRef } from "react";
import type { FileProblem } from "@/api/admin";
import { languageOf } from "./languages";

type Props = {
  path: string;
  label: string;
  /** What stands in it at first; later changes are the organiser's own. */
  value: string;
  problems: FileProblem[];
  /** The line to go to; 0: stay. */
  line: number;
  onChange: (value: string) => void;
  onSave: () => void;
};

/**
 * A code editor. It lives in a shadow root, because there CodeMirror adopts its style sheets, while in the page it would
 * write a style element, which the Content-Security-Policy refuses. Give it a key of the path: each file has its own.
 */
export function CodeEditor(props: Props) {
  const { path, label, value, problems, line } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const latest = useRef(props);
  useEffect(() => {
    latest.current = props;
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: the editor is made once for a file
  useEffect(() => {
    if (!host.current) return;
    const root = host.current.shadowRoot ?? host.current.attachShadow({ mode: "open" });
    const editor = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: value,
        extensions: [
          keymap.of([
            {
              key: "Mod-s",
              preventDefault: true,
              run: () => {
                latest.current.onSave();
                return true;
              },
            },
          ]),
          basicSetup,
          lintGutter(),
          languageOf(path),
          look,
          syntaxHighlighting(colours),
          EditorView.contentAttributes.of({ "aria-label": label }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    editor.scrollDOM.tabIndex = 0; // what scrolls must be reachable by keyboard
    view.current = editor;
    // The height of a line is another once the font is there, and once what hid the editor does so no more.
    void document.fonts?.ready.then(() => editor.requestMeasure());
    const seen = new ResizeObserver(() => editor.requestMeasure());
    seen.observe(editor.dom);
    return () => {
      seen.disconnect();
      editor.destroy();
    };
  }, []);

  useEffect(() => {
    const editor = view.current;
    if (editor) editor.dispatch(setDiagnostics(editor.state, diagnostics(editor.state, problems)));
  }, [problems]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || line < 1 || line > editor.state.doc.lines) return;
    const at = editor.state.doc.line(line).from;
    editor.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
    editor.focus();
  }, [line]);

  return <div ref={host} data-editor={path} className="h-full min-h-0 overflow-hidden" />;
}

/** Problems at the lines they are in; those of the whole file are at its first. */
function diagnostics(state: EditorState, problems: FileProblem[]): Diagnostic[] {
  return problems.map((problem) => {
    const line = state.doc.line(Math.min(Math.max(1, problem.line), state.doc.lines));
    return { from: line.from, to: line.to, severity: "error", message: problem.text };
  });
}

// The page's own colours, which custom properties bring into the shadow root.
const look = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "var(--card)", fontSize: "0.8125rem" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: '"IBM Plex Mono", ui-monospace, monospace', lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--accent)" },
  ".cm-cursor": { borderLeftColor: "var(--accent)" },
  ".cm-gutters": { backgroundColor: "var(--card)", color: "var(--ink-soft)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--raised) 55%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--accent-line)",
  },
  ".cm-selectionMatch": { backgroundColor: "var(--accent-ground)" },
  ".cm-matchingBracket": { backgroundColor: "var(--accent-line)", color: "inherit" },
  ".cm-panels, .cm-tooltip": {
    backgroundColor: "var(--card)",
    color: "var(--ink)",
    border: "1px solid var(--line-strong)",
  },
  ".cm-textfield, .cm-button": {
    backgroundColor: "var(--card)",
    backgroundImage: "none",
    color: "var(--ink)",
    border: "1px solid var(--line-strong)",
    borderRadius: "0.25rem",
  },
  // CodeMirror's own marks are data: pictures, which the Content-Security-Policy refuses.
  ".cm-lint-marker-error": {
    content: "normal",
    width: "0.6rem",
    height: "0.6rem",
    margin: "0.3rem 0.1rem",
    borderRadius: "50%",
    backgroundColor: "var(--bad)",
  },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--raised)", color: "var(--ink-soft)", border: "none" },
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier, tags.tagName], color: "var(--accent)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--busy)" },
  { tag: [tags.comment, tags.meta], color: "var(--ink-soft)", fontStyle: "italic" },
  {
    tag: [tags.heading, tags.definition(tags.propertyName), tags.propertyName, tags.attributeName],
    color: "var(--accent)",
  },
  { tag: tags.invalid, color: "var(--bad)" },
]);
