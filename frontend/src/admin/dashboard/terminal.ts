import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";

const make = document.createElement.bind(document);

/**
 * What the terminal gets for an element. The page allows no style that is written into it, so a style element is one
 * whose text is a style sheet made by script, and what a cell is coloured with is set the same way.
 */
function create(name: string): HTMLElement {
  const element = make(name === "style" ? "span" : name);
  if (name === "style") {
    element.hidden = true;
    const sheet = new CSSStyleSheet();
    document.adoptedStyleSheets.push(sheet);
    Object.defineProperty(element, "textContent", { set: (css: string) => sheet.replaceSync(css) });
    element.remove = () => {
      Element.prototype.remove.call(element);
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
    };
  } else if (name === "span") {
    element.setAttribute = (key, value) => {
      if (key === "style") element.style.cssText = value;
      else Element.prototype.setAttribute.call(element, key, value);
    };
  }
  return element;
}

/** The page's document as the terminal has it. */
const ours = new Proxy(document, {
  get(target, key) {
    if (key === "createElement") return create;
    const value = Reflect.get(target, key, target);
    return typeof value === "function" ? value.bind(target) : value;
  },
});

/** Where xterm.js has what makes its cells. */
type Inside = {
  _core?: { _renderService?: { _renderer?: { value?: { _rowFactory?: { _document: Document } } } } };
};

/** A terminal at a shell of a service, in an element of the page. */
export type Shell = { close: () => void; focus: () => void };

/** Opens a shell; ended is called once with why it ended, in the words that the sidecar has for it. */
export function openShell(place: HTMLElement, address: string, label: string, ended: (why: string) => void): Shell {
  const look = getComputedStyle(place);
  const terminal = new Terminal({
    documentOverride: ours,
    fontFamily: '"IBM Plex Mono", monospace',
    fontSize: 13,
    cursorBlink: !window.matchMedia("(prefers-reduced-motion: reduce)").matches,
    screenReaderMode: true,
    scrollback: 5_000,
    theme: { background: look.backgroundColor, foreground: look.color, cursor: look.color },
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  document.createElement = create as typeof document.createElement; // its scroll bar does not ask for another document
  try {
    terminal.open(place);
  } finally {
    document.createElement = make;
  }
  const cells = (terminal as unknown as Inside)._core?._renderService?._renderer?.value?._rowFactory;
  if (cells) cells._document = ours; // the only part that takes the page's own; without it true colours are not seen
  terminal.textarea?.setAttribute("aria-label", label);
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  const bytes = new TextEncoder();
  const size = () => {
    fit.fit();
    if (socket.readyState === WebSocket.OPEN)
      socket.send(JSON.stringify({ columns: terminal.cols, rows: terminal.rows }));
  };
  const watch = new ResizeObserver(size);
  socket.addEventListener("open", () => {
    watch.observe(place);
    terminal.focus();
  });
  socket.addEventListener("message", ({ data }) => terminal.write(new Uint8Array(data as ArrayBuffer)));
  let over = false;
  socket.addEventListener("close", ({ reason }) => {
    if (!over) ended(reason);
    over = true;
    watch.disconnect();
  });
  terminal.onData((typed) => socket.readyState === WebSocket.OPEN && socket.send(bytes.encode(typed)));
  return {
    focus: () => terminal.focus(),
    close: () => {
      over = true;
      socket.close();
      watch.disconnect();
      terminal.dispose();
    },
  };
}
