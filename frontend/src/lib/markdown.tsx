import { Lexer, type Token, type Tokens } from "marked";
import { Fragment, type ReactNode, useMemo } from "react";

/**
 * Markdown as React elements. HTML in the source is shown as text, pictures become links, and only web and mail
 * addresses can be followed, so what an author or a player writes never becomes script.
 */
export function Markdown({ source }: { source: string }) {
  const tokens = useMemo(() => new Lexer({ gfm: true }).lex(source), [source]);
  return <div className="prose">{renderAll(tokens)}</div>;
}

function renderAll(tokens: Token[] | undefined): ReactNode {
  return tokens?.map((token, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a parsed text never changes its order
    <Fragment key={index}>{render(token as Tokens.Generic & MarkedToken)}</Fragment>
  ));
}

type MarkedToken =
  | Tokens.Heading
  | Tokens.Paragraph
  | Tokens.Text
  | Tokens.Code
  | Tokens.Codespan
  | Tokens.Strong
  | Tokens.Em
  | Tokens.Del
  | Tokens.Link
  | Tokens.Image
  | Tokens.List
  | Tokens.Blockquote
  | Tokens.Table
  | Tokens.Escape
  | Tokens.Br
  | Tokens.Hr
  | Tokens.Space
  | Tokens.HTML
  | Tokens.Def;

function render(token: MarkedToken): ReactNode {
  switch (token.type) {
    case "heading":
      return (
        <p>
          <strong>{renderAll(token.tokens)}</strong>
        </p>
      );
    case "paragraph":
      return <p>{renderAll(token.tokens)}</p>;
    case "text":
      return "tokens" in token && token.tokens ? renderAll(token.tokens) : token.text;
    case "escape":
      return token.text;
    case "strong":
      return <strong>{renderAll(token.tokens)}</strong>;
    case "em":
      return <em>{renderAll(token.tokens)}</em>;
    case "del":
      return <del>{renderAll(token.tokens)}</del>;
    case "codespan":
      return <code>{token.text}</code>;
    case "code":
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long line must be reachable by keyboard to be scrolled
        <pre tabIndex={0}>
          <code>{token.text}</code>
        </pre>
      );
    case "blockquote":
      return <blockquote>{renderAll(token.tokens)}</blockquote>;
    case "list":
      return renderList(token);
    case "table":
      return renderTable(token);
    case "link":
      return <SafeLink href={token.href}>{renderAll(token.tokens)}</SafeLink>;
    case "image":
      return <SafeLink href={token.href}>{token.text || token.href}</SafeLink>;
    case "br":
      return <br />;
    case "hr":
      return <hr />;
    case "space":
    case "def":
      return null;
    default:
      return token.raw;
  }
}

function renderList(list: Tokens.List): ReactNode {
  const items = list.items.map((item, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a parsed text never changes its order
    <li key={index}>{renderAll(item.tokens)}</li>
  ));
  return list.ordered ? <ol start={list.start || 1}>{items}</ol> : <ul>{items}</ul>;
}

function renderTable(table: Tokens.Table): ReactNode {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table must be reachable by keyboard to be scrolled
    <div className="overflow-x-auto" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {table.header.map((cell, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a parsed text never changes its order
              <th key={index}>{renderAll(cell.tokens)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, r) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a parsed text never changes its order
            <tr key={r}>
              {row.map((cell, c) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a parsed text never changes its order
                <td key={c}>{renderAll(cell.tokens)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SafeLink({ href, children }: { href: string; children: ReactNode }) {
  if (!/^(https?:|mailto:)/i.test(href)) return <>{children}</>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
}
