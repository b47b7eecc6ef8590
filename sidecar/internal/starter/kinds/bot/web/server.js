// A page that greets by name and shows its guest book, and one that hands an address of this site to the bot.
const http = require("node:http");

const book = [];

http.createServer(async (request, response) => {
	const url = new URL(request.url, "http://web:8080");
	response.setHeader("Content-Type", "text/html; charset=utf-8");
	if (url.pathname === "/report") {
		const path = url.searchParams.get("path") ?? "/";
		const answer = await fetch("http://bot:3000/?path=" + encodeURIComponent(path)).catch(() => ({ ok: false }));
		response.end(answer.ok ? "The admin has looked at it." : "The admin is busy. Try again.");
		return;
	}
	if (url.pathname === "/sign") {
		book.unshift((url.searchParams.get("text") ?? "").slice(0, 200).replace(/[<>&]/g, ""));
		book.length = Math.min(book.length, 20);
		response.end("Thank you.");
		return;
	}
	// What could go wrong?
	response.end(`<title>@NAME@</title><p>Hello, ${url.searchParams.get("name") ?? "stranger"}!</p><pre>${book.join("\n")}</pre>`);
}).listen(8080);
